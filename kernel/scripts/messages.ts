import type { FailureKind, SandboxLimits } from '#client/rules/sandbox/sandbox.ts'

/** What the process tells the thread that runs scripts. Texts are JSON unless said otherwise. */
export type ToThread =
  | {
      readonly kind: 'run'
      readonly id: number
      /** JavaScript. */
      readonly source: string
      readonly values: string
      /** Each the text of a function. */
      readonly libraries: readonly string[]
      readonly limits: SandboxLimits
    }
  | { readonly kind: 'answer'; readonly id: number; readonly call: number; readonly text: string }
  | { readonly kind: 'refuse'; readonly id: number; readonly call: number; readonly name: string; readonly message: string }
  | { readonly kind: 'stop'; readonly id: number }
  | { readonly kind: 'ping' }

/** What the thread tells the process. */
export type FromThread =
  | { readonly kind: 'call'; readonly id: number; readonly call: number; readonly name: string; readonly text: string }
  | { readonly kind: 'tell'; readonly id: number; readonly name: string; readonly text: string }
  | { readonly kind: 'done'; readonly id: number; readonly text: string }
  | {
      readonly kind: 'failed'
      readonly id: number
      /** `host`: the call of that number failed, and the script let it through. */
      readonly failure: FailureKind | 'host'
      readonly call: number
      readonly message: string
      readonly line: number
      readonly title: string
    }
  | { readonly kind: 'pong' }
