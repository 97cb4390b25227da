import { reportsContract } from '#testing/contracts/reports.ts'
import { testDatabases } from '#testing/services.ts'

for (const { name } of testDatabases()) reportsContract(name)
