import type { DialectName } from '#kernel/database/database.ts'
import { tableOf } from '#kernel/database/sql.ts'

const doctypes = ['Audit Entry', 'Audit Seal'] as const
const refusal = 'Audit rows are append-only.'

/**
 * Statements that make the engine itself refuse to change or delete audit rows; safe to run again. Applied after the tables exist, by
 * each migrate. They stop mistakes and injected statements; the seals show what an owner of the database did regardless.
 */
export function auditTriggers(engine: DialectName): string[] {
  if (engine === 'postgres') return postgresTriggers()
  return doctypes.flatMap((doctype) =>
    (['update', 'delete'] as const).map((verb) => {
      const name = triggerName(doctype, verb)
      if (engine === 'sqlite') {
        return `create trigger if not exists "${name}" before ${verb} on "${tableOf(doctype)}" begin select raise(abort, '${refusal}'); end`
      }
      const table = `\`${tableOf(doctype)}\``
      return `create or replace trigger \`${name}\` before ${verb} on ${table} for each row signal sqlstate '45000' set message_text = '${refusal}'`
    }),
  )
}

/**
 * Likewise for an app's log: rows are not deleted, and these columns never change. Others, such as a link that follows a rename, may.
 * @param fields columns of the DocType's table
 */
export function appendOnlyTriggers(engine: DialectName, doctype: string, fields: readonly string[]): string[] {
  const [update, remove] = [triggerName(doctype, 'update'), triggerName(doctype, 'delete')]
  const table = engine === 'mariadb' ? `\`${tableOf(doctype)}\`` : `"${tableOf(doctype)}"`
  const columns = fields.map((field) => `"${field}"`).join(', ')
  if (engine === 'postgres')
    return [
      refusingFunction,
      `create or replace trigger "${update}" before update of ${columns} on ${table} for each row execute function audit_append_only()`,
      `create or replace trigger "${remove}" before delete on ${table} for each row execute function audit_append_only()`,
      `create or replace trigger "${triggerName(doctype, 'truncate')}" before truncate on ${table} for each statement execute function audit_append_only()`,
    ]
  if (engine === 'sqlite')
    return [
      `create trigger if not exists "${update}" before update of ${columns} on ${table} begin select raise(abort, '${refusal}'); end`,
      `create trigger if not exists "${remove}" before delete on ${table} begin select raise(abort, '${refusal}'); end`,
    ]
  const same = fields.map((field) => `old.\`${field}\` <=> new.\`${field}\``).join(' and ')
  const signal = `signal sqlstate '45000' set message_text = '${refusal}'`
  return [
    `create or replace trigger \`${update}\` before update on ${table} for each row if not (${same}) then ${signal}; end if`,
    `create or replace trigger \`${remove}\` before delete on ${table} for each row ${signal}`,
  ]
}

const refusingFunction = `create or replace function audit_append_only() returns trigger language plpgsql as $$ begin raise exception '${refusal}'; end $$`

function postgresTriggers(): string[] {
  const triggers = doctypes.flatMap((doctype) => {
    const table = `"${tableOf(doctype)}"`
    return [
      `create or replace trigger "${triggerName(doctype, 'change')}" before update or delete on ${table} for each row execute function audit_append_only()`,
      `create or replace trigger "${triggerName(doctype, 'truncate')}" before truncate on ${table} for each statement execute function audit_append_only()`,
    ]
  })
  return [refusingFunction, ...triggers]
}

function triggerName(doctype: string, verb: string): string {
  return `${doctype.toLowerCase().replaceAll(' ', '_')}_no_${verb}`
}
