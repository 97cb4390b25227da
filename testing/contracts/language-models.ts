import assert from 'node:assert/strict'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, beforeEach, suite, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { sql } from '#kernel/database/sql.ts'
import { getDocument } from '#kernel/documents/load.ts'
import { insert, openForWrite, save } from '#kernel/documents/save.ts'
import { setValue } from '#kernel/documents/values.ts'
import { CalledWhileWriting, ServiceInputRefused, ServiceNotAuthorised, ServiceTransient } from '#kernel/external/errors.ts'
import { askModel, type Question } from '#kernel/language-models/ask.ts'
import { spentOnDay } from '#kernel/language-models/budget.ts'
import { AnswerUnusable, BudgetSpent, ModelUnknown, QuestionInvalid } from '#kernel/language-models/errors.ts'
import { writeConfig } from '#kernel/sites/config-file.ts'
import { bumpEpoch } from '#kernel/sites/epoch.ts'
import { type TestSite, testSite } from '#testing/site.ts'

interface Asked {
  readonly path: string
  readonly headers: IncomingHttpHeaders
  // biome-ignore lint/suspicious/noExplicitAny: requests of several protocols
  readonly body: any
}

const schema = {
  type: 'object',
  required: ['topic'],
  additionalProperties: false,
  properties: { topic: { enum: ['Billing', 'Technical'] }, reply: { type: 'string' } },
}

/**
 * The exam of questions to language models. The counterparts are stand-ins on the network that speak the protocols of OpenAI's chat
 * completions and of Anthropic's messages; no real provider is asked.
 */
