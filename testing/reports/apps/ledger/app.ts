import { defineApp } from '#kernel/apps/app.ts'
import { wireV1 } from '#kernel/methods/wire-v1.ts'
import { list } from '#kernel/query/list.ts'
import { defineChartSource, defineReport } from '#kernel/reports/report.ts'

const openToDos = defineReport({
  name: 'Open ToDos',
  refDoctype: 'ToDo',
  filters: [{ fieldname: 'priority', label: 'Priority', fieldtype: 'Select', options: 'High\nMedium\nLow', default: 'High' }],
  columns: [
    'ToDo:Link/ToDo:120',
    { fieldname: 'hours', label: 'Hours', fieldtype: 'Float' },
    { fieldname: 'note', label: 'Note', fieldtype: 'Data' },
  ],
  addTotalRow: true,
  async run(ctx, filters) {
    const { rows } = await list(ctx, 'ToDo', {
      fields: ['name', 'description'],
      filters: { status: 'Open', priority: filters.priority },
      orderBy: 'description asc',
      limit: 0,
      wire: wireV1(ctx),
    })
    return {
      rows: rows.flatMap((row) => [
        { todo: row.name, hours: 1.5, note: row.description, indent: 0 },
        { todo: row.name, hours: 1, note: '=1+1', indent: 1 },
      ]),
      chart: { data: { labels: ['all'], datasets: [{ name: 'ToDos', values: [rows.length] }] }, type: 'bar' },
    }
  },
})

/** Brings a report and a source of charts as code, for the tests of both. */
export default defineApp({
  name: 'ledger',
  title: 'Ledger',
  version: '1.0.0',
  reports: [openToDos, { ...openToDos, name: 'Slow ToDos', isPrepared: true }],
  chartSources: [
    defineChartSource({
      name: 'ToDo Weather',
      module: 'Desk',
      run: async (ctx, filters) => ({
        labels: [String(filters.place ?? 'here')],
        datasets: [{ name: 'ToDos', values: [(await list(ctx, 'ToDo', { wire: wireV1(ctx) })).rows.length] }],
      }),
    }),
  ],
})
