import { defineApp } from '#kernel/apps/app.ts'
import type { DeliveredRead } from '#kernel/permissions/reads.ts'

/** What was heard, and a fault to throw instead; tests empty and set them. */
export const heard: DeliveredRead[] = []
export const fault: { error: Error | undefined } = { error: undefined }

/** Listens to who reads which ToDos. */
export default defineApp({
  name: 'watching',
  title: 'Watching',
  version: '1.0.0',
  onRead: {
    ToDo: async (_ctx, reads) => {
      if (fault.error) throw fault.error
      heard.push(...reads)
    },
  },
})
