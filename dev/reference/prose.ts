import { existsSync, globSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { hookNames } from '#kernel/documents/document.ts'
import { saveSteps } from '#kernel/documents/save-steps.ts'
import { allCommands } from '#server/cli/all-commands.ts'

/** What is wrong with the pages that people write: links that lead nowhere, and facts of the code that they must name but do not. */
export async function proseComplaints(root: string): Promise<string[]> {
  const files = [...globSync('docs/**/*.md', { cwd: root }), ...globSync('*.md', { cwd: root })].sort()
  const texts = new Map(files.map((file) => [file, readFileSync(join(root, file), 'utf8')]))
  return [
    ...[...texts].flatMap(([file, text]) => [...brokenLinks(root, file, text, texts), ...unknownCommands(file, text)]),
    ...missingParts(root, texts),
    ...missingSteps(texts),
    ...missingConfigKeys(root, texts),
  ]
}

function brokenLinks(root: string, file: string, text: string, texts: ReadonlyMap<string, string>): string[] {
  const complaints: string[] = []
  const links = [...withoutCode(text).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => target as string)
  for (const link of links.filter((target) => !/^[a-z]+:/i.test(target))) {
    const [path = '', anchor] = link.split('#')
    const target = path === '' ? file : relative(root, join(root, dirname(file), decodeURIComponent(path)))
    if (!existsSync(join(root, target))) complaints.push(`${file}: ${link} leads nowhere`)
    else if (anchor && !anchorsOf(texts.get(target) ?? '').has(anchor)) complaints.push(`${file}: ${link} names no heading there`)
  }
  return complaints
}

function withoutCode(text: string): string {
  return text.replaceAll(/^```[\s\S]*?^```/gm, '')
}

/** Headings as links name them: lower case, words with hyphens between. */
function anchorsOf(text: string): Set<string> {
  const headings = [...withoutCode(text).matchAll(/^#+ (.+)$/gm)].map(([, heading]) => heading as string)
  return new Set(
    headings.map((heading) =>
      heading
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  )
}

/** Command lines in the pages name commands that exist. */
function unknownCommands(file: string, text: string): string[] {
  const names = allCommands.map(({ name }) => name)
  const blocks = [...text.matchAll(/^```sh\n([\s\S]*?)^```/gm)].map(([, block]) => block as string)
  const lines = blocks.flatMap((block) => block.split('\n')).map((line) => /(?:^|\s)orc ([a-z][a-z-]*(?: [a-z]+)?)/.exec(line)?.[1])
  return lines
    .filter((command) => command !== undefined && !names.some((name) => command === name || command.split(' ')[0] === name))
    .map((command) => `${file}: there is no command orc ${command}`)
}

/** Every folder of the kernel is explained on some page. */
function missingParts(root: string, texts: ReadonlyMap<string, string>): string[] {
  const pages = [...texts].filter(([file]) => file.startsWith('docs/kernel/')).map(([, text]) => text)
  const folders = readdirSync(join(root, 'kernel')).filter((name) => statSync(join(root, 'kernel', name)).isDirectory())
  return folders
    .filter((folder) => !pages.some((text) => text.includes(`\`kernel/${folder}/\``)))
    .map((folder) => `docs/kernel: no page says that it is about \`kernel/${folder}/\``)
}

/** The page about documents names the steps of a save in their order, and every hook. */
function missingSteps(texts: ReadonlyMap<string, string>): string[] {
  const file = 'docs/kernel/documents.md'
  const text = texts.get(file) ?? ''
  const complaints: string[] = []
  let at = 0
  for (const { name } of saveSteps) {
    const found = text.indexOf(`\`${name}\``, at)
    if (found < 0) complaints.push(`${file}: the step \`${name}\` is missing or not in its place`)
    else at = found
  }
  for (const hook of hookNames) if (!text.includes(`\`${hook}\``)) complaints.push(`${file}: the hook \`${hook}\` is missing`)
  return complaints
}

/** The page about sites names every key of the configuration, and every variable of the environment, that the code reads. */
function missingConfigKeys(root: string, texts: ReadonlyMap<string, string>): string[] {
  const file = 'docs/kernel/sites.md'
  const keys = new Set<string>()
  for (const source of globSync('{apps,kernel,server}/**/*.ts', { cwd: root })) {
    if (source.includes('.test.')) continue
    const text = readFileSync(join(root, source), 'utf8')
    for (const [, key, variable] of text.matchAll(/\bsite\.config\.([a-z_][a-z0-9_]*)|\benv\.([A-Z_]+)/g)) keys.add(key ?? variable ?? '')
  }
  return [...keys]
    .filter((key) => !(texts.get(file) ?? '').includes(`\`${key}\``))
    .sort()
    .map((key) => `${file}: \`${key}\`, which the code reads, is missing`)
}
