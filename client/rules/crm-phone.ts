/** What a country does with telephone numbers: its calling code, and what is dialled before a number inside the country only. */
interface DialPlan {
  readonly code: string
  /** The trunk prefix that falls away abroad; empty where numbers have none. */
  readonly trunk: string
  /** How many digits a whole number of the country has without its calling code, where that is fixed. */
  readonly digits?: number
}

const plan = (code: string, trunk = '0', digits?: number): DialPlan => ({ code, trunk, ...(digits !== undefined && { digits }) })

/** By ISO 3166 code, lower case. Italy and its neighbours keep the 0 abroad; Spain, Norway and others have none. */
const plans: Readonly<Record<string, DialPlan>> = {
  us: plan('1', '1', 10),
  ca: plan('1', '1', 10),
  ru: plan('7', '8', 10),
  kz: plan('7', '8', 10),
  eg: plan('20'),
  za: plan('27'),
  gr: plan('30', '', 10),
  nl: plan('31'),
  be: plan('32'),
  fr: plan('33', '0', 9),
  es: plan('34', '', 9),
  hu: plan('36', '06'),
  it: plan('39', ''),
  ro: plan('40'),
  ch: plan('41', '0', 9),
  at: plan('43'),
  gb: plan('44'),
  dk: plan('45', '', 8),
  se: plan('46'),
  no: plan('47', '', 8),
  pl: plan('48', '', 9),
  de: plan('49'),
  pe: plan('51'),
  mx: plan('52', '', 10),
  ar: plan('54'),
  br: plan('55'),
  cl: plan('56', '', 9),
  co: plan('57', '', 10),
  my: plan('60'),
  au: plan('61', '0', 9),
  id: plan('62'),
  ph: plan('63'),
  nz: plan('64'),
  sg: plan('65', '', 8),
  th: plan('66'),
  jp: plan('81'),
  kr: plan('82'),
  vn: plan('84'),
  cn: plan('86'),
  tr: plan('90', '0', 10),
  in: plan('91', '0', 10),
  pk: plan('92'),
  lk: plan('94'),
  ir: plan('98'),
  ma: plan('212'),
  dz: plan('213'),
  tn: plan('216', '', 8),
  ng: plan('234'),
  ke: plan('254'),
  pt: plan('351', '', 9),
  lu: plan('352', ''),
  ie: plan('353'),
  is: plan('354', '', 7),
  mt: plan('356', '', 8),
  cy: plan('357', '', 8),
  fi: plan('358'),
  bg: plan('359'),
  lt: plan('370', '8', 8),
  lv: plan('371', '', 8),
  ee: plan('372', ''),
  ua: plan('380', '0', 9),
  rs: plan('381'),
  hr: plan('385'),
  si: plan('386'),
  ba: plan('387'),
  cz: plan('420', '', 9),
  sk: plan('421'),
  li: plan('423', '', 7),
  hk: plan('852', '', 8),
  tw: plan('886'),
  bd: plan('880'),
  il: plan('972'),
  ae: plan('971'),
  sa: plan('966'),
  qa: plan('974', ''),
}

/** The shortest and longest number that the international plan (E.164) knows, calling code included. */
const [fewest, most] = [7, 15]

/**
 * A telephone number in one form, so that two ways of writing it compare equal: `+` and digits (E.164) where the country is told by the number
 * or by `country`, otherwise the digits without a leading 0. An extension (`ext. 5`, `x5`, `#5`) is left out: it rings at the same place.
 * @param country  ISO 3166 code of the country in which a number without calling code is dialled
 * @returns undefined for what is no number
 */
export function normalizePhone(text: string | null | undefined, country?: string | null): string | undefined {
  const written = (text ?? '').normalize('NFKC').replace(/(?:\s*(?:ext\.?|extension|durchwahl|x|#)\s*\d{1,6})\s*$/iu, '')
  // What people write to say that the 0 is dialled inside the country only: +49 (0)30 …
  const bare = written.trim().replace(/^(\+|00)([\d\s().\-/]*?)\(0\)/u, '$1$2')
  if (!/^[+\d\s().\-/]+$/u.test(bare)) return undefined
  const digits = bare.replace(/\D/gu, '')
  if (bare.startsWith('+')) return sized(`+${digits}`)
  const dialled = plans[country?.toLowerCase() ?? '']
  if (dialled?.code === '1' && digits.startsWith('011')) return sized(`+${digits.slice(3)}`)
  if (digits.startsWith('00')) return sized(`+${digits.slice(2)}`)
  if (!dialled) return sized(digits.replace(/^0+/u, ''), 5)
  const hasCode = dialled.digits !== undefined && digits.length === dialled.code.length + dialled.digits && digits.startsWith(dialled.code)
  if (hasCode) return sized(`+${digits}`)
  const national = dialled.trunk && digits.startsWith(dialled.trunk) ? digits.slice(dialled.trunk.length) : digits
  return sized(`+${dialled.code}${national}`)
}

function sized(number: string, shortest = fewest): string | undefined {
  const length = number.replace('+', '').length
  return length >= shortest && length <= most ? number : undefined
}
