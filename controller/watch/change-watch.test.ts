import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { Registry } from 'prom-client'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { createLog } from '../../common/log.js'
import { Fleet } from '../fleet/fleet.js'
import { HandFleet } from '../../test/support/hand-fleet.js'
import { buildSnapshot, hostIdOf, uuidOf } from '../../test/support/snapshot-builder.js'
import type { EventObservation, FleetInput, ReportObservation } from '../model/observation.js'
import { openEmbeddedState } from '../store/embedded-state/embedded-state.js'
import type { StateStore } from '../store/state-store.js'
import { ChangeWatch } from './change-watch.js'

let directory: string
let state: StateStore
const log = createLog('test', 'silent')

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'headroom-changes-'))
  state = openEmbeddedState({ path: join(directory, 'state.db') })
})

afterEach(async () => {
  await state.close()
  rmSync(directory, { recursive: true })
})

const t0 = 1_700_000_000_000
const uuid = uuidOf('mail')

/** A fleet of one host with one VM, told of as an agent does. */
class ToldFleet {
  readonly fleet = new Fleet()
  now = t0
  #seq = 0

  connect(): void {
    const host = { hostId: 'h', name: 'h', kind: 'kvm' as const, bootId: 'boot', simulated: false, capabilities: [] }
    this.#apply({
      type: 'agent-connected',
      agentId: 'agent',
      name: 'agent',
      version: '1',
      hosts: [host],
      clockOffsetMs: 0,
      spoolId: 'now',
      backlog: ['before'],
    })
  }

  report(vms: readonly string[], more: Partial<ReportObservation> = {}, isLate = false): void {
    this.now += 10_000
    this.#seq += 1
    const samples = vms.map((one) => ({
      uuid: one,
      runId: 'run',
      at: this.now,
      state: 'running' as const,
      stateReason: 'booted',
      vcpus: 1,
      totals: {},
      levels: {},
      guestMemoryAt: undefined,
      disks: [],
      nics: [],
    }))
    const part = { gaps: [], host: undefined, arrays: [], collectors: [], events: [], agent: undefined }
    const spoolId = isLate ? 'before' : 'now'
    const head = { spoolId, seq: this.#seq, hostId: 'h', bootId: 'boot', at: this.now, lane: 'state' as const }
    this.#apply({ type: 'report', agentId: 'agent', isLate, report: { ...head, ...part, vms: samples, ...more } })
  }

  late(event: Pick<EventObservation, 'kind' | 'reason' | 'at'>): void {
    const events = [{ ...event, vmUuid: uuid, vmName: 'mail', message: '' }]
    this.report([], { at: event.at, lane: 'event', events }, true)
  }

  #apply(input: FleetInput): void {
    this.fleet.apply(input, this.now)
  }
}

function open(fleet: ToldFleet['fleet'] | HandFleet): Promise<ChangeWatch> {
  return ChangeWatch.open({ fleet, state, registry: new Registry(), log })
}

describe('a VM that its host lists no more', () => {
  it('is missing, until it is told late that it was undefined', async () => {
    const told = new ToldFleet()
    told.connect()
    told.report([uuid])
    const watch = await open(told.fleet)
    const end = (): string | undefined => watch.changes(told.fleet.snapshot()).missing.get(uuid)?.end
    expect(end()).toBeUndefined()
    const undefinedAt = told.now + 5000
    told.report([])
    expect(end()).toBe('nothing')
    told.late({ kind: 'undefined', reason: 'unknown', at: undefinedAt })
    expect(end()).toBe('removed')
    await watch.stop()
  })

  it('is missing still after a restart, and not one that was undefined', async () => {
    const told = new ToldFleet()
    told.connect()
    told.report([uuid, uuidOf('web')])
    const before = await open(told.fleet)
    told.report([], {
      events: [
        { at: told.now + 1, vmUuid: uuidOf('web'), vmName: 'web', kind: 'undefined', reason: 'unknown', message: '' },
      ],
    })
    const { missing } = before.changes(told.fleet.snapshot())
    expect([...missing.values()].map(({ uuid: one, end }) => [one, end])).toEqual([
      [uuid, 'nothing'],
      [uuidOf('web'), 'removed'],
    ])
    await before.stop()

    const after = await open(told.fleet)
    expect([...after.changes(told.fleet.snapshot()).missing.values()]).toEqual([missing.get(uuid)])
    // It is back, and that is kept too.
    told.report([uuid])
    expect(after.changes(told.fleet.snapshot()).missing.size).toBe(0)
    await after.stop()
    expect(await state.tx((tx) => tx.list('recentChanges'))).toEqual([])
  })
})

