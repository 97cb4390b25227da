/** What tests use of a package that brings no types. */
declare module 'oidc-provider' {
  export default class Provider {
    constructor(issuer: string, configuration: object)
    callback(): (request: import('node:http').IncomingMessage, response: import('node:http').ServerResponse) => Promise<void>
    on(event: string, listener: (context: unknown, error: Error) => void): this
  }
}
