import type { AppPart } from '#kernel/apps/app.ts'
import { forecast } from './forecast.ts'

/** How far deals have got, and what is to be expected of them. */
export const dealsPart: AppPart = { methods: [forecast] }
