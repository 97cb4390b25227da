import { type AuditReport, sealAudit, verifyAudit } from '#kernel/audit/seal.ts'
import type { Call, Command, Outcome } from '../command.ts'

export const auditCommands: readonly Command[] = [
  {
    name: 'audit verify',
    summary: 'Check that no entry of the audit log was changed, removed or slipped in',
    arguments: [],
    options: {},
    onSite: true,
    example: 'orc audit verify --site crm.example.com',
    run: verify,
  },
  {
    name: 'audit seal',
    summary: 'Seal what the audit log holds so far; the server does so by itself while it runs',
    arguments: [],
    options: {},
    onSite: true,
    example: 'orc audit seal --site crm.example.com',
    async run(call) {
      const site = await call.site()
      const sealed = await sealAudit(site)
      return { value: { site: site.host, sealed }, text: `${sealed} entries sealed.` }
    },
  },
]

async function verify(call: Call): Promise<Outcome> {
  const site = await call.site()
  const report = await verifyAudit(site)
  const faults = faultsOf(report)
  return {
    value: { site: site.host, intact: faults.length === 0, ...report },
    text: [
      `${report.entries} entries, ${report.seals} seals, ${report.pending} entries not sealed yet.`,
      ...faults,
      ...(faults.length === 0 ? ['The log is whole.'] : []),
    ].join('\n'),
    exitCode: faults.length === 0 ? 0 : 1,
  }
}

function faultsOf(report: AuditReport): string[] {
  const kinds = [
    ['altered', report.altered],
    ['missing', report.missing],
    ['slipped in', report.inserted],
    ['broken seal', report.brokenSeals],
  ] as const
  return kinds.flatMap(([kind, names]) => names.map((name) => `${kind}: ${name}`))
}
