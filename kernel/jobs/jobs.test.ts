import { jobsContract } from '#testing/contracts/jobs.ts'
import { testDatabases } from '#testing/services.ts'

for (const { name } of testDatabases()) jobsContract(name)