it('gives the same object as long as nothing changes', async () => {
  const told = new ToldFleet()
  told.connect()
  told.report([uuid])
  const watch = await open(told.fleet)
  const first = watch.changes(told.fleet.snapshot())
  told.report([uuid])
  // The agent is seen for the first time by this look.
  const second = watch.changes(told.fleet.snapshot())
  told.report([uuid])
  expect(watch.changes(told.fleet.snapshot())).toBe(second)
  expect(first.missing).toBe(second.missing)
  await watch.stop()
})

it('a row that cannot be read is left out, and the others stand', async () => {
  await state.tx(async (tx) => {
    await tx.put('recentChanges', 'reboot id-a', { atMs: 5 })
    await tx.put('recentChanges', 'reboot id-b', { at: 'noon' })
    await tx.put('recentChanges', 'odd', {})
  })
  const fleet = new HandFleet(buildSnapshot({ hosts: [{ name: 'a', memoryMiB: 1 }], vms: [] }))
  const watch = await open(fleet)
  expect([...watch.changes(fleet.snapshot()).reboots]).toEqual([[hostIdOf('a'), { atMs: 5 }]])
  await watch.stop()
  expect((await state.tx((tx) => tx.list('recentChanges'))).map(({ key }) => key)).toEqual(['reboot id-a'])
})

it('keeps what changes while it is being kept', async () => {
  const told = new ToldFleet()
  told.connect()
  told.report([uuid, uuidOf('web')])
  let release = (): void => undefined
  let held = Promise.resolve()
  const slow: StateStore = {
    tx: async (work) => {
      await held
      return state.tx(work)
    },
    close: () => Promise.resolve(),
  }
  const watch = await ChangeWatch.open({ fleet: told.fleet, state: slow, registry: new Registry(), log })
  held = new Promise((resolve) => (release = resolve))
  told.report([uuid])
  watch.changes(told.fleet.snapshot())
  told.report([])
  watch.changes(told.fleet.snapshot())
  release()
  const kept = async (): Promise<string[]> => (await state.tx((tx) => tx.list('recentChanges'))).map(({ key }) => key)
  await expect.poll(kept).toEqual([`missing ${uuid}`, `missing ${uuidOf('web')}`].toSorted())
  await watch.stop()
})

it('goes on while nothing can be kept, counts that, and keeps it when that is possible again', async () => {
  const told = new ToldFleet()
  told.connect()
  told.report([uuid])
  let fails = true
  const failing: StateStore = {
    tx: (work) => (fails ? Promise.reject(new Error('disk full')) : state.tx(work)),
    close: () => Promise.resolve(),
  }
  const registry = new Registry()
  fails = false
  const watch = await ChangeWatch.open({ fleet: told.fleet, state: failing, registry, log })
  fails = true
  told.report([])
  expect(watch.changes(told.fleet.snapshot()).missing.size).toBe(1)
  await expect.poll(() => registry.metrics()).toMatch(/^headroom_changes_save_failures_total 1$/m)
  fails = false
  await watch.stop()
  expect((await state.tx((tx) => tx.list('recentChanges'))).map(({ key }) => key)).toEqual([`missing ${uuid}`])
})
