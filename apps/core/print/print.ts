import { Readable } from 'node:stream'
import type { AppPart, JobDefinition } from '#kernel/apps/app.ts'
import { receiveStream } from '#kernel/files/received-file.ts'
import { storeFile } from '#kernel/files/store-file.ts'
import { notify } from '#kernel/notifications/notify.ts'
import { printManyPdf, type PrintRequest } from '#kernel/print/print-document.ts'
import { publish } from '#kernel/realtime/publish.ts'
import { printMethods } from './methods.ts'
import { printStyles } from './styles.ts'

/** Milliseconds that the browser may take for all of them. */
const drawingMs = 600_000

const printMany: JobDefinition = {
  queue: 'long',
  attempts: 2,
  run: async (ctx, { requests }, job) => {
    const asked = requests as PrintRequest[]
    const pdf = await printManyPdf(ctx, asked, drawingMs)
    job.signal.throwIfAborted()
    const title = asked.length === 1 ? String(asked[0]?.name) : `${asked.length} documents`
    const received = await receiveStream(
      ctx.site,
      Readable.from([Buffer.from(pdf)]),
      `${title.replaceAll(/[^\p{L}\p{N} ._-]+/gu, '-')}.pdf`,
    )
    let isKept = false
    try {
      const file = await storeFile(ctx.asSystem('keeps what a user printed, for that user'), received, { isPrivate: true })
      isKept = true
      const url = String(file.file_url)
      await publish(ctx, `task_complete:${job.id}`, { file_url: url }, { user: ctx.user.name })
      await notify(ctx, {
        users: [ctx.user.name],
        subject: `${title}.pdf`,
        type: 'Alert',
        about: { doctype: 'File', name: String(file.name) },
        channels: ['system'],
      })
      return { file: file.name, file_url: url }
    } finally {
      await received.finish(ctx.site, isKept)
    }
  },
}

/** Print formats, letter heads, prints and PDF. */
export const printPart: AppPart = {
  methods: printMethods,
  jobs: { 'print-many': printMany },
  fixtures: [{ doctype: 'Print Style', documents: printStyles }],
}
