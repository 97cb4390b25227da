import { createReadStream } from 'node:fs'
import { chmod, lstat, mkdir, open, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { brotliDecompress, createBrotliDecompress } from 'node:zlib'

/** A browser on this machine, ready to start. */
export interface ChromiumFiles {
  readonly executable: string
  /** Variables that it starts with: where its fonts are. */
  readonly env: Readonly<Record<string, string>>
}

/**
 * Where the browser lies: `ORC_CHROMIUM` if it is set, else the one of the npm package, unpacked once per version (200 MB) into a
 * folder that only this user can write to, so that nobody can put another program in its place.
 */
export async function chromiumFiles(): Promise<ChromiumFiles> {
  const own = process.env.ORC_CHROMIUM
  const packed = join(dirname(fileURLToPath(import.meta.resolve('@sparticuz/chromium'))), '..', 'bin')
  const { version } = JSON.parse(await readFile(join(packed, '..', 'package.json'), 'utf8')) as { version: string }
  const folder = await ownFolder(`chromium-${version}`)
  const fonts = await unpackFonts(join(packed, 'fonts.tar.br'), folder)
  const executable = own || (await unpackOnce(join(packed, 'chromium.br'), join(folder, 'chromium')))
  return { executable, env: { FONTCONFIG_FILE: fonts } }
}

async function ownFolder(name: string): Promise<string> {
  const user = process.getuid?.() ?? 0
  let refusal: unknown
  for (const base of [process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), join(tmpdir(), `orchestrator-${user}`)]) {
    const folder = join(base, 'orchestrator', name)
    try {
      await mkdir(folder, { recursive: true, mode: 0o700 })
      for (const one of [dirname(folder), folder]) {
        const facts = await lstat(one)
        if (!facts.isDirectory() || (process.getuid && facts.uid !== user)) throw new Error(`${one} belongs to somebody else`)
        if ((facts.mode & 0o022) !== 0) await chmod(one, 0o700)
      }
      return folder
    } catch (error) {
      refusal = error
    }
  }
  throw refusal
}

/** Processes may unpack at the same moment: each writes a file of its own, and the last one to give it its name wins. */
async function unpackOnce(source: string, target: string): Promise<string> {
  if (await isThere(target)) return target
  const part = `${target}.${process.pid}.part`
  try {
    const file = await open(part, 'w', 0o700)
    await file.close()
    const { pipeline } = await import('node:stream/promises')
    const { createWriteStream } = await import('node:fs')
    await pipeline(createReadStream(source), createBrotliDecompress({ chunkSize: 1 << 20 }), createWriteStream(part, { mode: 0o700 }))
    await rename(part, target)
    return target
  } finally {
    await rm(part, { force: true })
  }
}

/** The package's fonts beside those of the machine. @returns the file that names both */
async function unpackFonts(source: string, folder: string): Promise<string> {
  const config = join(folder, 'fonts.conf')
  if (await isThere(config)) return config
  const fonts = join(folder, 'fonts')
  await mkdir(fonts, { recursive: true, mode: 0o700 })
  const archive = await promisify(brotliDecompress)(await readFile(source))
  for (const { name, content } of filesOfTar(archive)) {
    const base = name.split('/').at(-1) ?? ''
    if (/^[\w-]+\.ttf$/.test(base)) await writeWhole(join(fonts, base), content)
  }
  await writeWhole(
    config,
    `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "urn:fontconfig:fonts.dtd">
<fontconfig>
  <include ignore_missing="yes">/etc/fonts/fonts.conf</include>
  <dir>${fonts}</dir>
  <cachedir>${join(folder, 'font-cache')}</cachedir>
</fontconfig>
`,
  )
  return config
}

async function writeWhole(target: string, content: string | Uint8Array): Promise<void> {
  const part = `${target}.${process.pid}.part`
  await writeFile(part, content, { mode: 0o600 })
  await rename(part, target)
}

/** Regular files of a tar archive. */
function* filesOfTar(archive: Buffer): Generator<{ name: string; content: Buffer }> {
  for (let at = 0; at + 512 <= archive.length; ) {
    const name = archive.toString('utf8', at, at + 100).split('\0')[0] ?? ''
    if (name === '') return
    const size = Number.parseInt(archive.toString('latin1', at + 124, at + 135), 8) || 0
    const kind = archive.toString('latin1', at + 156, at + 157)
    if (kind === '0' || kind === '\0') yield { name, content: archive.subarray(at + 512, at + 512 + size) }
    at += 512 + Math.ceil(size / 512) * 512
  }
}

async function isThere(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  )
}
