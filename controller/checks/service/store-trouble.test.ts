import { describe, expect, it } from 'vitest'

import { policyOf } from '../../../test/support/policy-with.js'
import { buildSnapshot } from '../../../test/support/snapshot-builder.js'
import type { StoreCondition } from '../../model/circumstances.js'
import { fleetFindings } from '../fleet-findings.js'
import { storeTrouble } from './store-trouble.js'

const fleet = buildSnapshot({ hosts: [], vms: [] })
const policy = policyOf('')
const GB = 1e9

function condition(change: Partial<StoreCondition> = {}): StoreCondition {
  return {
    writeProblem: '',
    problem: '',
    damagedRowsLately: 0,
    tooLatePointsLately: 0,
    trimmedLately: 0,
    lostPointsLately: 0,
    ...change,
  }
}

const queue = (bytes: number): Partial<StoreCondition> => ({ queue: { bytes, maxBytes: GB, waitingPoints: 1 } })
const disk = (freeBytes: number): Partial<StoreCondition> => ({ disk: { freeBytes, sizeBytes: 100 * GB } })

describe('a store', () => {
  it.each<[string, Partial<StoreCondition>, string[]]>([
    ['in order', {}, []],
    [
      'that takes nothing',
      { writeProblem: 'disk full', problem: 'disk full' },
      ['raise critical writing: the store takes no data, which wait with the agents: disk full'],
    ],
    [
      'that takes nothing, and has other troubles',
      { writeProblem: 'the disk is full', problem: 'series.db: the disk is full; no roll-ups' },
      [
        'raise critical writing: the store takes no data, which wait with the agents: the disk is full',
        'raise warning order: the store is not in order: no roll-ups',
      ],
    ],
    ['that is not in order', { problem: 'no answer' }, ['raise warning order: the store is not in order: no answer']],
    [
      'with damage',
      { damagedRowsLately: 3 },
      [
        'raise warning damage: 3 damaged rows were found within a day and set aside; look after the disk, and at headroom store check',
      ],
    ],
    [
      'that loses points',
      { lostPointsLately: 5 },
      ["raise critical lost: 5 points of the last hour are lost: the store's server does not take them"],
    ],
    [
      'that trims',
      { trimmedLately: 7 },
      [
        'raise warning trimmed: history is deleted before its time, for the ceiling of its size: 7 points and rows within an hour',
      ],
    ],
    [
      'that points reach too late',
      { tooLatePointsLately: 9 },
      ['raise info late: 9 points of the last hour came too late to be stored'],
    ],
    ['with an empty queue', queue(0), []],
    ['with a queue that is not much', queue(0.29 * GB), []],
    [
      'with a queue in between',
      queue(0.3 * GB),
      [
        "keep warning queue: the queue of the store's server is filled to 30% of 1 GB; when it is full the oldest points are lost",
      ],
    ],
    [
      'with a queue that fills',
      queue(0.5 * GB),
      [
        "raise warning queue: the queue of the store's server is filled to 50% of 1 GB; when it is full the oldest points are lost",
      ],
    ],
    [
      'with a queue that is nearly full',
      queue(0.75 * GB),
      [
        "raise critical queue: the queue of the store's server is filled to 75% of 1 GB; when it is full the oldest points are lost",
      ],
    ],
    ['on a disk with room', disk(7.1 * GB), []],
    ['on a disk in between', disk(7 * GB), ["keep warning disk: the disk of the controller's data has 7% left, 7 GB"]],
    [
      'on a disk that is nearly full',
      disk(5 * GB),
      ["raise warning disk: the disk of the controller's data has 5% left, 5 GB"],
    ],
    ['on a full disk', disk(0), ["raise critical disk: the disk of the controller's data has 0% left, 0 B"]],
    ['on a disk whose size is not known', { disk: { freeBytes: 0, sizeBytes: 0 } }, []],
  ])('%s', (_, change, expected) => {
    const found = storeTrouble(fleet, policy, { store: condition(change) })
    expect(found.map(({ strength, severity, part, message }) => `${strength} ${severity} ${part}: ${message}`)).toEqual(
      expected,
    )
    for (const { check, subject } of found) expect([check, subject.kind]).toEqual(['store-trouble', 'fleet'])
  })

  it('of which nothing is known says nothing', () => {
    expect(storeTrouble(fleet, policy, {})).toEqual([])
  })

  it('has the limits and the severity of the policy', () => {
    const own = policyOf('thresholds: { store-trouble: { severity: info, diskBelow: 50%, diskClearAbove: 60% } }')
    const { stands } = fleetFindings(fleet, own, { store: condition(disk(50 * GB)) })
    expect(stands.map(({ check, severity, strength }) => [check, severity, strength])).toEqual([
      ['store-trouble', 'info', 'raise'],
    ])
  })
})
