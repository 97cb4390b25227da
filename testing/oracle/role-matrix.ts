/** What a role may do with one kind of data: see all of it, see its own department's, read and write, read, nothing. */
export type MatrixCell = 'All' | 'Own Dept' | 'RW' | 'R' | '-'

/** The DocTypes of the test app `matrix` that stand for the columns. */
export const matrixDocTypes = ['Care Client', 'Medical Record', 'Program Record', 'HR Record', 'Finance Record'] as const

/** The role matrix of the requirements: a row per role, a cell per kind of data, in the order of `matrixDocTypes`. */
export const roleMatrix: Readonly<Record<string, readonly [MatrixCell, MatrixCell, MatrixCell, MatrixCell, MatrixCell]>> = {
  'Super Admin': ['All', 'RW', 'RW', 'RW', 'RW'],
  'Medical Staff': ['Own Dept', 'RW', 'R', '-', '-'],
  'Program Staff': ['Own Dept', 'R', 'RW', '-', '-'],
  'HR Manager': ['All', '-', '-', 'RW', 'R'],
  'Finance Manager': ['All', '-', '-', 'R', 'RW'],
  Supervisor: ['All', 'R', 'R', 'R', 'R'],
}
