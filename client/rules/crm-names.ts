import { foldCase } from './text.ts'

/** Words that say what a company is in law, not what it is called. */
const legalForms = new Set(
  'ab ag as asa bv co company corp corporation ev gbr gmbh inc incorporated kft kg kgaa limited llc llp ltd mbh nv ohg oy plc pte pty sa sarl sas se sl sro spa srl the und and'.split(
    ' ',
  ),
)
/** Letters that no decomposition takes apart. */
const spelled: Readonly<Record<string, string>> = { ß: 'ss', æ: 'ae', ø: 'o', œ: 'oe', ł: 'l', đ: 'd', ð: 'd', þ: 'th' }

/**
 * A name as it is compared: without case, accents, punctuation and legal form, its words in order of the alphabet. `Müller & Söhne GmbH` and
 * `Sohne, Muller` have one key. A name that is nothing but legal forms keeps them.
 */
export function nameKey(name: string | null | undefined): string {
  const plain = foldCase((name ?? '').normalize('NFKD').replace(/\p{M}/gu, '')).replace(
    /[ßæøœłđðþ]/gu,
    (letter) => spelled[letter] ?? letter,
  )
  const words = plain
    .replace(/(?<=\p{L})\.(?=\p{L})/gu, '')
    .split(/[^\p{L}\p{N}]+/u)
    .filter(Boolean)
  const telling = words.filter((word) => !legalForms.has(word))
  return (telling.length > 0 ? telling : words).sort().join(' ').slice(0, 140)
}

/** How alike two names are, from 0 to 1: Jaro-Winkler of their keys. 1 means the same key; from 0.92 on people would ask. */
export function nameSimilarity(one: string, other: string): number {
  const [a, b] = [nameKey(one), nameKey(other)]
  if (a === '' || b === '') return 0
  if (a === b) return 1
  const jaro = jaroOf(a, b)
  let common = 0
  while (common < 4 && a[common] === b[common] && a[common] !== undefined) common++
  return jaro + common * 0.1 * (1 - jaro)
}

function jaroOf(a: string, b: string): number {
  const reach = Math.max(0, Math.floor(Math.max(a.length, b.length) / 2) - 1)
  const taken = new Array<boolean>(b.length).fill(false)
  const matched: string[] = []
  for (let i = 0; i < a.length; i++)
    for (let j = Math.max(0, i - reach); j <= Math.min(b.length - 1, i + reach); j++)
      if (!taken[j] && a[i] === b[j]) {
        taken[j] = true
        matched.push(a[i] as string)
        break
      }
  if (matched.length === 0) return 0
  const others = [...b].filter((_, index) => taken[index])
  const swapped = matched.filter((letter, index) => letter !== others[index]).length / 2
  const same = matched.length
  return (same / a.length + same / b.length + (same - swapped) / same) / 3
}
