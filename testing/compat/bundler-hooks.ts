import { existsSync, readFileSync, statSync } from 'node:fs'
import { registerHooks } from 'node:module'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { packageFile, requirePackage } from './packages.ts'

/** The little of the TypeScript compiler's interface that is used here. */
interface Compiler {
  transpileModule(source: string, options: { compilerOptions: Record<string, unknown>; fileName: string }): { outputText: string }
  ScriptTarget: { ESNext: number }
  ModuleKind: { ESNext: number }
}

/**
 * Loads the sources of frappe-ui, which are published as written for a bundler, into Node: import paths without extension are completed,
 * types are removed, and `import.meta.env` is there. The files on disk stay as published. In force for the rest of the process.
 */
export function loadLikeABundler(): void {
  const compiler = requirePackage<Compiler>('typescript')
  const sources = pathToFileURL(packageFile('frappe-ui/src/')).href
  registerHooks({
    resolve(specifier, context, next) {
      const fromSource = context.parentURL?.startsWith(sources) && specifier.startsWith('.')
      return next(fromSource ? completed(new URL(specifier, context.parentURL)) : specifier, context)
    },
    load(url, context, next) {
      if (!url.startsWith(sources) || !/\.[jt]s$/.test(url)) return next(url, context)
      const fileName = fileURLToPath(url)
      const { outputText } = compiler.transpileModule(readFileSync(fileName, 'utf8'), {
        fileName,
        compilerOptions: { target: compiler.ScriptTarget.ESNext, module: compiler.ModuleKind.ESNext, isolatedModules: true },
      })
      return { format: 'module', source: `import.meta.env = { DEV: false };${outputText}`, shortCircuit: true }
    },
  })
}

/** The file that an import without extension means. */
function completed(address: URL): string {
  for (const ending of ['', '.ts', '.js', '/index.ts', '/index.js']) {
    const candidate = new URL(`${address.href}${ending}`)
    if (existsSync(candidate) && statSync(candidate).isFile()) return candidate.href
  }
  return address.href
}
