/** Languages written from right to left in their usual script (BCP 47 primary tags). */
const rightToLeft: ReadonlySet<string> = new Set([
  'ar',
  'arc',
  'ckb',
  'dv',
  'fa',
  'he',
  'iw',
  'ks',
  'lrc',
  'mzn',
  'nqo',
  'ps',
  'sd',
  'syr',
  'ug',
  'ur',
  'yi',
])
const rightToLeftScripts = /^(?:Arab|Hebr|Thaa|Syrc|Nkoo|Adlm)$/i

/** Whether texts in a language run from right to left; a script in the tag (`az-Arab`, `ku-Latn`) decides where there is one. */
export function isRightToLeft(language: string): boolean {
  const [primary = '', ...rest] = language.split(/[-_]/)
  const script = rest.find((part) => part.length === 4 && /^[A-Za-z]+$/.test(part))
  return script ? rightToLeftScripts.test(script) : rightToLeft.has(primary.toLowerCase())
}

/** For the `dir` attribute of a page or a print. */
export function directionOf(language: string): 'rtl' | 'ltr' {
  return isRightToLeft(language) ? 'rtl' : 'ltr'
}
