import type { Context } from '#kernel/context/context.ts'
import { sql } from '#kernel/database/sql.ts'
import { Document } from '#kernel/documents/document.ts'
import { keyScopes } from '#kernel/identity/bearer-tokens.ts'
import { administratorName } from '#kernel/identity/principals.ts'
import { redirectUriComplaint, words } from '#kernel/oauth/clients.ts'
import { revokeTokensOf } from '#kernel/oauth/tokens.ts'
import { SignInSettingsInvalid } from '#kernel/sign-in/errors.ts'

interface OAuthClientFields {
  client_id: string | null
  user: string | null
  token_endpoint_auth_method: string
  skip_authorization: number
  scopes: string
  redirect_uris: string | null
  default_redirect_uri: string | null
  grant_type: string
}

/** A program that may ask for tokens; the rules are in kernel/oauth. */
export default class OAuthClient extends Document<OAuthClientFields> {
  validate(): void {
    const refuse = (field: string, reason: string): never => {
      throw new SignInSettingsInvalid({ field, reason })
    }
    this.client_id = this.name
    const isPublic = this.token_endpoint_auth_method === 'None'
    keyScopes(words(this.scopes))
    for (const [field, text] of [
      ['default_redirect_uri', this.default_redirect_uri],
      ['redirect_uris', this.redirect_uris],
    ] as const) {
      for (const uri of words(text)) {
        const complaint = redirectUriComplaint(uri)
        if (complaint) refuse(field, `${uri.slice(0, 140)} ${complaint}`)
      }
    }
    if (words(this.default_redirect_uri).length > 1) refuse('default_redirect_uri', 'it holds more than one address.')
    if (isPublic && this.skip_authorization)
      refuse('skip_authorization', 'anybody can pose as a program without a secret, so people must be asked.')
    if (this.grant_type === 'Client Credentials') {
      if (isPublic) refuse('grant_type', 'a program without a secret cannot act by itself.')
      if (!this.user) refuse('user', 'a program that acts by itself needs a user to act as.')
      if (this.user === administratorName) refuse('user', 'a program never acts as the Administrator. Make a user with the roles it needs.')
    } else if (words(this.default_redirect_uri).length === 0 && words(this.redirect_uris).length === 0)
      refuse('default_redirect_uri', 'it needs an address to return people to.')
  }

  async on_trash(ctx: Context): Promise<void> {
    await revokeTokensOf(ctx, { client: this.name })
    for (const table of ['OAuth Bearer Token', 'OAuth Authorization Code'])
      await ctx.db.execute(ctx.db.dialect.compile(sql`delete from ${sql.id(`tab${table}`)} where client = ${this.name}`))
  }
}
