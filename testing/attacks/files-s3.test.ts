import { testS3 } from '#testing/s3-server.ts'
import { attackFiles } from './file-attacks.ts'
import { openFort } from './fort.ts'

attackFiles(await openFort({ config: (await testS3()).config }))
