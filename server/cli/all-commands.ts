import type { Command } from './command.ts'
import { appCommands } from './commands/apps.ts'
import { auditCommands } from './commands/audit.ts'
import { configCommands } from './commands/config.ts'
import { definitionCommands } from './commands/definitions.ts'
import { fileCommands } from './commands/files.ts'
import { generatorCommands } from './commands/generators.ts'
import { jobCommands } from './commands/jobs.ts'
import { runningCommands } from './commands/running.ts'
import { searchCommands } from './commands/search.ts'
import { siteCommands } from './commands/sites.ts'
import { translationCommands } from './commands/translations.ts'
import { userCommands } from './commands/users.ts'

/** Every command of `orc`, in the order in which the help lists them. */
export const allCommands: readonly Command[] = [
  ...siteCommands,
  ...appCommands,
  ...runningCommands,
  ...jobCommands,
  ...searchCommands,
  ...fileCommands,
  ...userCommands,
  ...configCommands,
  ...definitionCommands,
  ...generatorCommands,
  ...translationCommands,
  ...auditCommands,
]
