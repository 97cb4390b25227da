import { defineApp } from '#kernel/apps/app.ts'

/** Tickets of a helpdesk, as plain as they come: what `npm run bench` measures. */
export default defineApp({
  name: 'bench',
  title: 'Bench',
  version: '1.0.0',
  requires: ['company'],
  roles: ['Bench Agent', 'Bench Manager'],
})
