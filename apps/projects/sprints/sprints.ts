import type { AppPart } from '#kernel/apps/app.ts'
import { velocity } from './sprint-verbs.ts'

/** Sprints, and the events from which burndown and velocity follow. */
export const sprintsPart: AppPart = { methods: [velocity] }
