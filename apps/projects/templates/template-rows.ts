import { ValueRefused } from '../errors.ts'

const kinds: Readonly<Record<string, string>> = {
  FS: 'Finish to Start',
  SS: 'Start to Start',
  FF: 'Finish to Finish',
  SF: 'Start to Finish',
}

export interface TemplateLink {
  readonly ref: string
  readonly dependency_type: string
  readonly lag_hours: number
}

/** Reads `1; 2 FS+4; 3 SS-1.5`. @param field where the text stands, for the refusal @throws ValueRefused */
export function readLinks(text: string | null, field: string): TemplateLink[] {
  return (text ?? '')
    .split(/[;,]/)
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map((part) => {
      const match = /^(\S+?)(?:\s+(FS|SS|FF|SF)?\s*([+-]\s*\d+(?:\.\d+)?)?)?$/i.exec(part)
      if (!match) throw new ValueRefused({ field, reason: `“${part.slice(0, 40)}” names no task; write for example 2 FS+4.` })
      const [, ref = '', kind = 'FS', lag = '0'] = match
      return { ref, dependency_type: kinds[kind.toUpperCase()] as string, lag_hours: Number(lag.replace(/\s/g, '')) }
    })
}
