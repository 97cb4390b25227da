import { jobsContract } from '#testing/contracts/jobs.ts'
import { testDatabases, testRedisUrl } from '#testing/services.ts'

const redis = testRedisUrl()

for (const { name } of testDatabases()) {
  jobsContract(name)
  if (redis && name !== 'mariadb') jobsContract(name, redis)
}
