import { describe, expect, it } from 'vitest'

import { uuidOf } from '../../../test/support/snapshot-builder.js'
import { withIo } from '../../../test/support/snapshot-io.js'
import {
  boxKey as key,
  foundBy,
  inShort,
  standsStill,
  storageFleet as fleet,
  storagePolicy,
  vmOnBox as vm,
  writes,
} from '../../../test/support/storage-fleet.js'
import type { Snapshot } from '../../model/snapshot.js'
import { fleetFindings } from '../fleet-findings.js'
import { vmDiskLatency } from './vm-disk-latency.js'

describe('vm-disk-latency', () => {
  const slow = (latencyMs: number, requests = 10, others = 1000): Snapshot =>
    withIo(fleet(), { vms: { c1: writes(requests, latencyMs), x1: writes(others) } })

  it.each<[string, Snapshot, string[]]>([
    ['a VM that waits', slow(100), ['raise warning c1']],
    ['less: not over', slow(60), ['keep warning c1']],
    ['no more than others do', slow(59), []],
    ['one request in minutes', slow(150, 0.5), []],
    ['who makes most of the work keeps many requests in flight', slow(150, 100, 20), []],
    ['who makes most of the work waits for each', slow(150, 5, 1), ['raise warning c1']],
    ['nobody measures it', withIo(fleet(), { vms: { c1: writes(10) } }), []],
    ['no figures', fleet(), []],
    ['it is off', withIo(fleet([vm('c1', { state: 'shutoff' })]), { vms: { c1: writes(10, 500) } }), []],
    [
      'the array stands still: not over for anybody',
      withIo(fleet(), { vms: { c1: writes(0) }, arrays: { [key]: standsStill(3) } }),
      ['keep warning p1', 'keep warning c1', 'keep warning x1'],
    ],
  ])('%s', (_what, snapshot, expected) => {
    expect(foundBy(vmDiskLatency, snapshot).map(inShort)).toEqual(expected)
  })

  it('names disk and array', () => {
    const [one] = foundBy(vmDiskLatency, slow(123.4))
    expect(one?.message).toBe('writes of its disk vda on the box take 123 ms')
    expect(one?.part).toBe('joined:the box')
    expect(one?.evidence).toEqual([
      { entityKind: 'disk', entityId: `${uuidOf('c1')}/vda`, field: 'writeLatencyMs', value: 123.4, limit: 100 },
    ])
  })

  it('can be excepted', () => {
    const policy = storagePolicy('exceptions: [{ vm: c1, rule: vm-disk-latency, reason: an archive }]')
    expect(fleetFindings(slow(100), policy).stands.map(({ check }) => check)).not.toContain('vm-disk-latency')
    expect(fleetFindings(slow(100), storagePolicy()).stands.map(({ check }) => check)).toContain('vm-disk-latency')
  })
})
