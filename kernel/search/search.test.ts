import { searchContract } from '#testing/contracts/search.ts'
import { testDatabases, testOpenSearchUrl } from '#testing/services.ts'

for (const { name } of testDatabases()) searchContract(name)

const openSearch = testOpenSearchUrl()
if (openSearch) for (const { name } of testDatabases()) searchContract(name, openSearch)
