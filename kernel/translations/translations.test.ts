import assert from 'node:assert/strict'
import { before, suite, test } from 'node:test'
import { errorCatalogue } from '#client/rules/errors.ts'
import { MandatoryMissing } from '#kernel/documents/errors.ts'
import { insert, openForWrite, save } from '#kernel/documents/save.ts'
import { testServer } from '#testing/server.ts'
import { readCsvText } from './csv-text.ts'
import { fileOf } from './catalogue.ts'
import { appTexts } from './extract.ts'
import { languageForGuest, loadTranslations, screenTexts, translate, translateCount, translateError } from './translate.ts'

const server = await testServer()

suite('translations', () => {
  before(async () => {
    await server.asSystem(async (ctx) => {
      for (const [code, name] of [
        ['de', 'Deutsch'],
        ['de-AT', 'Österreichisch'],
        ['pl', 'Polski'],
      ])
        if (!(await ctx.db.query({ sql: `select name from tabLanguage where name = '${code}'`, parameters: [] })).length)
          await insert(ctx, 'Language', { language_code: code, language_name: name })
    })
  })

  const inLanguage = <T>(language: string, work: (ctx: Parameters<typeof translate>[0]) => T): Promise<T> =>
    server.asSystem(async (ctx) => {
      await loadTranslations(ctx.site, language)
      return work({ site: ctx.site, user: { ...ctx.user, language } })
    })

  test('a text is looked up in the language, then in the one it belongs to, and stays as it is where nobody translated it', async () => {
    assert.equal(await inLanguage('de', (ctx) => translate(ctx, 'User')), 'Benutzer')
    assert.equal(await inLanguage('de-CH', (ctx) => translate(ctx, 'User')), 'Benutzer')
    assert.equal(await inLanguage('en', (ctx) => translate(ctx, 'User')), 'User')
    assert.equal(await inLanguage('xx', (ctx) => translate(ctx, 'User')), 'User')
    assert.equal(await inLanguage('../../etc', (ctx) => translate(ctx, 'User')), 'User')
  })

  test('the site’s own translation wins, by context too, and counts at once in this process', async () => {
    const make = (values: object) => server.make('Translation', { language: 'de-AT', ...values })
    const name = await make({ source_text: 'Saturday', translated_text: 'Samstag!' })
    await make({ source_text: 'Open', translated_text: 'Öffnen', context: 'verb' })
    await server.site.freshen()
    assert.equal(await inLanguage('de-AT', (ctx) => translate(ctx, 'Saturday')), 'Samstag!')
    assert.equal(await inLanguage('de-AT', (ctx) => translate(ctx, 'Open')), 'Offen')
    assert.equal(await inLanguage('de-AT', (ctx) => translate(ctx, 'Open', 'verb')), 'Öffnen')
    assert.equal(await inLanguage('de', (ctx) => translate(ctx, 'Saturday')), 'Samstag')
    await server.asSystem(async (ctx) => save(ctx, await openForWrite(ctx, 'Translation', name), { translated_text: 'Sonnabend' }))
    await server.site.freshen()
    assert.equal(await inLanguage('de-AT', (ctx) => translate(ctx, 'Saturday')), 'Sonnabend')
    const texts = await screenTexts(server.site, 'de-AT')
    assert.deepEqual([texts['Open:verb'], texts.User, texts['document/stale']], ['Öffnen', 'Benutzer', undefined])
  })

  test('numbers take the form that the language has for them', async () => {
    const forms = { one: '{count} row', other: '{count} rows' }
    for (const [context, translated_text] of [
      ['one', '{count} wiersz'],
      ['few', '{count} wiersze'],
      ['many', '{count} wierszy'],
    ])
      await server.make('Translation', { language: 'pl', source_text: forms.other, context, translated_text })
    await server.site.freshen()
    const counted = (language: string) => inLanguage(language, (ctx) => [1, 3, 5].map((count) => translateCount(ctx, count, forms)))
    assert.deepEqual(await counted('pl'), ['1 wiersz', '3 wiersze', '5 wierszy'])
    assert.deepEqual(await counted('en'), ['1 row', '3 rows', '5 rows'])
  })

  test('a refusal speaks the language of its reader, with its data, and keeps its code', async () => {
    const error = new MandatoryMissing({ doctype: 'ToDo', name: '', field: 'a', fields: ['a', 'b'], labels: ['Description', 'Unheard of'] })
    const { site } = server
    await loadTranslations(site, 'de')
    assert.equal(translateError(site, 'de', error), 'Bitte ausfüllen: Beschreibung, Unheard of.')
    assert.equal(translateError(site, 'en', error), error.message)
    const ask = (language: string) =>
      server.call('GET', '/api/v2/document/Nothing%20Such/x', { as: '', headers: { 'accept-language': language } })
    const sentence = async (language: string) =>
      (((await ask(language)).json.errors as { message: string; code: string }[])[0] as { message: string }).message
    assert.match(await sentence('fr;q=0.9, de-DE, en;q=0.5'), /^Den Dokumenttyp Nothing Such gibt es nicht\.$/)
    assert.match(await sentence('fr, en;q=0.8, de;q=0.1'), /not found/)
  })

  test('a guest gets the first language that is wanted and known, else the site’s', () => {
    const { site } = server
    const chosen = (header: string | undefined) => languageForGuest(site, header)
    assert.deepEqual(['de', 'de-AT,en', 'fr,de;q=0.2', 'en-GB,de', 'fr', 'de;q=0', ''].map(chosen), [
      'de',
      'de',
      'de',
      'en',
      'en',
      'en',
      'en',
    ])
    assert.equal(chosen(undefined), 'en')
    assert.equal(chosen('x'.repeat(100_000)), 'en')
  })

  test('every translation of an app has a text, and says nothing that the data of its error does not have', () => {
    const { all } = server.site.apps
    const core = all.find(({ name }) => name === 'core')
    assert.ok(core)
    const known = new Map(appTexts(all, 'core', 'de', false).map((text) => [`${text.source}\u0004${text.context}`, text]))
    const codes = new Set(errorCatalogue().map(({ code }) => code))
    for (const [key, translation] of fileOf(core, 'de')) {
      const [source = '', context = ''] = key.split('\u0004')
      if (context !== 'error') continue
      assert.ok(codes.has(source), `${source} is no error`)
      const sentence = known.get(key)?.note ?? ''
      if (sentence === '') continue
      for (const [, name] of translation.matchAll(/\{(\w+)\}/g)) assert.ok(sentence.includes(`{${name}}`), `${source}: {${name}}`)
    }
    const missing = appTexts(all, 'core', 'de', true)
    assert.ok(missing.length < known.size && missing.every(({ translation }) => translation === ''))
  })

  test('a file of translations is read as CSV, and a damaged one is refused', () => {
    assert.deepEqual(readCsvText('\ufeffa,b\r\n"x, ""y""",  z , ctx\n'), [
      ['a', 'b'],
      ['x, "y"', 'z', 'ctx'],
    ])
    assert.throws(() => readCsvText('a,"b\n'), SyntaxError)
  })
})
