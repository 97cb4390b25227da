/** One piece of two texts laid side by side: in both, only in the first, or only in the second. */
export interface DiffPart {
  readonly kind: 'same' | 'removed' | 'added'
  readonly text: string
}

/** Pieces of each text that are compared; the rest counts as replaced as a whole. */
const mostPieces = 4000
/** Differences that are looked for; texts that differ more are shown as replaced. */
const mostEdits = 2000

/**
 * What changed between two texts, line by line, or sentence by sentence where a text has no lines. Pieces of one kind in a row are one part.
 * The `same` and `removed` parts joined are the first text; `same` and `added` the second.
 */
export function diffTexts(first: string, second: string): DiffPart[] {
  const a = piecesOf(first)
  const b = piecesOf(second)
  let start = 0
  while (start < a.length && start < b.length && a[start] === b[start]) start++
  let end = 0
  while (end < a.length - start && end < b.length - start && a.at(-1 - end) === b.at(-1 - end)) end++
  const middle = shortestEdit(a.slice(start, a.length - end), b.slice(start, b.length - end))
  return joined([...same(a.slice(0, start)), ...middle, ...same(a.slice(a.length - end))])
}

const same = (pieces: readonly string[]): DiffPart[] => pieces.map((text) => ({ kind: 'same', text }))

function piecesOf(text: string): string[] {
  const pieces = text.includes('\n') ? text.split(/(?<=\n)/) : text.split(/(?<=[.!?;:]\s)/)
  return pieces.filter((piece) => piece !== '')
}

/** Myers' greedy algorithm: the furthest that each number of edits reaches on each diagonal. */
function shortestEdit(a: readonly string[], b: readonly string[]): DiffPart[] {
  const replaced: DiffPart[] = [
    ...a.map((text) => ({ kind: 'removed', text }) as const),
    ...b.map((text) => ({ kind: 'added', text }) as const),
  ]
  if (a.length === 0 || b.length === 0 || a.length > mostPieces || b.length > mostPieces) return replaced
  const most = Math.min(a.length + b.length, mostEdits)
  const size = most + 1
  const reach = new Int32Array(2 * size + 1)
  const traces: Int32Array[] = []
  for (let edits = 0; edits <= most; edits++) {
    traces.push(reach.slice(size - edits - 1, size + edits + 2))
    for (let diagonal = -edits; diagonal <= edits; diagonal += 2) {
      const isDown = diagonal === -edits || (diagonal !== edits && at(reach, size + diagonal - 1) < at(reach, size + diagonal + 1))
      let x = isDown ? at(reach, size + diagonal + 1) : at(reach, size + diagonal - 1) + 1
      while (x < a.length && x - diagonal < b.length && a[x] === b[x - diagonal]) x++
      reach[size + diagonal] = x
      if (x >= a.length && x - diagonal >= b.length) return walkBack(a, b, traces)
    }
  }
  return replaced
}

const at = (reach: Int32Array, index: number): number => reach[index] ?? 0

function walkBack(a: readonly string[], b: readonly string[], traces: readonly Int32Array[]): DiffPart[] {
  const parts: DiffPart[] = []
  let x = a.length
  let y = b.length
  for (let edits = traces.length - 1; edits >= 0; edits--) {
    const trace = traces[edits] as Int32Array
    const centre = edits + 1
    const diagonal = x - y
    const isDown = diagonal === -edits || (diagonal !== edits && at(trace, centre + diagonal - 1) < at(trace, centre + diagonal + 1))
    const before = isDown ? diagonal + 1 : diagonal - 1
    const fromX = edits === 0 ? 0 : at(trace, centre + before)
    const fromY = edits === 0 ? 0 : fromX - before
    while (x > fromX && y > fromY) {
      parts.push({ kind: 'same', text: a[--x] as string })
      y--
    }
    if (edits === 0) break
    if (isDown) parts.push({ kind: 'added', text: b[--y] as string })
    else parts.push({ kind: 'removed', text: a[--x] as string })
  }
  return parts.reverse()
}

function joined(parts: readonly DiffPart[]): DiffPart[] {
  const out: { kind: DiffPart['kind']; text: string }[] = []
  for (const part of parts) {
    const last = out.at(-1)
    if (last?.kind === part.kind) last.text += part.text
    else out.push({ ...part })
  }
  return out
}
