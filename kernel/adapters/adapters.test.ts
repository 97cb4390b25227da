import { adapterContract } from '#testing/contracts/adapters.ts'
import { testDatabases } from '#testing/services.ts'

for (const { name } of testDatabases()) adapterContract(name)
