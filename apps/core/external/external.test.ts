import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { callService } from '#kernel/external/call-service.ts'
import { ServiceTransient } from '#kernel/external/errors.ts'
import { languageModelService } from '#kernel/language-models/ask.ts'
import { testServer } from '#testing/server.ts'

suite('the health report', async () => {
  const server = await testServer()
  const path = '/api/method/dartwing_company.api.v1.health'
  const fail = async () => {
    for (let n = 0; n < 5; n++)
      await callService(
        server.site,
        languageModelService,
        'ask',
        async () => {
          throw new ServiceTransient({ service: 'language-model', operation: 'ask', reason: 'the inside of the other side' })
        },
        { once: true },
      ).catch(() => undefined)
  }

  test('a stranger learns whether the site is up and nothing else', async () => {
    const { status, json } = await server.call('GET', `${path}.check`, { as: '' })
    assert.deepEqual([status, json.message], [200, { status: 'up' }])
    const user = await server.keyOf(await server.user('plain@example.com', ['Desk User']))
    assert.deepEqual((await server.call('GET', `${path}.check`, { as: user })).json.message, { status: 'up' })
    for (const as of ['', user]) {
      assert.ok([401, 403].includes((await server.call('GET', `${path}.circuits`, { as })).status))
      assert.ok([401, 403].includes((await server.call('POST', `${path}.close_circuit`, { as, body: { service: 'webhook' } })).status))
    }
  })

  test('an operator sees the state of each service, what people get meanwhile, and closes a circuit', async () => {
    const healthy = (await server.call('GET', `${path}.check`)).json.message
    assert.deepEqual(
      [healthy.status, healthy.services.database.status, healthy.services.webhook.circuit_state],
      ['healthy', 'healthy', 'closed'],
    )
    await fail()
    const { message } = (await server.call('GET', `${path}.check`)).json
    const model = message.services['language-model']
    assert.deepEqual([message.status, model.status, model.circuit_state, model.failures], ['degraded', 'unhealthy', 'open', 5])
    assert.match(model.degraded, /say so/)
    assert.ok(!JSON.stringify(message).includes('inside of the other side'))
    const body = { service: 'language-model' }
    assert.deepEqual((await server.call('POST', `${path}.close_circuit`, { body })).json.message, { closed: true })
    assert.equal((await server.call('GET', `${path}.check`)).json.message.status, 'healthy')
    assert.equal((await server.call('GET', `${path}.circuits`)).json.message[0].service, 'language-model')
  })

  test('what was spent on language models is for operators', async () => {
    const spent = '/api/method/orchestrator.language_models.spent_today'
    assert.deepEqual((await server.call('GET', spent)).json.message.spent, [])
    assert.ok([401, 403].includes((await server.call('GET', spent, { as: '' })).status))
  })
})
