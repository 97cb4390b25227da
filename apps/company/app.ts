import { defineApp } from '#kernel/apps/app.ts'

/** The organisations that share a site, and their departments. */
export default defineApp({
  name: 'company',
  title: 'Company',
  version: '0.1.0',
  scopes: ['Organization'],
})
