import assert from 'node:assert/strict'
import { test } from 'node:test'
import sharp from 'sharp'
import { PicturesBusy, PictureUnreadable } from './errors.ts'
import { shrink } from './shrink.ts'

const small = { width: 10, height: 10, format: 'webp' } as const
const png = await sharp({ create: { width: 30, height: 20, channels: 3, background: '#123' } })
  .png()
  .toBuffer()

test('a picture gets smaller in its proportions, and never larger', async () => {
  const { width, height, format } = await sharp(await shrink(png, small)).metadata()
  assert.deepEqual([width, height, format], [10, 7, 'webp'])
  assert.equal((await sharp(await shrink(png, { ...small, width: 500, height: 500 })).metadata()).width, 30)
  assert.equal((await sharp(await shrink(png, { ...small, format: 'same' })).metadata()).format, 'png')
})

test('what could run, or reach for other files, is not opened, even if it is called a picture', async () => {
  const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9"/></svg>'
  for (const content of [svg, '%PDF-1.4', `<?xml version="1.0"?>${svg}`, `P6 9 9 255\n${'x'.repeat(243)}`, ''])
    await assert.rejects(shrink(Buffer.from(content), small), PictureUnreadable.is, content.slice(0, 20))
  await assert.rejects(shrink('/no/such/file.png', small), PictureUnreadable.is)
})

test('too many at once are refused, and those who stand in line are served', async () => {
  const ends = await Promise.allSettled(Array.from({ length: 60 }, () => shrink(png, small)))
  const refused = ends.filter((end) => end.status === 'rejected')
  assert.equal(refused.length, 10)
  assert.ok(refused.every(({ reason }) => PicturesBusy.is(reason)))
  assert.ok((await shrink(png, small)).length > 0)
})
