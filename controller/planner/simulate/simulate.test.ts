import { expect, it } from 'vitest'

import { mixedFleet, mixedTrace } from '../../../test/support/mixed-load.js'
import { simulate, withoutLimits } from './simulate.js'
import { parseTrace } from './trace.js'

const spec = mixedFleet(1, 4, 30)
const names = spec.vms.map(({ name }) => name)
const trace = parseTrace(mixedTrace(1, spec, 1), names, 't.csv')
const rules = { minGain: 0.05, holdRounds: 2, coolDownMs: 3_600_000, mostPerPlan: 50 }
const options = { days: 2, roundMs: 3_600_000, seed: 1, effort: 0.1 }

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
  expect(simulate(spec, trace, rules, options)).toEqual(limited)
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
