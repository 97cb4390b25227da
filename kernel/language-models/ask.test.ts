import { languageModelsContract } from '#testing/contracts/language-models.ts'
import { testDatabases } from '#testing/services.ts'

for (const { name } of testDatabases()) languageModelsContract(name)