export function languageModelsContract(database: 'sqlite' | 'postgres' | 'mariadb'): void {
  suite(`language models: ${database}`, () => {
    let world: TestSite
    let asked: Asked[] = []
    let texts: string[] = []
    let status = 200
    let base = ''
    let underWay = 0
    let mostUnderWay = 0
    const standIn = createServer((request, response) => {
      let text = ''
      request.setEncoding('utf8')
      request.on('data', (chunk) => {
        text += chunk
      })
      request.on('end', async () => {
        mostUnderWay = Math.max(mostUnderWay, ++underWay)
        await pause(5)
        underWay--
        const body = JSON.parse(text)
        asked.push({ path: request.url ?? '', headers: request.headers, body })
        const said = texts.length > 1 ? texts.shift() : texts[0]
        response.writeHead(status, { 'content-type': 'application/json' })
        if (status !== 200) return response.end('{"error": {"message": "bad key sk-secret"}}')
        if (request.url === '/v1/messages') {
          const content = body.tools
            ? [{ type: 'tool_use', name: 'answer', input: JSON.parse(said ?? '{}') }]
            : [{ type: 'text', text: said }]
          return response.end(
            JSON.stringify({ content, stop_reason: body.tools ? 'tool_use' : 'end_turn', usage: { input_tokens: 20, output_tokens: 10 } }),
          )
        }
        const choices = [{ message: { role: 'assistant', content: said }, finish_reason: 'stop' }]
        return response.end(JSON.stringify({ choices, usage: { prompt_tokens: 20, completion_tokens: 10 } }))
      })
    })
    before(async () => {
      world = await testSite({ database, closedByCaller: true })
      await new Promise<void>((done) => standIn.listen(0, '127.0.0.1', done))
      const { port } = standIn.address() as AddressInfo
      base = `http://127.0.0.1:${port}`
      await writeConfig(world.site.folder, { ...world.site.config, external_allow: [`127.0.0.1:${port}`] })
      await world.asSystem((ctx) => bumpEpoch(ctx, 'config'))
      const price = { input_price: '3', output_price: '15', api_key: 'the key' }
      await world.make('Language Model', { name: 'gpt', provider: 'openai', model: 'gpt-x', base_url: `${base}/v1`, ...price })
      await world.make('Language Model', { name: 'claude', provider: 'anthropic', model: 'claude-x', base_url: base, ...price })
      await world.make('Language Model', {
        name: 'own',
        provider: 'openai-compatible',
        model: 'open-x',
        base_url: `${base}/v1`,
        input_price: '3',
      })
      await world.make('Language Model', { name: 'keyless', provider: 'openai', model: 'gpt-x', base_url: `${base}/v1` })
    })
    after(async () => {
      standIn.closeAllConnections()
      standIn.close()
      await world?.close()
    })
    beforeEach(async () => {
      asked = []
      texts = ['fine']
      status = 200
      await write(sql`delete from ${sql.id('__Language_Model_Spend')}`)
      await write(sql`delete from ${sql.id('__Circuit')}`)
      await settings({ default_model: 'gpt', fall_back_offline: 0, daily_tokens: 0, daily_cost: 0 })
    })
    const write = (fragment: ReturnType<typeof sql>) =>
      world.site.database.transaction((tx) => tx.execute(world.site.database.dialect.compile(fragment)))
    const settings = async (values: Record<string, unknown>) => {
      await world.asSystem(async (ctx) => {
        await save(ctx, await openForWrite(ctx, 'Language Model Settings', 'Language Model Settings'), values)
      })
      await world.site.freshen()
    }
    const ask = (question: Partial<Question> = {}) =>
      world.asSystem((ctx) => askModel(ctx, { purpose: 'test.ask', prompt: 'My bill is wrong, dana@example.com writes.', ...question }))
    const spent = async (scope = 'site') => {
      const day = new Date().toISOString().slice(0, 10)
      const [row] = (await spentOnDay(world.site, day)).filter((one) => one.scope === scope)
      return row && { tokens: row.tokens, nanos: row.nanos }
    }

    test('each protocol is spoken as its provider expects', async () => {
      assert.equal((await ask({ system: 'Be brief.', maxTokens: 50 })).text, 'fine')
      await settings({ default_model: 'claude' })
      assert.equal((await ask({ system: 'Be brief.', maxTokens: 50 })).text, 'fine')
      await settings({ default_model: 'own' })
      assert.equal((await ask({ system: 'Be brief.', maxTokens: 50 })).text, 'fine')
      const [openai, anthropic, own] = asked as [Asked, Asked, Asked]
      assert.deepEqual(
        [openai.path, openai.headers.authorization, openai.body.model, openai.body.max_completion_tokens, openai.body.messages[0]],
        ['/v1/chat/completions', 'Bearer the key', 'gpt-x', 50, { role: 'system', content: 'Be brief.' }],
      )
      assert.deepEqual(
        [
          anthropic.path,
          anthropic.headers['x-api-key'],
          anthropic.headers['anthropic-version'],
          anthropic.body.max_tokens,
          anthropic.body.system,
        ],
        ['/v1/messages', 'the key', '2023-06-01', 50, 'Be brief.'],
      )
      assert.deepEqual([own.headers.authorization, own.body.max_tokens], [undefined, 50])
    })

    test('what identifies people does not leave the house, and is in the answer', async () => {
      texts = ['I told <EMAIL_1> and <NAME_1>.']
      const { text } = await ask({
        prompt: 'Dana Smith (dana@example.com, 4111 1111 1111 1111) calls +1 555 123 4567.',
        names: ['Dana Smith'],
      })
      assert.ok(!/dana|4111|555/i.test(JSON.stringify(asked[0]?.body)))
      assert.equal(text, 'I told dana@example.com and Dana Smith.')
    })

    test('an answer in JSON is checked, and sent back once when it does not fit', async () => {
      for (const model of ['gpt', 'claude']) {
        await settings({ default_model: model })
        asked = []
        texts = ['{"topic": "Weather"}', '{"topic": "Billing", "reply": "Dear <EMAIL_1>"}']
        const answer = await ask({ schema })
        assert.deepEqual(answer.data, { topic: 'Billing', reply: 'Dear dana@example.com' })
        assert.deepEqual([asked.length, answer.inputTokens, answer.offline], [2, 40, false])
        texts = ['{"topic": "Weather"}']
        await assert.rejects(ask({ schema }), AnswerUnusable.is)
        assert.equal(asked.length, 4)
      }
      await settings({ default_model: 'gpt' })
      texts = ['```json\n{"topic": "Technical"}\n```']
      assert.deepEqual((await ask({ schema })).data, { topic: 'Technical' })
    })

    test('the price is exact, and who asked for what is written down without what was asked', async () => {
      const { cost } = await ask()
      assert.equal(cost.toString(), '0.00021')
      assert.deepEqual(await spent(), { tokens: 30, nanos: 210_000 })
      const [row] = await world.site.database.query<Record<string, unknown>>(
        world.site.database.dialect.compile(sql`select * from ${sql.id('tabLanguage Model Usage')} order by creation desc limit 1`),
      )
      assert.deepEqual(
        [row?.purpose, row?.model, Number(row?.input_tokens), Number(row?.output_tokens), row?.outcome],
        ['test.ask', 'gpt', 20, 10, 'ok'],
      )
      assert.ok(!JSON.stringify(row).includes('bill'))
    })

    test('what the budget would not bear is not asked, and many at once cannot spend more than there is', async () => {
      await settings({ daily_tokens: 1000 })
      await assert.rejects(ask({ maxTokens: 1000 }), (error) => BudgetSpent.is(error) && error.data.what === 'tokens')
      assert.equal(asked.length, 0)
      mostUnderWay = 0
      const results = await Promise.allSettled(Array.from({ length: 10 }, () => ask({ maxTokens: 300 })))
      const refused = results.filter((result) => result.status === 'rejected')
      // Each puts aside more than 300 of the 1000 tokens.
      assert.ok(refused.length > 0 && mostUnderWay <= 3, `${refused.length} of ten were refused, ${mostUnderWay} were under way at once`)
      assert.ok(refused.every((result) => BudgetSpent.is(result.reason)))
      assert.equal((await spent())?.tokens, 30 * asked.length)
      await settings({ daily_tokens: 0, daily_cost: '0.001' })
      await assert.rejects(ask({ maxTokens: 8000 }), (error) => BudgetSpent.is(error) && error.data.what === 'money')
    })

    test('an organization has its own model and budget, and what it spends counts for the site, too', async () => {
      const organization = await world.make('Organization', { organization_name: 'Acme' })
      await world.make('Language Model Budget', { organization, model: 'claude', daily_tokens: 200 })
      await world.site.freshen()
      const { model } = await ask({ organization, maxTokens: 100 })
      assert.deepEqual([model, await spent(`org:${organization}`), (await spent())?.tokens], ['claude', { tokens: 30, nanos: 210_000 }, 30])
      await assert.rejects(ask({ organization, maxTokens: 300 }), (error) => BudgetSpent.is(error) && error.data.scope === organization)
      assert.equal((await spent())?.tokens, 30, 'the site’s part was given back')
      // A model without its key is an error; no other key is taken.
      await world.asSystem((ctx) => setValue(ctx, 'Language Model Budget', organization, { model: 'keyless' }))
      await world.site.freshen()
      await assert.rejects(ask({ organization, maxTokens: 100 }), ServiceNotAuthorised.is)
    })

    test('an outage leads to the offline rules where the settings say so, and the answer says that it is theirs', async () => {
      status = 503
      await assert.rejects(ask({ schema }), ServiceTransient.is)
      assert.equal(asked.length, 2)
      assert.deepEqual(await spent(), { tokens: 0, nanos: 0 })
      await settings({ fall_back_offline: 1 })
      const answer = await ask({ schema, prompt: 'A technical question.' })
      assert.deepEqual([answer.data, answer.offline, answer.model, answer.cost.toString()], [{ topic: 'Technical' }, true, 'offline', '0'])
      status = 401
      await write(sql`delete from ${sql.id('__Circuit')}`)
      await assert.rejects(ask(), (error) => ServiceNotAuthorised.is(error) && !error.message.includes('sk-secret'))
      status = 400
      await assert.rejects(ask(), ServiceInputRefused.is)
    })

    test('without a model the offline rules answer and say so', async () => {
      await settings({ default_model: '' })
      const answer = await ask({ schema, prompt: 'A question about billing.' })
      assert.deepEqual([answer.data, answer.offline, asked.length], [{ topic: 'Billing' }, true, 0])
    })

    test('what cannot be asked is refused with its field', async () => {
      const refused = (field: string, question: Partial<Question>) =>
        assert.rejects(ask(question), (error) => QuestionInvalid.is(error) && error.field === field, field)
      await refused('prompt', { prompt: ' ' })
      await refused('prompt', { prompt: [{ role: 'assistant', content: 'hm' }] })
      await refused('prompt', { prompt: 'x'.repeat(400_001) })
      await refused('maxTokens', { maxTokens: 0 })
      await refused('temperature', { temperature: 2 })
      await refused('purpose', { purpose: 'a question?' })
    })

    test('nothing is asked inside a write transaction, and no model that is switched off', async () => {
      const asking = world.asSystem(async (ctx) => {
        await insert(ctx, 'ToDo', { description: 'before' })
        return askModel(ctx, { purpose: 'test', prompt: 'hello' })
      })
      await assert.rejects(asking, CalledWhileWriting.is)
      await world.asSystem((ctx) => setValue(ctx, 'Language Model', 'gpt', { enabled: 0 }))
      await world.site.freshen()
      await assert.rejects(ask(), ModelUnknown.is)
      await world.asSystem((ctx) => setValue(ctx, 'Language Model', 'gpt', { enabled: 1 }))
      assert.equal((await world.asSystem((ctx) => getDocument(ctx, 'Language Model', 'gpt'))).api_key, '*****')
    })
  })
}
