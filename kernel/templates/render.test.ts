import assert from 'node:assert/strict'
import { test } from 'node:test'
import { testSite } from '#testing/site.ts'
import { TemplateInvalid, TemplateTooLong } from './errors.ts'
import { plainText } from './plain-text.ts'
import { checkTemplate, renderTemplate } from './render.ts'
import { templateDataOf } from './template-data.ts'
import { TrustedHtml } from './trusted-html.ts'

const { as, asSystem, make, site, user } = await testSite({ clock: { now: () => Date.UTC(2026, 10, 20, 12) } })
const render = (source: string, data: Record<string, unknown> = {}, escaping: 'html' | 'none' = 'html') =>
  asSystem((ctx) => renderTemplate(ctx, source, data, { escape: escaping }))

test('what is put into a template is escaped, and raw keeps formatting but nothing that runs', async () => {
  const data = { text: '<b>"x"</b><script>alert(1)</script><a href="javascript:x()">y</a>', mark: new TrustedHtml('<svg></svg>') }
  assert.equal(await render('{{ text }}', { text: `<i>&"'` }), '&#60;i&#62;&#38;&#34;&#39;')
  const raw = await render('{{ text | raw }}', data)
  assert.match(raw, /<b>"x"<\/b>/)
  assert.doesNotMatch(raw, /script|alert/)
  assert.equal(await render('{{ mark }}', data), '<svg></svg>')
  assert.equal(await render('{{ text }}', { text: '<i>' }, 'none'), '<i>')
})

test('a template reaches no prototype, no file and no other template', async () => {
  for (const path of [
    'constructor',
    '__proto__.constructor',
    'doc.constructor.constructor',
    'doc.toString',
    'doc.__proto__',
    'list.constructor',
  ])
    assert.equal(await render(`[{{ ${path} }}]`, { doc: { a: 1 }, list: [1] }), '[]', path)
  for (const tag of ["include '/etc/passwd'", "render 'x'", "layout 'x'", 'block x', 'liquid'])
    await assert.rejects(render(`{% ${tag} %}`), TemplateInvalid.is, tag)
  await assert.rejects(render('{{ "a" | no_such_filter }}'), TemplateInvalid.is)
})

test('a template that would take too long or make too much is stopped', async () => {
  const endless = '{% for a in (1..9000) %}{% for b in (1..9000) %}{% if a %}{% endif %}{% endfor %}{% endfor %}'
  await assert.rejects(render(endless), TemplateTooLong.is)
  await assert.rejects(render(`{% for a in (1..90000) %}${'x'.repeat(1000)}{% endfor %}`), TemplateTooLong.is)
  const doubling = `{% assign s = "xxxxxxxxxx" %}${'{% capture s %}{{ s }}{{ s }}{% endcapture %}'.repeat(40)}`
  await assert.rejects(render(doubling), TemplateTooLong.is)
  await assert.rejects(render(`{{ "x" }}${'x'.repeat(600_000)}`), TemplateTooLong.is)
  await assert.rejects(render('{{ "now" | date: "%999999999d" }}'), TemplateTooLong.is)
})

test('amounts, days and links read as people of the site write them', async () => {
  assert.equal(await render('{{ 1234567.5 | money: "EUR" }}'), '€1,234,567.50')
  assert.equal(await render('{{ "12345678901234567890.123" | number: 2 }}'), '12,345,678,901,234,567,890.12')
  assert.equal(await render('{{ "2026-03-01" | day: "long" }} {{ "x" | day }}'), 'March 1, 2026 ')
  assert.match(await render('{{ "2026-03-01 17:05:00" | moment }}', {}, 'none'), /^Mar 1, 2026, 5:05\sPM$/)
  assert.equal(await render('{{ "A/1 b" | link: "Service Request" }}'), `http://${site.host}/app/service-request/A%2F1%20b`)
  assert.equal(await render('{{ today }}'), '2026-11-20')
})

test('a broken template is told by line before it is stored', () => {
  assert.equal(checkTemplate('Dear {{ doc.name }}'), undefined)
  const problem = checkTemplate('one\n{{ 1 | no_such }}\n')
  assert.equal(problem?.line, 2)
  assert.doesNotMatch(problem?.message ?? '', /node_modules/)
})

test('a template sees of a document what its reader may see', async () => {
  const ann = await user('ann@example.com', ['Desk User'])
  const name = await make('ToDo', { description: 'secret', allocated_to: ann })
  const other = await make('ToDo', { description: 'not for ann' })
  assert.equal(
    await as(ann, async (ctx) => renderTemplate(ctx, '{{ doc.description }}', { doc: await templateDataOf(ctx, 'ToDo', name) })),
    'secret',
  )
  await assert.rejects(as(ann, (ctx) => templateDataOf(ctx, 'ToDo', other)))
})

test('HTML reads well as plain text', () => {
  const html =
    '<style>p{}</style><p>Dear&nbsp;Ann &amp; Bob,</p><ul><li>one<li>two</ul><p>See <a href="https://x.test/?a=1&amp;b=2">here</a>.</p>'
  assert.equal(plainText(html), 'Dear\u00a0Ann & Bob,\n\n- one\n- two\n\nSee here (https://x.test/?a=1&b=2).'.replace('\u00a0', ' '))
  assert.equal(plainText('a<br>b<!-- > --> c'), 'a\nb c')
  const started = performance.now()
  plainText('<a href="'.repeat(100_000) + '<'.repeat(100_000))
  assert.ok(performance.now() - started < 2000, 'time grows with the text only')
})
