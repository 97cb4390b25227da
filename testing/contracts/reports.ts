import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import { Decimal } from '#client/rules/decimal.ts'
import { AppError } from '#client/rules/errors.ts'
import { remove } from '#kernel/documents/remove.ts'
import { insert } from '#kernel/documents/save.ts'
import { setValue } from '#kernel/documents/values.ts'
import { PermissionDenied } from '#kernel/permissions/errors.ts'
import { list } from '#kernel/query/list.ts'
import { cardResult } from '#kernel/reports/cards.ts'
import { drawChart } from '#kernel/reports/charts.ts'
import {
  BadReportFilter,
  ReportDisabled,
  ReportNotPermitted,
  ReportQueryFailed,
  ReportQueryInvalid,
  ReportTooLong,
} from '#kernel/reports/errors.ts'
import type { ReportResult } from '#kernel/reports/report.ts'
import { runReport } from '#kernel/reports/run-report.ts'
import { parseQuery } from '#kernel/reports/sql/parse.ts'
import { printQuery } from '#kernel/reports/sql/print.ts'
import { runQuery } from '#kernel/reports/sql/run.ts'
import { cast, type ReportWorld, reportWorld, sales } from './report-world.ts'

const wire = { version: 1, zone: 'UTC' } as const

/** The exam of reports on one engine: the same answers everywhere, and never more than a list would give. */
export function reportsContract(database: 'sqlite' | 'postgres' | 'mariadb'): void {
  suite(`reports contract: ${database}`, () => {
    let world: ReportWorld
    let made = 0
    before(async () => {
      world = await reportWorld(database)
    })
    after(() => world?.close())

    const run = (user: string, name: string, filters?: unknown) => world.as(user, (ctx) => runReport(ctx, name, filters))
    const ask = async (user: string, query: string, filters?: unknown, values: Record<string, unknown> = {}) =>
      run(user, await world.report(`Query ${++made}`, { report_type: 'Query Report', query, ...values }), filters)
    const build = async (user: string, json: object, filters?: unknown, values: Record<string, unknown> = {}) =>
      run(user, await world.report(`List ${++made}`, { report_type: 'Report Builder', json: JSON.stringify(json), ...values }), filters)
    const plain = ({ columns, rows }: ReportResult) =>
      rows.map((row) => columns.map(({ fieldname }) => (row[fieldname] instanceof Decimal ? row[fieldname].toNumber() : row[fieldname])))
    const names = async (user: string) =>
      (await world.as(user, (ctx) => list(ctx, 'Sale', { fields: ['name'], orderBy: 'name asc', limit: 0, wire }))).rows.map(
        (row) => row.name,
      )

    test('a query sees exactly the rows that a list gives the same person', async () => {
      for (const user of [cast.reader, cast.owner, cast.boss]) {
        const found = plain(await ask(user, 'select name from `tabSale` order by name')).flat()
        assert.deepEqual(found, await names(user))
        const [[total]] = plain(await ask(user, 'select count(*) from tabSale')) as [[number]]
        assert.equal(total, found.length)
      }
      assert.deepEqual((await names(cast.owner)).sort(), [...world.mine].sort())
      await assert.rejects(ask(cast.stranger, 'select name from tabSale'), ReportNotPermitted.is)
    })

    test('no way of writing a query leads past the rows that its reader may read', async () => {
      const mine = new Set(world.mine)
      const ways = [
        'select name from tabSale union all select name from tabSale',
        'select x.name from (select name from tabSale) as x',
        'with a as (select name from tabSale), b as (select name from a) select name from b',
        'select s.name from tabSale s left join tabSale o on o.region = s.region where o.name is not null',
        'select name from tabSale where 1 = 1 or 1 = 1',
        'select name from tabSale s where exists (select 1 from tabSale x where x.name = s.name) or not exists (select 1 from tabSale)',
        "select max(name) from tabSale group by name having max(name) <> ''",
        'select (select max(i.name) from tabSale i where i.name = s.name) from tabSale s',
        'select distinct name from tabSale /* where 1=0 */ -- limit 0\n',
        'select parent from `tabSale Row`',
        'select r.parent from `tabSale Row` r join tabSale s on 1 = 1 where s.name <> r.parent',
        'select case when 1 = 1 then name else null end from "tabSale"',
        // A backslash is a letter like any other: the text ends at its quote, and what follows is a condition.
        "select name from tabSale where name = 'x\\' or 1=1 -- '",
      ]
      for (const query of ways) {
        const found = plain(await ask(cast.owner, query)).flat()
        assert.ok(found.length > 0, query)
        for (const name of found) assert.ok(mine.has(String(name)), `${query} gave ${String(name)}`)
      }
    })

    test('what is no single reading statement over known tables is refused', async () => {
      const attacks = [
        'delete from tabSale',
        'select 1; delete from tabSale',
        'select name from tabSale; drop table tabSale',
        "select name from tabSale into outfile '/tmp/x'",
        'select name from __Auth',
        'select name from `__Auth`',
        'select name from tabSale union select password from `__Auth`',
        'select table_name from information_schema.tables',
        'select * from pg_catalog.pg_user',
        'select * from sqlite_master',
        'select name from main.tabSale',
        'select name from public.tabSale',
        "select * from `tabSale`, pragma_table_info('tabUser')",
        'select pg_sleep(10)',
        'select sleep(10)',
        'select benchmark(1000000000, 1)',
        "select load_file('/etc/passwd')",
        "select load_extension('x')",
        "select readfile('/etc/passwd')",
        "select query_to_xml('select 1', true, true, '')",
        "select current_setting('is_superuser')",
        'select @@version',
        'select version()',
        'select name from tabSale where name = $1',
        'select name from tabSale where name = ?',
        'select name from tabSale for update',
        'select /*!50000 name */ from tabSale',
        'select /*M! name */ from tabSale',
        'select name from tabSale, lateral (select 1) x',
        'with recursive x as (select 1 union all select 1 from x) select * from x',
        'with tabSale as (select 1 as name) select name from tabSale',
        'with x as (select name from tabUser) delete from x',
        'select s.ctid from tabSale s',
        'select rowid from tabSale',
        'select s.row_to_json from tabSale s',
        'select tabSale from tabSale',
        "select name from tabSale where name ~ 'x'",
        "select name from tabSale where name = 'x' || 'y'",
        'select name::text from tabSale',
        "select x'41'",
        "select e'a\\nb' from tabSale",
        'select $$a$$',
        'select name from tabSale natural join tabUser',
        'select name from (select name from tabSale)',
        'select nothing from tabSale',
        'select name from tabNothing',
        'select name from `tabSystem Settings`',
        `select ${'('.repeat(100)}1${')'.repeat(100)}`,
        `select ${'1+'.repeat(3000)}1`,
      ]
      for (const query of attacks) await assert.rejects(ask(cast.boss, query), ReportQueryInvalid.is, query)
    })

    test('texts and names that look like code stay texts', async () => {
      const odd = `O'Brien "; drop table tabSale; -- $1 \\' ? %(x)s /* \``
      const result = await ask(cast.boss, `select '${odd.replaceAll("'", "''")}' as a, %(x)s as "b $1 ""; --" from tabSale limit 1`, {
        x: odd,
      })
      assert.deepEqual(plain(result), [[odd, odd]])
      assert.equal(result.columns[1]?.label, 'b $1 "; --')
    })

    test('a table that the reader may not read closes the report', async () => {
      await assert.rejects(ask(cast.reader, 'select s.name from tabSale s join `tabError Log` e on 1 = 1'), PermissionDenied.is)
      await assert.rejects(ask(cast.reader, 'select (select max(name) from `tabAudit Entry`) from tabSale'), PermissionDenied.is)
    })

    test('fields of a higher level, masked ones and passwords are empty in queries, wherever they stand', async () => {
      const fields = 'select secret, cost, phone, token from tabSale order by name limit 2'
      assert.deepEqual(plain(await ask(cast.reader, fields)), Array(2).fill([null, null, null, null]))
      assert.deepEqual(
        plain(await ask(cast.reader, "select count(*) from tabSale where secret like '%secret%' or phone like '+49%' or cost > 0")),
        [[0]],
      )
      assert.deepEqual(plain(await ask(cast.reader, 'select max(hidden_note), count(*) from `tabSale Row`')), [[null, sales.length]])
      const [first] = plain(await ask(cast.boss, "select secret, cost, phone, token from tabSale where secret = 'secret 1'"))
      assert.deepEqual(first, ['secret 1', 1, sales[1]?.phone, null])
    })

    test('an error that only a hidden row would cause tells nothing', async () => {
      // The condition fails on one row of another's sale: readable rows are gathered before it is tried.
      const [other] = world.others
      for (const failing of ['cast(item as int)', 'pieces * 9223372036854775807 * 9']) {
        const query = `select count(*) from \`tabSale Row\` where case when parent = '${other}' then ${failing} else 1 end = 1`
        assert.deepEqual(plain(await ask(cast.owner, query)), [[world.mine.length]], failing)
      }
    })

    test('sums, averages and groups equal what memory computes', async () => {
      const sum = (values: string[]) => values.reduce((made, value) => made.plus(value), Decimal.zero)
      const expected = ['North', 'South', 'West'].map((region) => {
        const of = sales.filter((sale) => sale.region === region)
        const rates = of.map((sale) => sale.rate)
        return [
          region,
          of.length,
          sum(of.map((sale) => sale.amount)).toNumber(),
          of.reduce((made, sale) => made + sale.qty, 0),
          Number((rates.reduce((made, rate) => made + rate, 0) / of.length).toFixed(9)),
          of
            .map((sale) => sale.day)
            .sort()
            .at(-1),
          of.filter((sale) => sale.status === 'Closed').length,
        ]
      })
      const text = `select region, count(*) as n, sum(amount) total, sum(qty), avg(rate), max(day), sum(status = 'Closed')
        from tabSale group by region order by region`
      assert.deepEqual(plain(await ask(cast.reader, text)), expected)
      const built = await build(cast.reader, {
        group_by: { group_by: 'region' },
        aggregates: [
          { fn: 'count' },
          { fn: 'sum', field: 'amount' },
          { fn: 'sum', field: 'qty' },
          { fn: 'avg', field: 'rate' },
          { fn: 'max', field: 'day' },
        ],
      })
      assert.deepEqual(
        plain(built).sort((a, b) => (String(a[0]) < String(b[0]) ? -1 : 1)),
        expected.map((row) => row.slice(0, 6)),
      )
    })

    test('whatever is grouped and computed, saved lists and queries agree with memory', async () => {
      // A small generator of its own, so that a failure can be seen again.
      let seed = 20261120
      const pick = <T>(from: readonly T[]): T => {
        seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0
        return from[(seed >>> 8) % from.length] as T
      }
      for (let round = 0; round < 25; round++) {
        const user = pick([cast.reader, cast.owner])
        const groups = pick([['region'], ['status'], ['region', 'status'], ['day']] as const)
        const fn = pick(['sum', 'min', 'max', 'count'] as const)
        const field = pick(['qty', 'amount', 'rate'] as const)
        const least = pick([0, 3, 7])
        const seen = sales.filter((sale, at) => (user === cast.reader || at % 5 === 0) && sale.qty >= least)
        const expected = new Map<string, number>()
        for (const sale of seen) {
          const key = groups.map((group) => sale[group]).join('|')
          const value = Number(sale[field])
          const known = expected.get(key)
          const next =
            fn === 'count'
              ? (known ?? 0) + 1
              : fn === 'sum'
                ? (known ?? 0) + value
                : fn === 'min'
                  ? Math.min(known ?? value, value)
                  : Math.max(known ?? value, value)
          expected.set(key, Number(next.toFixed(6)))
        }
        const folded = (result: ReportResult) =>
          new Map(plain(result).map((row) => [row.slice(0, -1).join('|'), Number(Number(row.at(-1)).toFixed(6))]))
        const sorted = (found: Map<string, number>) => [...found].sort()
        const list = groups.join(', ')
        const what = `${user}: ${fn}(${field}) by ${list}, qty >= ${least}`
        const saved = await build(user, {
          group_by: { group_by: groups },
          aggregates: [{ fn, field }],
          filters: [['Sale', 'qty', '>=', least]],
        })
        assert.deepEqual(sorted(folded(saved)), sorted(expected), `list: ${what}`)
        const asked = await ask(user, `select ${list}, ${fn}(${field}) as v from tabSale where qty >= %(least)s group by ${list}`, {
          least,
        })
        assert.deepEqual(sorted(folded(asked)), sorted(expected), `query: ${what}`)
      }
    })

    test('functions and operators mean the same on every engine', async () => {
      const cases: [string, unknown][] = [
        ['7 / 2', 3.5],
        ['1 / 0', null],
        ['7 % 3', 1],
        ['-(2 + 3) * 2', -10],
        ["ifnull(null, 'x')", 'x'],
        ["coalesce(null, null, 'y')", 'y'],
        ['nullif(1, 1)', null],
        ["if(1 < 2, 'a', 'b')", 'a'],
        ["case 2 when 1 then 'one' when 2 then 'two' end", 'two'],
        ['abs(-3)', 3],
        ['round(2.345, 2)', 2.35],
        ["lower('ÄB')", 'äb'],
        ["length('äb')", 2],
        ["substr('hello', 2, 3)", 'ell'],
        ["replace('aba', 'a', 'c')", 'cbc'],
        ["concat('a', 1, 'b')", 'a1b'],
        ["concat('a', null)", null],
        ['year(day)', 2026],
        ['month(day)', 1],
        ['quarter(day)', 1],
        ["date_format(day, '%Y-%m')", '2026-01'],
        ["datediff(day, '2026-01-01')", 15],
        ["cast('12' as int)", 12],
        ["'ABC' like 'a%'", 1],
        ["'b' in ('a', 'b')", 1],
        ['2 between 1 and 3', 1],
        ['not 1 = 2', 1],
      ]
      for (const [expression, expected] of cases) {
        const [[value]] = plain(await ask(cast.boss, `select ${expression} as v from tabSale where secret = 'secret 6'`)) as [[unknown]]
        assert.deepEqual(typeof value === 'boolean' ? Number(value) : value, expected, expression)
      }
    })

    test('aliases say what a column is, and fields say it where they do not', async () => {
      const { columns } = await ask(
        cast.reader,
        'select name as "Sale:Link/Sale:140", amount, sum(qty) as pieces, creation from tabSale group by name, amount, creation limit 1',
      )
      assert.deepEqual(
        columns.map(({ fieldname, label, fieldtype, options, width }) => [fieldname, label, fieldtype, options ?? '', width ?? 0]),
        [
          ['sale', 'Sale', 'Link', 'Sale', 140],
          ['amount', 'Amount', 'Currency', '', 0],
          ['pieces', 'pieces', 'Int', '', 0],
          ['creation', 'Created On', 'Datetime', '', 0],
        ],
      )
    })

    test('filters are values: declared ones are checked, missing ones mean nothing, lists fill an “in”', async () => {
      const filters = [
        { fieldname: 'since', label: 'Since', fieldtype: 'Date', mandatory: 1 },
        { fieldname: 'regions', label: 'Regions', fieldtype: 'Data' },
        { fieldname: 'least', label: 'Least', fieldtype: 'Int' },
      ]
      const query = `select count(*) from tabSale where day >= %(since)s and region in %(regions)s and (%(least)s is null or qty >= %(least)s)`
      const count = async (given: object) => plain(await ask(cast.reader, query, given, { filters })).flat()[0]
      const expected = (least: number) =>
        sales.filter((sale) => sale.day >= '2026-03-01' && sale.region !== 'West' && sale.qty >= least).length
      assert.equal(await count({ since: '2026-03-01', regions: ['North', 'South'] }), expected(0))
      assert.equal(await count({ since: '2026-03-01', regions: ['North', 'South'], least: '5' }), expected(5))
      assert.equal(await count({ since: '2026-03-01', regions: [] }), 0)
      await assert.rejects(count({ regions: ['North'] }), (error) => BadReportFilter.is(error) && error.field === 'since')
      await assert.rejects(count({ since: 'soon', regions: [] }), (error) => BadReportFilter.is(error) && error.field === 'since')
      await assert.rejects(count({ since: { a: 1 } }), (error) => BadReportFilter.is(error) && error.field === 'since')
    })

    test('a query cannot write, not even if its words could be made to', async () => {
      const query = (sql: string) =>
        world.asSystem((ctx) => runQuery(ctx, { statement: { sql, parameters: [] }, isFenced: false }, { timeMs: 5000, rows: 10 }))
      const quote = (name: string) => world.site.database.dialect.quote(name)
      for (const sql of [
        `update ${quote('tabSale')} set region = 'x'`,
        `delete from ${quote('tabSale')}`,
        'create table stolen (a integer)',
      ])
        await assert.rejects(query(sql), (error) => error instanceof AppError, sql)
      assert.equal((await names(cast.boss)).length, sales.length)
      assert.equal((await names(cast.reader)).length, sales.length)
    })

    test('a query is ended when its time is over, and the next one runs', async () => {
      const long = `select count(*) from ${Array.from({ length: 9 }, (_, at) => `tabSale s${at}`).join(', ')} where ${Array.from({ length: 9 }, (_, at) => `s${at}.qty`).join(' + ')} < 0`
      const started = performance.now()
      await assert.rejects(
        world.as(cast.reader, async (ctx) => {
          const asked = { report: 'x', filters: new Map(), types: new Map(), demands: { doctype: 'Sale', actions: [] }, most: 10 }
          return runQuery(ctx, await printQuery(ctx, parseQuery(long), asked), { timeMs: 500, rows: 10 })
        }),
        ReportTooLong.is,
      )
      assert.ok(performance.now() - started < 5000)
      assert.deepEqual(plain(await ask(cast.reader, 'select count(*) from tabSale')), [[sales.length]])
    })

    test('an engine that cannot run a query is not quoted to those who do not see everything', async () => {
      const name = await world.report(`Query ${++made}`, {
        report_type: 'Query Report',
        query: 'select cast(region as int) + abs(region) from tabSale where sum(qty) > 1',
      })
      await assert.rejects(run(cast.reader, name), (error) => ReportQueryFailed.is(error) && !error.message.includes('sum'))
    })

    test('a saved list shows, filters, sorts and totals as its reader may', async () => {
      const json = {
        fields: [
          ['name', 'Sale'],
          ['amount', 'Sale'],
          ['qty', 'Sale'],
        ],
        filters: [['Sale', 'region', '=', 'North']],
        order_by: 'name asc',
        add_totals_row: 1,
      }
      const result = await build(cast.reader, json)
      const north = sales.filter((sale) => sale.region === 'North')
      assert.equal(result.rows.length, north.length)
      assert.equal(String(result.total?.amount), north.reduce((sum, sale) => sum.plus(sale.amount), Decimal.zero).toString())
      assert.equal(
        result.total?.qty,
        north.reduce((sum, sale) => sum + sale.qty, 0),
      )
      const own = await build(cast.owner, json, [['Sale', 'status', '=', 'Open']])
      assert.equal(own.rows.length, sales.filter((sale, at) => at % 5 === 0 && sale.status === 'Open').length)
      await assert.rejects(
        build(cast.reader, { fields: [['secret', 'Sale']] }),
        (error) => error instanceof AppError && error.status === 403,
      )
      await assert.rejects(
        build(cast.reader, { group_by: { group_by: 'phone', aggregate_function: 'count' } }),
        (error) => error instanceof AppError && error.status === 403,
      )
    })

    test('a pivot spreads groups over rows and columns, with totals that agree', async () => {
      const result = await build(cast.reader, { pivot: { rows: ['region'], columns: 'status', value: { fn: 'sum', field: 'qty' } } })
      assert.deepEqual(
        result.columns.map((column) => column.label),
        ['Region', 'Closed', 'Open', 'Total'],
      )
      const of = (region: string, status: string) =>
        sales.filter((sale) => sale.region === region && sale.status === status).reduce((sum, sale) => sum + sale.qty, 0)
      assert.deepEqual(
        plain(result),
        ['North', 'South', 'West'].map((region) => [
          region,
          of(region, 'Closed'),
          of(region, 'Open'),
          of(region, 'Closed') + of(region, 'Open'),
        ]),
      )
      assert.equal(
        result.total?.row_total,
        sales.reduce((sum, sale) => sum + sale.qty, 0),
      )
    })

    test('roles, rights and the switch of a report are asked at each run', async () => {
      const name = await world.report(`Query ${++made}`, {
        report_type: 'Query Report',
        query: 'select name from tabSale',
        roles: [{ role: 'Sales Boss' }],
      })
      assert.equal((await run(cast.boss, name)).rows.length, sales.length)
      await assert.rejects(run(cast.reader, name), ReportNotPermitted.is)
      await assert.rejects(run(cast.manager, name), ReportNotPermitted.is)
      const off = await world.report(`Query ${++made}`, { report_type: 'Query Report', query: 'select name from tabSale', disabled: 1 })
      await assert.rejects(run(cast.reader, off), ReportDisabled.is)
      await assert.rejects(
        world.as(cast.reader, (ctx) =>
          insert(ctx, 'Report', {
            report_name: 'Mine',
            ref_doctype: 'Sale',
            is_standard: 'No',
            report_type: 'Query Report',
            query: 'select 1',
          }),
        ),
        PermissionDenied.is,
      )
    })

    test('a script sees what its reader may see, and its rows and columns are put in order', async () => {
      const script = `const rows = await list('Sale', { fields: ['name', 'amount', 'owner'], filters: { region: filters.region }, orderBy: 'name asc' })
        return { columns: ['Sale:Link/Sale:100', { fieldname: 'amount', label: 'Amount', fieldtype: 'Currency' }], rows: rows.map((row) => [row.name, row.amount]), message: user }`
      const name = await world.report(`Script ${++made}`, { report_type: 'Script Report', report_script: script, add_total_row: 1 })
      const mine = await run(cast.owner, name, { region: 'North' })
      assert.equal(mine.rows.length, sales.filter((sale, at) => at % 5 === 0 && sale.region === 'North').length)
      assert.equal(mine.message, cast.owner)
      assert.deepEqual(
        mine.columns.map((column) => column.fieldname),
        ['sale', 'amount'],
      )
      assert.ok(mine.total?.amount)
      assert.equal((await run(cast.reader, name, { region: 'North' })).rows.length, sales.filter((sale) => sale.region === 'North').length)
    })

    test('a custom report chooses columns of another, and adds what its links lead to', async () => {
      const base = await world.report(`Query ${++made}`, {
        report_type: 'Query Report',
        query: 'select name as "Sale:Link/Sale", qty from tabSale order by name',
      })
      const json = JSON.stringify({
        columns: ['qty', { fieldname: 'sale', label: 'Which' }, { doctype: 'Sale', link_field: 'sale', fieldname: 'region' }],
      })
      const name = await world.report(`Custom ${++made}`, { report_type: 'Custom Report', reference_report: base, json })
      const { columns, rows } = await run(cast.owner, name)
      assert.deepEqual(
        columns.map((column) => column.label),
        ['Qty', 'Which', 'Region'],
      )
      assert.equal(rows.length, world.mine.length)
      assert.equal(rows[0]?.sale_region, 'North')
    })

    test('a chart counts by the site’s days, fills what is empty, and shows each person their own', async () => {
      const chart = {
        chart_name: 'By month',
        chart_type: 'Sum',
        document_type: 'Sale',
        based_on: 'day',
        value_based_on: 'qty',
        timespan: 'Select Date Range',
        from_date: '2026-01-01',
        to_date: '2026-08-31',
        time_interval: 'Monthly',
      }
      const drawn = await world.as(cast.reader, (ctx) => drawChart(ctx, { chart }))
      assert.ok('datasets' in drawn)
      const by = (keep: (at: number) => boolean) =>
        Array.from({ length: 8 }, (_, month) =>
          sales.filter((sale, at) => keep(at) && Number(sale.day.slice(5, 7)) === month + 1).reduce((sum, sale) => sum + sale.qty, 0),
        )
      assert.deepEqual(drawn.labels.slice(0, 2), ['Jan 2026', 'Feb 2026'])
      assert.deepEqual(
        drawn.datasets[0]?.values,
        by(() => true),
      )
      const own = await world.as(cast.owner, (ctx) => drawChart(ctx, { chart }))
      assert.deepEqual(
        'datasets' in own && own.datasets[0]?.values,
        by((at) => at % 5 === 0),
      )
      await assert.rejects(
        world.as(cast.reader, (ctx) => drawChart(ctx, { chart: { ...chart, value_based_on: 'cost' } })),
        (error) => error instanceof AppError && error.status === 403,
      )
      await assert.rejects(
        world.as(cast.stranger, (ctx) => drawChart(ctx, { chart })),
        PermissionDenied.is,
      )
    })

    test('a day of a chart is one of the site’s clock, also where that is put forward or back', async () => {
      await world.asSystem(async (ctx) => {
        for (const moment of [
          '2025-03-29 22:59:59',
          '2025-03-29 23:00:00',
          '2025-03-30 21:59:59',
          '2025-03-30 22:00:00',
          '2025-10-25 22:00:00',
          '2025-10-26 22:59:59',
          '2025-10-26 23:00:00',
        ])
          await insert(ctx, 'Sale', { region: 'Clock', moment: `${moment}Z`.replace(' ', 'T') })
      })
      const base = {
        chart_type: 'Count',
        document_type: 'Sale',
        based_on: 'moment',
        filters_json: '[["Sale","region","=","Clock"]]',
        timespan: 'Select Date Range',
        time_interval: 'Daily',
      }
      const before = world.site.timeZone
      const live = (time_zone: string) => world.asSystem((ctx) => setValue(ctx, 'System Settings', 'System Settings', { time_zone }))
      await live('Europe/Berlin')
      const draw = (from_date: string, to_date: string) =>
        world.as(cast.boss, (ctx) => drawChart(ctx, { chart: { ...base, from_date, to_date } }))
      const spring = await draw('2025-03-29', '2025-03-31')
      assert.deepEqual('datasets' in spring && spring.datasets[0]?.values, [1, 2, 1])
      const autumn = await draw('2025-10-25', '2025-10-27')
      assert.deepEqual('datasets' in autumn && autumn.datasets[0]?.values, [0, 2, 1])
      const year = await draw('2025-01-01', '2025-12-31')
      assert.equal('datasets' in year && year.datasets[0]?.values.reduce((sum: number, value) => sum + (value ?? 0), 0), 7)
      await live(before)
      await world.asSystem(async (ctx) => {
        const { rows } = await list(ctx, 'Sale', { filters: { region: 'Clock' }, limit: 0, wire })
        for (const row of rows) await remove(ctx, 'Sale', String(row.name))
      })
    })

    test('groups of a chart and numbers of a card are those of the reader’s rows', async () => {
      const chart = {
        chart_type: 'Group By',
        document_type: 'Sale',
        group_by_based_on: 'region',
        group_by_type: 'Count',
        number_of_groups: 2,
      }
      const drawn = await world.as(cast.reader, (ctx) => drawChart(ctx, { chart }))
      assert.ok('datasets' in drawn)
      assert.deepEqual(
        [drawn.labels.at(-1), drawn.datasets[0]?.values.reduce((sum: number, value) => sum + (value ?? 0), 0)],
        ['Other', sales.length],
      )
      const card = { label: 'Pieces', type: 'Document Type', document_type: 'Sale', function: 'Sum', aggregate_function_based_on: 'qty' }
      const total = (keep: (at: number) => boolean) => sales.reduce((sum, sale, at) => sum + (keep(at) ? sale.qty : 0), 0)
      assert.equal(
        await world.as(cast.reader, (ctx) => cardResult(ctx, card)),
        total(() => true),
      )
      assert.equal(
        await world.as(cast.owner, (ctx) => cardResult(ctx, card)),
        total((at) => at % 5 === 0),
      )
      await assert.rejects(
        world.as(cast.reader, (ctx) => cardResult(ctx, { ...card, aggregate_function_based_on: 'cost' })),
        (error) => error instanceof AppError && error.status === 403,
      )
    })
  })
}
