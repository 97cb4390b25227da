import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { BadFormula } from '#client/rules/payroll-errors.ts'
import { checkScoreFormula, finalScore, goalStatus, meanOf, percentScore, ratingScore, weighed, weightsMatch } from './score.ts'

const scores = { goal_score: 4, average_feedback_score: 3, self_appraisal_score: 5 }

test('the final score is the mean of the three, or what the formula says, and stays between 0 and 5', () => {
  assert.equal(finalScore(scores, null), 4)
  assert.equal(finalScore(scores, 'goal_score * .5 + average_feedback_score * .3 + self_appraisal_score * .2'), 3.9)
  assert.equal(finalScore(scores, "designation == 'Nurse' ? goal_score : 0", { designation: 'Nurse' }), 4)
  assert.deepEqual([finalScore(scores, 'goal_score * 9'), finalScore(scores, '-goal_score')], [5, 0])
})

test('a formula that cannot be read, names what nobody knows or gives no number is refused', () => {
  for (const formula of ['goal_score +', 'gaol_score', 'base * 2'])
    assert.throws(() => checkScoreFormula(formula, 'f'), BadFormula.is, formula)
  checkScoreFormula('goal_score', 'f')
  for (const formula of ["'high'", 'goal_score / 0']) assert.throws(() => finalScore(scores, formula), BadFormula.is, formula)
})

test('ratings and percentages become scores of 0 to 5', () => {
  assert.equal(
    ratingScore([
      { rating: 0.8, weight: 60 },
      { rating: 0.5, weight: 40 },
    ]),
    3.4,
  )
  assert.deepEqual([percentScore(100), percentScore(33.333), percentScore(0)], [5, 1.667, 0])
  assert.deepEqual([meanOf([]), meanOf([1, 2, 2])], [0, 1.667])
  assert.ok(weightsMatch([33.3, 33.3, 33.4]) && weightsMatch([0.1, 0.2, 99.7]) && !weightsMatch([50, 49.9]))
})

test('what is weighed with weights that sum to 100 lies between the least and the most', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.integer({ min: 0, max: 500 }), fc.integer({ min: 1, max: 50 })), { minLength: 1 }), (pairs) => {
      const whole = pairs.reduce((sum, [, weight]) => sum + weight, 0)
      const value = weighed(pairs.map(([score, weight]) => ({ value: score / 100, weight: (100 * weight) / whole })))
      const all = pairs.map(([score]) => score / 100)
      assert.ok(value >= Math.min(...all) - 0.001 && value <= Math.max(...all) + 0.001)
    }),
  )
})

test('a goal’s status follows its progress, unless somebody put it away', () => {
  assert.deepEqual(
    [goalStatus(0, 'Completed'), goalStatus(1, 'Pending'), goalStatus(100, 'Pending'), goalStatus(100, 'Archived')],
    ['Pending', 'In Progress', 'Completed', 'Archived'],
  )
})
