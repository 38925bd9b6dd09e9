import { expect, it } from 'vitest'

import { elabSpec } from '../../../test/support/deployed-fleets.js'
import { elabGoldenFindings } from '../../../test/support/elab-golden.js'
import { brokenRules } from '../../../test/support/plan-witness.js'
import { Placement } from '../placement.js'
import { rebalance } from '../rebalance.js'
import { fleetProblem } from './fleet-problem.js'
import { remainsOf } from './fleet-remains.js'

const spec = elabSpec
const problem = fleetProblem(spec, { vcpusPerCore: undefined })
const plan = rebalance(problem, { seed: 1, mostMoves: undefined, effort: 1, leastGain: 0.01 })

it('mends or explains everything that the rules of the elab find', () => {
  const hostOf = new Map(problem.vms.map((name, vm) => [name, problem.hosts[plan.hostOf[vm] ?? 0] ?? '']))
  const remains = remainsOf(spec, hostOf)
  const moved = new Set(plan.steps.flatMap(({ vm, from }) => [problem.vms[vm], problem.hosts[from]]))
  const neither = elabGoldenFindings.filter((finding) => {
    const [, rule = '', subject = ''] = finding.split(' ')
    const name = subject.slice(subject.indexOf(':') + 1)
    return !moved.has(name) && !remains.some((one) => one.rule === rule && one.of.includes(name))
  })
  expect(neither).toEqual([])
  expect(remains.map(({ rule }) => rule)).not.toContain('into-reserve')
})

it('keeps the reserve host as it is, and each step within the rules', () => {
  const reserve = problem.hosts.indexOf('xenhv03')
  expect(plan.steps.length).toBeGreaterThan(0)
  expect(plan.steps.some(({ to }) => to === reserve)).toBe(false)
  expect(brokenRules(problem, plan.steps)).toEqual([])
})

it.each([
  ['kure', 'esxhv01', 'same-hypervisor'],
  ['kure', 'xenhv03', 'reserve-host-empty'],
  ['www', 'xenhv04', 'personal-beside-core'],
  ['bell', 'xenhv02', 'apart-on-one-host'],
  ['www', 'xenhv02', 'into-reserve'],
])('says why %s does not go to %s: %s', (vm, host, rule) => {
  const refusals = new Placement(problem).refusals(problem.vms.indexOf(vm), problem.hosts.indexOf(host))
  expect(refusals.map((one) => one.rule)).toContain(rule)
})

it('moves VMs on an array live, and copies those on local disk while they are off', () => {
  const placement = new Placement(problem)
  const to = problem.hosts.indexOf('xenhv04')
  expect(placement.kind(problem.vms.indexOf('www'), to)).toBe('live')
  expect(placement.kind(problem.vms.indexOf('motty'), to)).toBe('cold-copy')
})
