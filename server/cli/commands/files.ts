import { copyFiles, clearStore } from '#kernel/files/move-files.ts'
import { fileStoreOf, openStore } from '#kernel/files/file-store.ts'
import { findOrphans } from '#kernel/files/orphans.ts'
import { bumpEpoch } from '#kernel/sites/epoch.ts'
import { writeConfig } from '#kernel/sites/config-file.ts'
import { readConfig } from '#kernel/sites/open-site.ts'
import { type Call, type Command, one, type Outcome } from '../command.ts'
import { BadUsage } from '../errors.ts'

export const fileCommands: readonly Command[] = [
  {
    name: 'files move',
    summary: 'Bring the files of a site to another store, compare them there, and use it from then on; stopped, it can be begun anew',
    arguments: [],
    options: {
      to: { value: 'STORE', summary: 'disk or s3; the keys s3_… of the configuration say where that is' },
      clear: { summary: 'take them out of the store they were in' },
    },
    onSite: true,
    example: 'orc files move --to s3 --site crm.example.com',
    run: move,
  },
  {
    name: 'files orphans',
    summary: 'Look for files that no document names, such as an upload that was cut off leaves',
    arguments: [],
    options: {
      days: { value: 'N', summary: 'only those that are so old; default: files_orphan_days of the configuration, or 7' },
      remove: { summary: 'remove them' },
    },
    onSite: true,
    example: 'orc files orphans --site crm.example.com',
    run: orphans,
  },
]

async function move(call: Call): Promise<Outcome> {
  const site = await call.site()
  const driver = one(call.options, 'to')
  if (driver !== 'disk' && driver !== 's3') throw new BadUsage({ reason: 'files move needs --to disk or --to s3.' })
  const from = fileStoreOf(site)
  const other = driver === 'disk' ? 's3' : 'disk'
  const to = openStore(site, driver)
  const source = from.driver === driver ? openStore(site, other) : from
  const onProgress = (files: number) => call.terminal.note(`${files} files`)
  const first = await copyFiles(site, source, to, onProgress)
  if (first.different.length > 0)
    return {
      value: { ...first, store: from.driver },
      text: `${first.different.length} files are different there, among them ${first.different[0]}. The site still uses ${from.driver}.`,
      exitCode: 1,
    }
  if (from.driver !== driver) {
    await writeConfig(site.folder, { ...readConfig(site.folder), files: driver })
    await site.asSystem('orc files move', (ctx) => bumpEpoch(ctx, 'config'))
  }
  // What was uploaded to the old place until every process knew.
  const second = await copyFiles(site, source, to, onProgress)
  const cleared = call.switches.has('clear') && second.different.length === 0 ? await clearStore(source, to) : 0
  const copied = first.copied + second.copied
  return {
    value: { store: driver, copied, present: first.present, missing: second.missing, different: second.different, cleared },
    text: [
      `The files are in ${driver}: ${copied} were brought there, ${first.present} were there before.`,
      ...second.missing.slice(0, 20).map((url) => `Neither store has ${url}.`),
      ...second.different.slice(0, 20).map((url) => `${url} is different there.`),
      ...(cleared > 0 ? [`${cleared} were taken out of ${other}.`] : []),
    ].join('\n'),
    exitCode: second.different.length > 0 ? 1 : 0,
  }
}

async function orphans(call: Call): Promise<Outcome> {
  const site = await call.site()
  const given = one(call.options, 'days')
  const days = given === undefined ? undefined : Number(given)
  if (days !== undefined && !(Number.isInteger(days) && days >= 0)) throw new BadUsage({ reason: '--days must be a whole number.' })
  const remove = call.switches.has('remove')
  // A file that is just being uploaded has no document yet.
  if (remove && days === 0)
    throw new BadUsage({ reason: 'Files of today may be uploads that are not over yet: with --remove, --days must be 1 at least.' })
  const found = await findOrphans(site, { remove, ...(days !== undefined && { days }) })
  const size = `${(found.bytes / 1024 / 1024).toFixed(1)} MB`
  return {
    value: found,
    text: [
      `${found.orphans} of ${found.seen} are named by no document (${size})${remove ? ', and are removed' : ''}.`,
      ...found.names,
    ].join('\n'),
  }
}
