import type { Context } from '#kernel/context/context.ts'
import { nowText } from '#kernel/context/time.ts'
import { type AnyDocument, Document } from '#kernel/documents/document.ts'
import { demandPlaces, generateTasks, isDue, type MedicalRow, type ProgramRow, stampRows } from '../../assignments.ts'
import { type ChecklistRow, checklistFor, demandChecklist, stampChecklist } from '../../checklist.ts'
import { cancelOpenTasks, closeStay, demandOrder } from '../../life-cycle.ts'

export interface ClientFields {
  first_name: string
  last_name: string | null
  client_name: string
  organization: string
  department: string | null
  status: 'Pending' | 'Active' | 'Discharged'
  admission_date: string | null
  discharge_date: string | null
  episode: number
  medical_assignments: MedicalRow[]
  program_assignments: ProgramRow[]
  checklist: ChecklistRow[]
}

/** Somebody who is cared for. Admission and discharge ask for their checklists; assignments make their tasks once for each stay. */
export default class Client extends Document<ClientFields> {
  async before_insert(ctx: Context): Promise<void> {
    if (this.organization && (this.checklist ?? []).length === 0) this.checklist = await checklistFor(ctx, this.organization)
  }

  async validate(ctx: Context, extra?: { before?: AnyDocument }): Promise<void> {
    const before = extra?.before as (AnyDocument & ClientFields) | undefined
    this.first_name = this.first_name?.trim()
    this.client_name = [this.first_name, this.last_name?.trim()].filter(Boolean).join(' ')
    demandOrder(ctx, this, before)
    stampChecklist(ctx, this.checklist ?? [], before?.checklist ?? [])
    if (this.status !== before?.status) {
      if (this.status === 'Active') {
        // What another system says has happened there; only people are held to the list.
        if (!ctx.user.unrestricted) demandChecklist(this.checklist ?? [], 'Admission')
        this.episode = (before?.episode ?? 0) + 1
      }
      if (this.status === 'Discharged') {
        if (!ctx.user.unrestricted) demandChecklist(this.checklist ?? [], 'Discharge')
        closeStay(this)
      }
    }
    await demandPlaces(ctx, this, before)
    stampRows(this, nowText(ctx))
  }

  async on_update(ctx: Context, extra?: { before?: AnyDocument }): Promise<void> {
    if (isDue(this)) await generateTasks(ctx, this)
    const before = extra?.before as ClientFields | undefined
    if (this.status === 'Discharged' && before?.status === 'Active') await cancelOpenTasks(ctx, this.name)
  }
}
