/**
 * The passwords that guessing programs try first, of those long enough to pass the length rule; lower case. Variants with other
 * capitals, or with digits and signs appended, are recognised by `isCommonPassword`.
 */
const commonPasswords: ReadonlySet<string> = new Set(
  `password passw0rd password1 p@ssword p@ssw0rd pa55word pa$$word 12345678 123456789 1234567890 123123123 11111111 00000000 12341234
  87654321 987654321 0987654321 11223344 1q2w3e4r 1q2w3e4r5t 1qaz2wsx q1w2e3r4 qwertyui qwertyuiop qwerty12 qwerty123 qwerty1234 asdfghjk
  asdfghjkl zxcvbnm1 asdf1234 abcd1234 abc12345 abcdefgh abcdefghi a1b2c3d4 iloveyou iloveyou1 sunshine princess football baseball
  basketball superman batman123 dragon123 monkey123 michael1 charlie1 jennifer jordan23 trustno1 starwars whatever welcome1 welcome123
  letmein1 letmein123 admin123 admin1234 administrator changeme changeme1 changeit default1 secret123 test1234 testtest guest123 user1234
  root1234 toor1234 master123 computer internet samsung1 google123 facebook liverpool chelsea1 arsenal1 hello123 hellohello helloworld
  freedom1 mustang1 shadow123 summer123 summer2024 summer2025 summer2026 winter123 winter2024 winter2025 winter2026 spring2025 spring2026
  autumn2025 autumn2026 january1 monday123 company1 company123 business pokemon1 minecraft fortnite blink182 corvette mercedes porsche1
  ferrari1 yankees1 cowboys1 steelers rangers1 patriots lakers123 matthew1 andrew123 daniel123 jessica1 ashley123 nicole123 passwort
  motdepasse contraseña senha123 wachtwoord hunter22 access14 correcthorsebatterystaple temp1234 temporary orchestrator orchestrator1`
    .split(/\s+/)
    .filter((word) => word.length > 0),
)

/** Whether a password is one of the commonest, whatever its capitals and however many digits or signs end it. */
export function isCommonPassword(password: string): boolean {
  const lower = password.toLowerCase()
  if (commonPasswords.has(lower)) return true
  let end = lower.length
  while (end > 0 && !/\p{L}/u.test(lower[end - 1] as string)) end--
  const stem = lower.slice(0, end)
  return (stem.length >= 8 && commonPasswords.has(stem)) || new Set(lower).size <= 2
}
