import type { Verify } from './verify.ts'

/** A webhook as it came over the wire: nothing of it is believed before it is verified. */
export interface ReceivedWebhook {
  readonly body: Buffer
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string>>
  /** The address that was called as the sender knows it, with its query. */
  readonly url: string
  readonly query: Readonly<Record<string, unknown>>
}

/** Secrets of one endpoint: the one in use, and the one before it for as long as the other side may still use it. */
export interface EndpointSecrets {
  readonly signing: readonly string[]
  /** What the other side repeats when the address is set up (Meta). */
  readonly verifyToken?: string
}

/** What is sent back when the other side tries out the address. */
export interface HandshakeAnswer {
  readonly type: string
  readonly body: string
}

/** Somebody whose webhooks an app takes. The address of each account is an Incoming Webhook document, which holds its secrets. */
export interface WebhookProvider {
  /** Lower case, digits, hyphens: `stripe`; unique on the site. */
  readonly name: string
  /** Proves, over the raw bytes, that the sender knows the secret; see verify.ts for the usual ways. */
  readonly verify: Verify
  /**
   * The event's id at the provider: a second one with the same id is acknowledged and forgotten. Must come from what is signed, or
   * anybody who saw one could send it again under another id; undefined: the hash of the body.
   */
  readonly key?: (event: VerifiedWebhook) => string | undefined
  /** Job of the same app that handles the event, without the app's name; its input is `{ event }`, which `readWebhook` takes. */
  readonly job: string
  /** Answers a first call with which the other side tries out the address; undefined: it is none. Called for GET unverified, for POST verified. */
  readonly handshake?: (webhook: ReceivedWebhook, secrets: EndpointSecrets, isVerified: boolean) => HandshakeAnswer | undefined
  /**
   * A second address, `/api/method/<method>`, for senders that were told it. Which account is meant is said by `?org=`, an organization; the
   * only account needs no saying.
   */
  readonly method?: string
  /** Bytes that a body may have; default 1 MB, at most 5 MB. */
  readonly maxBytes?: number
}

/** A webhook that was sent by whom it says; `json` is undefined where the body is none. */
export interface VerifiedWebhook extends ReceivedWebhook {
  readonly json: unknown
}
