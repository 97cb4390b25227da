/** Text that is HTML already; everything else is escaped when it enters a page. */
export interface Markup {
  readonly markup: string
}

type Part = string | number | Markup | readonly Part[]

/** Puts HTML together; what is put in is escaped, unless it was made by `html` or `raw` itself. */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Markup {
  let markup = strings[0] ?? ''
  for (const [index, part] of parts.entries()) markup += textOf(part) + (strings[index + 1] ?? '')
  return { markup }
}

/** Text from this program that needs no escaping. */
export function raw(markup: string): Markup {
  return { markup }
}

function textOf(part: Part): string {
  if (Array.isArray(part)) return part.map(textOf).join('')
  if (typeof part === 'object') return (part as Markup).markup
  return String(part).replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}

/** A value as it stands in a script: no text in it can end the script. */
export function scriptText(value: unknown): string {
  return JSON.stringify(value).replaceAll(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

const style = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
:root { --line: light-dark(#d8dee6, #333c47); --soft: light-dark(#f4f6f9, #171c22); --quiet: light-dark(#51606f, #a3b1c0); --strong: light-dark(#0b5cad, #7db8f5) }
body { margin: 0 auto; max-width: 58rem; padding: 2rem 1.25rem 4rem; background: light-dark(#fff, #0e1216); color: light-dark(#17202a, #e6edf4) }
h1 { margin: 0; font-size: 1.6rem } h2 { margin: 2.25rem 0 .75rem; font-size: 1.15rem } h3 { margin: 1.5rem 0 .25rem; font-size: 1rem }
header p, form p, dt { margin: .25rem 0; color: var(--quiet) }
a { color: var(--strong) }
ul { padding: 0; list-style: none } li { padding: .4rem 0; border-bottom: 1px solid var(--line); overflow-wrap: anywhere }
code, pre { font: .875em/1.5 ui-monospace, monospace }
pre { margin: 0; padding: .6rem .75rem; background: var(--soft); border: 1px solid var(--line); border-radius: .4rem; white-space: pre-wrap; overflow-wrap: anywhere }
dl, dd { margin: 0 } dt { margin-top: .9rem }
.card { margin: 1.5rem 0 0; padding: 1rem; border: 1px solid var(--line); border-radius: .5rem; background: var(--soft) }
input, button { font: inherit; padding: .5rem .7rem; border: 1px solid var(--line); border-radius: .4rem; background: light-dark(#fff, #0e1216); color: inherit }
button { background: var(--strong); color: light-dark(#fff, #0e1216); border-color: transparent; cursor: pointer }
:focus-visible { outline: 2px solid var(--strong); outline-offset: 2px }
#search { width: 100%; box-sizing: border-box }
form { display: flex; flex-wrap: wrap; gap: .75rem; align-items: end } form p { flex-basis: 100% }
label { display: grid; gap: .2rem; flex: 1 1 14rem } output { color: light-dark(#b3261e, #ff9b93) }
`

/** A whole page; styles and scripts run by their nonce only. */
export function page(title: string, nonce: string, body: Markup, script: Markup): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${textOf(title)}</title>
<style nonce="${nonce}">${style}</style>
</head>
<body>
<main>${body.markup}</main>
${script.markup === '' ? '' : `<script nonce="${nonce}">${script.markup}</script>`}
</body>
</html>
`
}

/** What people see who follow a link that leads nowhere. Nothing in it runs. */
export function errorPage(status: number, sentence: string): string {
  const { markup } = html`<h1>${status}</h1><p>${sentence}</p><p><a href="/">Start page</a></p>`
  return `<!doctype html>\n<html lang="en">\n<head><meta charset="utf-8"><title>${status}</title></head>\n<body><main>${markup}</main></body>\n</html>\n`
}
