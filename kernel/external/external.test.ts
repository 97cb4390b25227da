import { testDatabases } from '#testing/services.ts'
import { externalContract } from '#testing/contracts/external.ts'

for (const { name } of testDatabases()) externalContract(name)
