import { scheduleContract } from '#testing/contracts/schedule.ts'
import { testDatabases } from '#testing/services.ts'

for (const { name } of testDatabases()) scheduleContract(name)
