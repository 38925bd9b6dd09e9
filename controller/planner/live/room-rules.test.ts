import { describe, expect, it } from 'vitest'

import { policyWith } from '../../../test/support/policy-with.js'
import { buildSnapshot, hostIdOf, uuidOf, withVm, type SnapshotRows } from '../../../test/support/snapshot-builder.js'
import { Placement } from '../placement.js'
import { liveKinds, type FleetFacts } from './facts.js'
import { liveProblem } from './live-problem.js'
import { planPlace } from './plan-drain.js'
import { planRebalance } from './plan-rebalance.js'
import type { Plan } from './plan.js'

/** What plans of small fleets on one shared array do where hosts are empty, too full, or of unknown memory. */

const array = 'box'
const gib = 1024

/** Hosts by their memory in GiB (null: not known), and of each the memory of its VMs in GiB. */
type Rows = readonly (readonly [name: string, gibibytes: number | null, vms: readonly (number | null)[]])[]

function factsOf(rows: Rows, change: Partial<FleetFacts> = {}): FleetFacts {
  const built: SnapshotRows = {
    hosts: rows.map(([name, most]) => ({ name, memoryMiB: most === null ? null : most * gib })),
    vms: rows.flatMap(([host, , vms]) =>
      vms.map((size, at) => ({ name: `${host}${at}`, host, memoryMiB: size === null ? null : size * gib, array })),
    ),
    arrays: [{ key: array, name: array, kind: 'iscsi' }],
  }
  const snapshot = buildSnapshot(built)
  const none = { history: new Map(), maintenance: new Map(), past: [] }
  return { snapshot, policy: policyWith(), ...none, now: snapshot.at, ...change }
}

const asked = { seed: 1, effort: 0.1 }
const many = (count: number, size: number): number[] => Array.from({ length: count }, () => size)
const moves = ({ moves: all }: Plan): string[] => all.map(({ vm, from, to }) => `${vm} ${from} ${to}`)
const place = (facts: FleetFacts, memoryBytes: number, vcpus = 1): Plan =>
  planPlace(facts, { name: 'new', memoryBytes, vcpus, class: undefined })

describe('an empty host', () => {
  it('takes VMs of one that is above its limit, though none of them would find a place if it failed', () => {
    const plan = planRebalance(
      factsOf([
        ['a', 64, many(15, 4.5)],
        ['b', 64, []],
      ]),
      asked,
    )
    expect(plan.moves.length).toBeGreaterThan(3)
    expect(new Set(plan.moves.map(({ from, to }) => `${from} ${to}`))).toEqual(new Set(['a b']))
    expect(plan.hosts.map(({ after }) => after.memoryBytes <= after.memoryMostBytes)).toEqual([true, true])
  })

  it('takes a new VM even where there is no other host', () => {
    expect(moves(place(factsOf([['a', 64, []]]), 8 * 2 ** 30))).toEqual(['new new a'])
  })

  it('takes none that another host would lose its refuge by, and the rule is named', () => {
    // b is all the refuge that the VM of a has.
    const plan = place(
      factsOf([
        ['a', 16, [12]],
        ['b', 16, []],
      ]),
      8 * 2 ** 30,
    )
    expect([plan.moves, plan.conflict.map(({ rule }) => rule)]).toEqual([[], ['host-failure']])
  })
})

describe('where memory is not known', () => {
  it.each([
    [
      'of one VM',
      [
        ['a', 64, [4, 4, null]],
        ['b', 64, [4, 4]],
        ['c', 64, [4, 4]],
      ],
    ],
    [
      'of a host',
      [
        ['a', null, [4, 4]],
        ['b', 64, [4, 4]],
        ['c', 64, [4, 4]],
      ],
    ],
  ] satisfies [string, Rows][])('%s, nothing has to leave that host', (_what, rows) => {
    const plan = planRebalance(factsOf(rows), asked)
    expect(moves(plan)).toEqual([])
    expect(plan.scoreBefore).toBeLessThan(10)
  })

  it('a host takes nobody, and what it may take is not told', () => {
    const plan = planRebalance(
      factsOf([
        ['a', null, [4]],
        ['b', 64, [8, 8, 8, 8, 8, 8, 8, 6]],
        ['c', 64, []],
      ]),
      asked,
    )
    expect(plan.moves.length).toBeGreaterThan(0)
    expect(plan.moves.map(({ to }) => to).filter((to) => to === 'a')).toEqual([])
    expect(plan.hosts[0]?.before).toMatchObject({ host: 'a', memoryMostBytes: 0 })
  })
})

