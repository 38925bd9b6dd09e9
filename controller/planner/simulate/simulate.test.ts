import { expect, it } from 'vitest'

import { mixedFleet, mixedTrace } from '../../../test/support/mixed-load.js'
import { withoutLimits } from './round.js'
import { simulate } from './simulate.js'
import { parseTrace } from './trace.js'

const spec = mixedFleet(1, 4, 30)
const names = spec.vms.map(({ name }) => name)
const trace = parseTrace(mixedTrace(1, spec, 1), names, 't.csv')
const rules = {
  minGain: 0.05,
  holdRounds: 2,
  coolDownMs: 3_600_000,
  mostPerPlan: 50,
  mostPerHost: 10,
  mostPerArray: 50,
  pin: [],
}
const options = { days: 2, roundMs: 7_200_000, seed: 1, effort: 0.02 }

it('plays a trace in closed loop: fewer moves than without limits, none inside a cool-down, hosts more alike', () => {
  const limited = simulate(spec, trace, rules, options)
  const free = simulate(spec, trace, withoutLimits, options)
  const still = simulate(spec, trace, { ...rules, minGain: 1 }, options)
  expect(limited).toMatchObject({ insideCoolDown: 0, violations: 0, moments: 192, plays: 2 })
  expect(limited.moves.length).toBeGreaterThan(0)
  expect(limited.moves.length).toBeLessThanOrEqual(free.moves.length)
  expect(still.moves).toEqual([])
  expect(limited.imbalance).toBeLessThan(still.imbalance)
  expect(limited.imbalanceByHour).toHaveLength(48)
})

it('comes to the same for the same seed', () => {
  const run = () => simulate(spec, trace, rules, { ...options, days: 1 })
  expect(run()).toEqual(run())
})

it('moves nothing that is pinned, or that would have to be copied', () => {
  expect(simulate(spec, trace, { ...rules, pin: ['*'] }, options).moves).toEqual([])
  const local = { ...spec, vms: spec.vms.map((vm) => ({ ...vm, storage: 'local', diskBytes: 2e12 })) }
  expect(simulate(local, trace, withoutLimits, options).moves).toEqual([])
})

it('moves no more at once than the caps of hosts and arrays let through', () => {
  const most = (cap: Partial<typeof rules>): number => {
    const { moves } = simulate(spec, trace, { ...withoutLimits, minGain: 0.01, ...cap }, { ...options, days: 1 })
    const counts = new Map<number, number>()
    for (const { atS } of moves) counts.set(atS, (counts.get(atS) ?? 0) + 1)
    return Math.max(0, ...counts.values())
  }
  expect(most({})).toBeGreaterThan(2)
  // Of four hosts two pairs.
  expect(most({ mostPerHost: 1 })).toBeLessThanOrEqual(2)
  expect(most({ mostPerArray: 1 })).toBe(1)
})

it('counts moments of hosts that are asked for more than they have', () => {
  const lines = ['time_s,vm,cpu_cores,memory_bytes,read_bytes_s,write_bytes_s', '0,vm1,40,1,0,0', '900,vm1,0,1,0,0']
  const busy = simulate(
    spec,
    parseTrace(lines.join('\n'), names, 't'),
    { ...rules, minGain: 1 },
    { ...options, days: 1 },
  )
  expect(busy.saturations).toBe(48)
})

it.each([
  ['time,vm\n', /^t:1: header: expected time_s,vm,/],
  [
    'time_s,vm,cpu_cores,memory_bytes,read_bytes_s,write_bytes_s\n0,nobody,1,1,0,0',
    /t:2: vm: expected the name of a VM of the fleet, got nobody/,
  ],
  [
    'time_s,vm,cpu_cores,memory_bytes,read_bytes_s,write_bytes_s\n0,vm1,much,1,0,0',
    /t:2: cpu_cores: expected a number of at least 0, got much/,
  ],
  [
    'time_s,vm,cpu_cores,memory_bytes,read_bytes_s,write_bytes_s\n9,vm1,1,1,0,0\n3,vm1,1,1,0,0',
    /t:3: time_s: expected a time not before 9, got 3/,
  ],
])('refuses a trace by line: %j', (text, message) => {
  expect(() => parseTrace(text, ['vm1'], 't')).toThrow(message)
})
