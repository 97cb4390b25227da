import type { AppPart } from '#kernel/apps/app.ts'
import { ledgerReports } from './reports.ts'

/** The books: what was booked, and what is open. */
export const ledgerPart: AppPart = { reports: ledgerReports }
