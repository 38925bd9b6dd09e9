import { describe, expect, it } from 'vitest'

import { elabSnapshot } from '../../../test/support/elab-fleet.js'
import { elabGoldenFindings } from '../../../test/support/elab-golden.js'
import { elabPolicy } from '../../../test/support/elab-policy.js'
import { hostIdOf } from '../../../test/support/snapshot-builder.js'
import type { FleetFacts } from './facts.js'
import { failureCard } from './failure-card.js'
import { planDrain, planPlace } from './plan-drain.js'
import { planRebalance } from './plan-rebalance.js'
import type { Plan } from './plan.js'

/** What plans say of the elab fleet under its own policy: a fleet without room, of which nearly nothing can move. */

const snapshot = elabSnapshot()
const facts: FleetFacts = {
  snapshot,
  policy: elabPolicy(),
  history: new Map(),
  maintenance: new Map(),
  past: [],
  now: snapshot.at,
}
const asked = { seed: 1, effort: 1 }
const moves = (plan: Plan): string[] => plan.moves.map(({ vm, from, to, kind }) => `${vm} ${from} ${to} ${kind}`)
const fate = (plan: Plan, which: string): string[] =>
  plan.findings.filter((one) => one.fate === which).map(({ check, subject }) => `${check} ${subject}`)

describe('rebalancing the elab', () => {
  const live = planRebalance(facts, asked)
  const cold = planRebalance(facts, { ...asked, withCold: true })

  it('finds no move of a running VM that its rules allow', () => {
    expect(moves(live)).toEqual([])
  })

  it('mends with one copy what can be mended', () => {
    expect(moves(cold)).toEqual(['motty xenhv01 xenhv04 cold-copy'])
    expect(fate(cold, 'mended')).toEqual(['into-reserve host:xenhv01', 'personal-beside-core vm:motty'])
    expect(cold.moves[0]).toMatchObject({ by: 'person', diskBytes: 40e9, times: { basis: 'assumed' } })
  })

  it.each([
    ['of running VMs', live],
    ['with copies', cold],
  ])('addresses or explains every finding, %s', (_what, plan) => {
    const before = plan.findings.filter((one) => one.fate !== 'new')
    const found = before.map(({ check, severity, subject }) => `${severity} ${check} ${subject}`)
    const known = new Set(before.map(({ check }) => check))
    expect(found.toSorted()).toEqual(elabGoldenFindings.filter((line) => known.has(line.split(' ')[1] ?? '')))
    const unsaid = elabGoldenFindings.filter((line) => !known.has(line.split(' ')[1] ?? ''))
    expect(unsaid).toEqual([])
    for (const one of before)
      expect([one.subject, one.fate === 'mended' || one.why.length > 20]).toEqual([one.subject, true])
  })

  it('keeps the reserve host as it is', () => {
    for (const plan of [live, cold]) expect(plan.moves.filter(({ to }) => to === 'xenhv03')).toEqual([])
  })

  it('says of each VM that would help which rule keeps it where', () => {
    const rows = live.cannot.map(({ vm, why }) => `${vm}: ${why.map(({ host, rule }) => `${host} ${rule}`).join(', ')}`)
    const core = (vm: string): string =>
      `${vm}: esxhv01 same-hypervisor, xenhv02 into-reserve, xenhv03 reserve-host-empty, xenhv04 host-role`
    const local = (vm: string, other: string): string =>
      `${vm}: esxhv01 same-hypervisor, ${other} host-role, xenhv03 reserve-host-empty, xenhv04 storage-reach`
    expect(rows).toEqual([
      'bell: esxhv01 same-hypervisor, xenhv02 storage-reach, xenhv03 reserve-host-empty, xenhv04 host-role',
      local('fiap-mgmt', 'xenhv01'),
      ...['fleming', 'ggw'].map(core),
      local('gucchi', 'xenhv01'),
      local('jo2lxq', 'xenhv01'),
      ...['lupin', 'maxwell'].map(core),
      local('motty', 'xenhv02'),
      local('mozilla', 'xenhv01'),
      core('ns'),
      local('secretary', 'xenhv02'),
      core('www'),
    ])
  })

  it('says the same each time', () => {
    const short = { ...asked, effort: 0.1, withCold: true }
    expect(planRebalance(facts, short)).toEqual(planRebalance(facts, short))
  })
})

describe('emptying xenhv01', () => {
  const plan = planDrain(facts, hostIdOf('xenhv01'))

  it('names what has to be copied, and how long that takes at 20 to 25 MB/s', () => {
    expect(plan.copies.map(({ vm }) => vm)).toEqual([
      'bell',
      'motty',
      'secretary',
      // They make room for others.
      'fiap-mgmt',
      'gucchi',
      'jo2lxq',
      'mozilla',
    ])
    const hour = 3_600_000
    for (const { diskBytes, duration } of plan.copies) {
      expect(diskBytes).toBe(40e9)
      expect(duration.leastMs / hour).toBeCloseTo(40e9 / 25e6 / 3600 + 1 / 60, 3)
      expect(duration.mostMs / hour).toBeCloseTo(40e9 / 20e6 / 3600 + 5 / 60, 3)
    }
    expect(plan.says).toContain('bell, motty, secretary and 4 more have to be off and copied: 280 GB, 3h 13m to 4h 28m')
  })

  it('says that it does not all fit, and the rules of which each is in the way', () => {
    expect(plan.complete).toBe(false)
    expect(plan.conflict.map(({ rule }) => rule)).toEqual(['same-hypervisor', 'into-reserve'])
    expect(plan.cannot.length).toBeGreaterThan(0)
  })
})

it('names who is lost with a host and who starts where', () => {
  const card = failureCard(facts, hostIdOf('xenhv01'))
  expect(card.lost.map(({ vm }) => vm)).toEqual(['bell', 'motty', 'secretary'])
  expect(card.restarts.map(({ vm, to }) => `${vm} ${to}`)).toEqual(
    ['fleming', 'ggw', 'lupin', 'maxwell', 'ns', 'www'].map((vm) => `${vm} xenhv03`),
  )
  expect(card.stranded).toEqual([])
  expect(card.bends.map(({ rule }) => rule)).toEqual(['personal-beside-core'])
})

const place = (vmClass: 'core' | 'personal', memoryBytes: number): Plan =>
  planPlace(facts, { name: 'new', memoryBytes, vcpus: 1, class: vmClass })

it.each([
  ['personal', 'new new xenhv04 live'],
  ['core', 'new new esxhv01 live'],
] as const)('places a new VM of the class %s', (vmClass, move) => {
  expect(moves(place(vmClass, 2 ** 30))).toEqual([move])
})

it('says which rules are in the way of one that is too large', () => {
  const large = place('personal', 4 * 2 ** 30)
  expect([large.complete, large.moves, large.conflict.map(({ rule }) => rule)]).toEqual([
    false,
    [],
    ['reserve-host-empty', 'into-reserve'],
  ])
})
