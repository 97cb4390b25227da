import { documentsContract } from '#testing/contracts/documents.ts'
import { testDatabases } from '#testing/services.ts'

for (const engine of testDatabases()) documentsContract(engine.name)
