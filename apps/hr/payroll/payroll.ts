import type { AppPart } from '#kernel/apps/app.ts'
import { keepOrganizationsApart } from '../shared/organization.ts'
import { keepResults, ofOneself } from './access.ts'
import { payDifferences } from './differences.ts'
import { makeSalarySlips, submitSalarySlips } from './run.ts'

const apart = { validate: keepOrganizationsApart }

/** What people are paid: structures, slips, tax, overtime, and what the books are to know of them. */
export const payrollPart: AppPart = {
  // A slip takes everything from its employee's records, and checks only that these belong to its organization.
  events: {
    'Salary Structure': apart,
    'Salary Structure Assignment': apart,
    'Additional Salary': apart,
    'Employee Tax Exemption Declaration': apart,
    'Employee Other Income': apart,
    'Payroll Entry': { ...apart, before_update_after_submit: keepResults },
    'Salary Slip': { before_update_after_submit: keepResults },
    'Salary Withholding': { ...apart, before_update_after_submit: keepResults },
    'Overtime Type': apart,
    'Overtime Slip': { ...apart, before_update_after_submit: keepResults },
  },
  permissions: {
    'Salary Slip': ofOneself(true),
    'Overtime Slip': ofOneself(true),
    'Employee Tax Exemption Declaration': ofOneself(false),
  },
  methods: [payDifferences],
  jobs: { 'make-salary-slips': makeSalarySlips, 'submit-salary-slips': submitSalarySlips },
}
