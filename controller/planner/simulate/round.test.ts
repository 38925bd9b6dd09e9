import { expect, it } from 'vitest'

import { mixedFleet } from '../../../test/support/mixed-load.js'
import { fleetProblem } from '../fleet-file/fleet-problem.js'
import { Placement } from '../placement.js'
import { heldAfter, planAt, problemAt, withoutLimits } from './round.js'

const hour = 3_600_000
const now = 100 * hour
const rules = { ...withoutLimits, coolDownMs: hour }
const mixed = mixedFleet(1, 3, 6)
const spec = {
  ...mixed,
  vms: mixed.vms.map((vm, at) => ({
    ...vm,
    host: 'host1',
    running: at !== 4,
    storage: at === 5 ? 'local' : 'box',
  })),
}
const base = fleetProblem(spec, { vcpusPerCore: undefined })
const moment = {
  hostOf: base.start,
  threads: new Float64Array(3).fill(16),
  cores: new Float64Array(6).fill(4),
  resting: new Map([
    ['vm1', { until: now + 1, moves: 1, cameFrom: 'host2' }],
    ['vm2', { until: now - 1, moves: 1, cameFrom: 'host2' }],
  ]),
  now,
}

it.each([
  ['vm1, which has not rested,', 'host3', 'cool-down'],
  ['vm2, which has,', 'host2', 'straight-back'],
  ['vm2, which has,', 'host3', undefined],
  ['vm3, which has not moved,', 'host2', undefined],
  ['vm4, which is pinned,', 'host2', 'pinned'],
  ['vm5, which is off,', 'host2', 'vm-state'],
  ['vm6, on local disk,', 'host2', 'storage-reach'],
])('lets %s go to %s, or not: %s', (vm, host, rule) => {
  const problem = problemAt(spec, base, { ...rules, pin: ['vm4'] }, moment)
  const [name = ''] = vm.split(',')
  const refusals = new Placement(problem).refusals(problem.vms.indexOf(name), problem.hosts.indexOf(host))
  expect(refusals.map((one) => one.rule)).toEqual(rule === undefined ? [] : [rule])
})

it('leaves out what caps cut off, and all where what is left gains too little', () => {
  const problem = problemAt(spec, base, rules, moment)
  const all = planAt(spec, problem, rules, { seed: 1, effort: 0.2 })
  expect(all.length).toBeGreaterThan(1)
  expect(planAt(spec, problem, { ...rules, mostPerHost: 1 }, { seed: 1, effort: 0.2 })).toEqual(all.slice(0, 1))
  const asked = { ...rules, mostPerHost: 1, minGain: 0.9 }
  expect(planAt(spec, problem, asked, { seed: 1, effort: 0.2 })).toEqual([])
})

it('counts looks in a row that found the same first move', () => {
  const step = (vm: number, to: number) => ({ vm, from: 0, to })
  const looks = [[step(1, 2)], [step(1, 2), step(3, 1)], [step(3, 1)], [], [step(3, 1)]]
  let held = { count: 0, move: '' }
  const counts = looks.map((steps) => (held = heldAfter(held, steps)).count)
  expect(counts).toEqual([1, 2, 1, 0, 1])
})
