import type { QueryCompiler, RawBuilder } from 'kysely'
import type { Query, SqlValue } from './database.ts'

const queryId = { queryId: 'orchestrator' }

/** Turns fragments into statements with one of Kysely's compilers. */
export function compileWith(compiler: QueryCompiler): (fragment: RawBuilder<unknown>) => Query {
  return (fragment) => {
    const compiled = compiler.compileQuery(fragment.toOperationNode() as never, queryId)
    return { sql: compiled.sql, parameters: compiled.parameters as readonly SqlValue[] }
  }
}
