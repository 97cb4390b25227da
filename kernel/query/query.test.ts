import { queryContract, queryWorld } from '#testing/contracts/query.ts'
import { querySite } from '#testing/query-site.ts'
import { testDatabases } from '#testing/services.ts'

for (const engine of testDatabases()) queryContract(engine.name, () => querySite(engine, queryWorld))
