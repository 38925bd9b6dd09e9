import { expect, it } from 'vitest'
import { GiB, MiB } from '../../../common/units.js'
import type { CapacityView, LedgerView } from '../../api/views.js'
import { failureWords, roomNote } from './room-words.js'

const ledger = (fields: Partial<LedgerView>): LedgerView => ({
  memoryBytes: 8 * GiB,
  configuredBytes: 0,
  reserveBytes: 2 * GiB,
  ...fields,
})

const unknown: LedgerView = { configuredBytes: 0, reserveBytes: 2 * GiB }

it.each<[LedgerView, string, string]>([
  [ledger({ room: 3, spareBytes: 4094 * MiB, shortOfNextBytes: 2 * MiB }), '2 MiB short of 4', 'near'],
  [ledger({ room: 3, spareBytes: 3.5 * GiB, shortOfNextBytes: 0.5 * GiB }), '512 MiB short of 4', 'plain'],
  [ledger({ room: 0, spareBytes: -0.5 * GiB, shortOfNextBytes: 1.5 * GiB }), '512 MiB into the reserve', 'over'],
  [ledger({ room: 3, spareBytes: 3 * GiB }), '', 'plain'],
  [unknown, 'memory not known', 'plain'],
])('says about the room of %j', (given, text, tone) => {
  expect(roomNote(given)).toEqual({ text, tone })
})

const host = (name: string, fits: boolean, neededBytes = 3 * GiB): CapacityView['hosts'][number] => ({
  ...ledger({}),
  name,
  kind: 'xen',
  status: 'up',
  failure: {
    neededBytes,
    freeBytes: GiB,
    fits,
    restartable: { neededBytes, fits },
    lost: { bytes: 0, vms: [] },
  },
})
const capacity = (...hosts: CapacityView['hosts']): CapacityView => ({
  at: 0,
  vmMemoryBytes: GiB,
  hosts,
  fleet: { room: 0, survivesHostFailure: false },
  findings: [],
})

it.each([
  [capacity(host('a', true)), 'any one host may fail: its VMs fit on the others'],
  [capacity(host('a', true), host('b', false)), 'if b fails, 2 GiB find no place'],
  [capacity(host('a', true), host('b', false, GiB)), 'if b fails, some of its VMs find no place'],
  [
    capacity(host('ok', true), ...['a', 'b', 'c', 'd', 'e', 'f'].map((name) => host(name, false))),
    'if a fails, 2 GiB find no place; so with b, c, d and 2 more',
  ],
  [capacity(host('a', false), host('b', false)), 'whichever host fails, some of its VMs find no place'],
  [capacity(host('a', false), host('b', true), host('c', false)), 'if a fails, 2 GiB find no place; so with c'],
])('says what a failure means %#', (view, words) => {
  expect(failureWords(view)).toBe(words)
})
