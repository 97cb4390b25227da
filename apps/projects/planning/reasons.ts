import type { Reason } from '#client/rules/schedule-forward.ts'

const constraintWords: Readonly<Record<string, string>> = {
  'as-late-as-possible': 'As late as possible',
  'must-start-on': 'Must start on a day',
  'must-finish-on': 'Must finish on a day',
  'start-no-earlier-than': 'Not to start earlier',
  'start-no-later-than': 'Not to start later',
  'finish-no-earlier-than': 'Not to finish earlier',
  'finish-no-later-than': 'Not to finish later',
}

const linkWords = {
  FS: 'Begins when it is done',
  SS: 'Begins when it begins',
  FF: 'Is done when it is done',
  SF: 'Is done when it begins',
} as const

/** Why a task stands where it does, as a sentence. @param subjects what tasks are called, by name */
export function reasonText(reason: Reason, subjects: ReadonlyMap<string, string>): string {
  if (reason.kind === 'link') {
    const { from, kind, lag } = reason.link
    const hours = Math.round((lag / 3_600_000) * 100) / 100
    const shift = hours === 0 ? '' : `, ${hours > 0 ? 'plus' : 'minus'} ${Math.abs(hours)} h`
    return `${from} “${subjects.get(from) ?? ''}”: ${linkWords[kind].toLowerCase()}${shift}`
  }
  if (reason.kind === 'constraint') return constraintWords[reason.constraint] ?? reason.constraint
  return reasonWords[reason.kind]
}

const reasonWords = {
  'plan-start': 'Nothing holds it back',
  'as-of': 'Has not begun yet',
  pinned: 'The dates are pinned',
  actual: 'Has begun',
  parts: 'Follows from its parts',
  levelling: 'Somebody is busy before',
} as const
