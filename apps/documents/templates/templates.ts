import type { AppPart } from '#kernel/apps/app.ts'
import { keepApart } from '../organization.ts'
import { fillFromRows, templateMethods } from './fill-template.ts'

/** Texts with places for values, made into PDFs. */
export const templatesPart: AppPart = {
  methods: templateMethods,
  events: { 'Document Template': { before_validate: keepApart } },
  jobs: { 'fill-template': { queue: 'long', run: fillFromRows } },
}
