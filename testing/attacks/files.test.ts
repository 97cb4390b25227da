import { attackFiles } from './file-attacks.ts'
import { openFort } from './fort.ts'

attackFiles(await openFort())
