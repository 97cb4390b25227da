/** Bytes of UTF-8 that a stored name may have; file systems take 255, and a suffix must fit. */
const longestName = 140

// Names that Windows keeps for devices, whatever the extension.
const reserved = /^(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)/i
// What ends a path, means something in a URL or on a command line, or cannot be seen: control, direction and format characters.
const unwanted = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}<>:"|?*#%&;`$\\/]+/gu

/**
 * A name under which a file may be stored and offered, made from what a caller calls it: the last part of a path, in composed form,
 * without characters that mean something elsewhere. Never empty, never beginning with a dot.
 */
export function safeFileName(given: string): string {
  const last = given.toWellFormed().normalize('NFC').split(/[\\/]/).at(-1) ?? ''
  let name = last
    .replaceAll(unwanted, '_')
    .replaceAll(/\s+/g, ' ')
    .trim()
    .replace(/^[.\s]+/, '')
    .replace(/[.\s]+$/, '')
  if (name === '' || /^_+$/.test(name)) name = 'file'
  if (reserved.test(name)) name = `_${name}`
  return shortened(name)
}

function shortened(name: string): string {
  if (Buffer.byteLength(name) <= longestName) return name
  const { stem, extension } = splitName(name)
  const tail = Buffer.byteLength(extension) <= 20 ? extension : ''
  let kept = ''
  let size = Buffer.byteLength(tail)
  for (const character of stem) {
    size += Buffer.byteLength(character)
    if (size > longestName) break
    kept += character
  }
  return kept.trimEnd() + tail
}

/** `report.tar.gz` is `report.tar` and `.gz`; without a dot the extension is ''. */
export function splitName(name: string): { stem: string; extension: string } {
  const dot = name.lastIndexOf('.')
  return dot <= 0 ? { stem: name, extension: '' } : { stem: name.slice(0, dot), extension: name.slice(dot) }
}

/** The extension without its dot, in lower case; '' where there is none. */
export function extensionOf(name: string): string {
  return splitName(name).extension.slice(1).toLowerCase()
}

/** Where a file of this name is found: `/files/…` for everybody, `/private/files/…` for those who may. */
export function urlOf(name: string, isPrivate: boolean): string {
  return `${isPrivate ? '/private' : ''}/files/${name}`
}

/** The place in the store that a local address names; undefined for any other address, also for one that tries to leave the folder. */
export function placeOf(url: string): { name: string; isPrivate: boolean } | undefined {
  const match = /^(\/private)?\/files\/([^/\\]+)$/.exec(url)
  const name = match?.[2]
  if (name === undefined || name.startsWith('.') || /\p{Cc}/u.test(name)) return undefined
  return { name, isPrivate: match?.[1] !== undefined }
}
