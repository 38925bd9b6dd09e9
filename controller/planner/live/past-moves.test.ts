import { expect, it } from 'vitest'

import { restsOf, type PastMove } from './past-moves.js'

const hour = 3_600_000
const now = 1000 * hour
const rules = { coolDownMs: hour }

function moved(hoursAgo: number, from = 'a', to = 'b'): PastMove {
  const endedAt = now - hoursAgo * hour
  return { vmUuid: 'vm', fromHostId: from, toHostId: to, begunAt: endedAt - 1000, endedAt, sentBytes: undefined }
}

it.each([
  ['once', [moved(0.5)], 1, 0.5],
  ['twice within a day', [moved(0.5), moved(5)], 2, 1.5],
  ['three times', [moved(0.5), moved(5), moved(20)], 3, 3.5],
  ['a day before too', [moved(0.5), moved(30)], 1, 0.5],
])('rests longer each time: %s', (_what, past, moves, hoursLeft) => {
  const rest = restsOf(past, rules, now).get('vm')
  expect(rest?.moves).toBe(moves)
  expect(((rest?.until ?? 0) - now) / hour).toBeCloseTo(hoursLeft)
})

it('never more than a week', () => {
  const rest = restsOf(
    Array.from({ length: 20 }, (_, at) => moved(at)),
    rules,
    now,
  ).get('vm')
  expect((rest?.until ?? 0) - now).toBe(7 * 24 * hour)
})

it('as long as the policy says, where that is more than a week', () => {
  const rest = restsOf([moved(1), moved(2)], { coolDownMs: 30 * 24 * hour }, now).get('vm')
  expect((rest?.until ?? 0) - now).toBe(30 * 24 * hour - hour)
})

it('does not go back where it came from within a day, however short it rests', () => {
  expect(restsOf([moved(20, 'a', 'b')], rules, now).get('vm')?.cameFrom).toBe('a')
  expect(restsOf([moved(25, 'a', 'b')], rules, now).get('vm')).toBeUndefined()
})