describe('a plan that caps cut', () => {
  const capped = (change: Partial<FleetFacts['policy']['moves']>): FleetFacts => {
    const { moves: rules, ...rest } = policyWith()
    // They change places, which takes a way round by c: a and b are nearly full.
    return factsOf(
      [
        ['a', 20, [8, 8]],
        ['b', 20, [8, 8]],
        ['c', 64, [47]],
      ],
      {
        policy: {
          ...rest,
          moves: {
            ...rules,
            together: [
              ['a0', 'b0'],
              ['a1', 'b1'],
            ],
            ...change,
          },
        },
      },
    )
  }

  it('is none where what is left of it is a way round for nothing', () => {
    const plan = planRebalance(capped({ mostPerHost: 1 }), asked)
    expect([moves(plan), plan.capped, plan.says]).toEqual([
      [],
      true,
      'nothing to move: no plan within the caps of the policy gains enough',
    ])
  })

  it('is whole where caps let it', () => {
    expect(moves(planRebalance(capped({ mostPerHost: 2 }), asked))).toEqual(['b0 b c', 'a1 a b', 'b0 c a'])
  })
})

describe('a new VM', () => {
  const load = (cores: number): ReadonlyMap<string, readonly number[]> =>
    new Map(['a0', 'b0'].map((vm) => [uuidOf(vm), Array.from({ length: 8 }, () => (vm === 'a0' ? cores : 0.1))]))
  const facts = (history: FleetFacts['history'], vcpus: number): FleetFacts => {
    const all = factsOf(
      [
        ['a', 64, [8]],
        ['b', 62, [8]],
      ],
      { history },
    )
    const change = (name: string) => withVm(all.snapshot, name, { vcpus }).vms.get(uuidOf(name))
    const [a, b] = [change('a0'), change('b0')]
    if (a === undefined || b === undefined) throw new Error('no VMs')
    const vms = new Map(all.snapshot.vms).set(a.uuid, a).set(b.uuid, b)
    return { ...all, snapshot: { ...all.snapshot, vms } }
  }

  it.each([
    ['goes where its virtual CPUs find cores, by what others do with theirs', load(4), 4, 64, 'b'],
    ['goes by memory where CPUs are idle', load(0.1), 4, 1, 'a'],
    ['goes by memory where nothing is known of load', new Map(), 4, 1, 'a'],
  ] as const)('%s', (_what, history, ofOthers, vcpus, host) => {
    const plan = place(facts(history, ofOthers), 2 ** 30, vcpus)
    expect(moves(plan)).toEqual([`new new ${host}`])
  })

  it('shows on the host that takes it', () => {
    // The others use a half of theirs.
    const plan = place(facts(load(3.9), 4), 2 ** 30, 2)
    expect(plan.moves[0]?.target.after.cores).toBeCloseTo(0.1 + 1)
  })
})

it.each([
  ['is refuge for VMs of others', new Map(), []],
  ['is none while it is in maintenance', new Map([[hostIdOf('c'), 'it is in maintenance']]), ['host-failure']],
] as const)('an empty host %s', (_what, maintenance, refused) => {
  // The VM of d fits on a alone, as long as that of b is not there, and on c.
  const facts = factsOf(
    [
      ['a', 32, [4]],
      ['b', 16, [10]],
      ['c', 40, []],
      ['d', 30, [20]],
    ],
    { maintenance },
  )
  const { problem, hosts, movers } = liveProblem(facts, { kinds: liveKinds })
  const to = hosts.findIndex((host) => host?.name === 'a')
  const vm = movers.findIndex(({ hostId }) => hostId === hostIdOf('b'))
  expect(new Placement(problem).refusals(vm, to).map(({ rule }) => rule)).toEqual(refused)
})
