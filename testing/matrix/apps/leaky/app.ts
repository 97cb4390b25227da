import { defineApp } from '#kernel/apps/app.ts'

/** An app with an open door, to see that the walk finds it. */
export default defineApp({ name: 'leaky', title: 'Leaky', version: '0.1.0', requires: ['company'] })
