import { appTexts } from '#kernel/translations/extract.ts'
import { type Call, type Command, one, type Outcome, word } from '../command.ts'

const language = { name: 'LANGUAGE', summary: 'its tag, such as de or pt-BR' }

export const translationCommands: readonly Command[] = [
  {
    name: 'translate extract',
    summary: 'Print every text of an app as a file of translations, with what is translated already',
    arguments: [language],
    options: { app: { value: 'APP', summary: 'default core' } },
    example: 'orc translate extract de --app core',
    run: (call) => print(call, false),
  },
  {
    name: 'translate missing',
    summary: 'Print the texts of an app that have no translation yet',
    arguments: [language],
    options: { app: { value: 'APP', summary: 'default core' } },
    example: 'orc translate missing de --app core',
    run: (call) => print(call, true),
  },
]

async function print(call: Call, missingOnly: boolean): Promise<Outcome> {
  const runtime = await call.runtime()
  const value = appTexts(runtime.apps.all, one(call.options, 'app') ?? 'core', word(call, 'LANGUAGE'), missingOnly)
  const quoted = (text: string): string => (/[",\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text)
  return { value, text: value.map((row) => [row.source, row.translation, row.context, row.note].map(quoted).join(',')).join('\n') }
}
