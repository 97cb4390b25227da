import { defineApp } from '#kernel/apps/app.ts'

/** Tiny DocTypes for the five kinds of data that the role matrix speaks of. */
export default defineApp({
  name: 'matrix',
  title: 'Role matrix',
  version: '0.1.0',
  requires: ['company'],
  roles: ['Super Admin', 'Medical Staff', 'Program Staff', 'HR Manager', 'Finance Manager', 'Supervisor'],
})
