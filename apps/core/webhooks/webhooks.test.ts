import { webhooksContract } from '#testing/contracts/webhooks.ts'
import { testDatabases } from '#testing/services.ts'

for (const { name } of testDatabases()) webhooksContract(name)
