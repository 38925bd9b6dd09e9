import fc, { type Arbitrary } from 'fast-check'
import { describe, expect, it } from 'vitest'

import {
  eventKinds,
  gapReasons,
  sampleGroups,
  vmStateReasons,
  vmStates,
  type DiskRaw,
  type HostRaw,
  type NicRaw,
  type VmRaw,
} from '../../agent/hypervisor/hypervisor.js'
import { reportToWire, type Pass } from '../../agent/report/report-to-wire.js'
import { inventoryToWire } from '../../agent/report/to-wire.js'
import { FieldCheck } from '../../controller/ingest/field-check.js'
import { inventoryFromWire } from '../../controller/ingest/from-wire.js'
import { reportFromWire } from '../../controller/ingest/report-from-wire.js'
import type { ReportObservation } from '../../controller/model/observation.js'
import { FromAgent } from '../../proto/gen/headroom/v1/agent.js'

const now = Date.UTC(2026, 2, 1, 12)

/** What the agent sends of a pass, read by the controller. */
function across(pass: Partial<Pass>): { report: ReportObservation | undefined; refused: string[] } {
  const whole: Pass = {
    lane: 'state',
    atMs: now,
    vms: [],
    gaps: [],
    host: undefined,
    arrays: [],
    events: [],
    collectors: [],
    ...pass,
  }
  const header = { spoolId: 's', seq: 1, hostId: 'h', bootId: 'b', agent: undefined }
  const { message } = FromAgent.decode(FromAgent.encode(reportToWire(whole, header)).finish())
  const check = new FieldCheck()
  if (message?.$case !== 'report') throw new Error('not a report')
  const report = reportFromWire(message.value, check, { offsetMs: 0, now: now + 60_000 })
  return { report, refused: [...check.refused.keys()] }
}

/** The named values that are there. */
function only(from: object, names: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(Object.entries(from).filter(([name, value]) => names.includes(name) && value !== undefined))
}

const count = fc.maxSafeNat()
const real = fc.double({ min: 0, max: 1e12, noNaN: true, noDefaultInfinity: true }).map((value) => value + 0)
const name = fc.stringMatching(/^[\w.-]{1,12}$/)
const diskTotals = [
  'readRequests',
  'readBytes',
  'readSeconds',
  'writeRequests',
  'writeBytes',
  'writeSeconds',
  'flushRequests',
  'flushSeconds',
  'outOfSlots',
  'deviceReadRequests',
  'deviceReadSeconds',
  'deviceWriteRequests',
  'deviceWriteSeconds',
]
const nicTotals = [
  'receiveBytes',
  'receivePackets',
  'receiveErrors',
  'receiveDrops',
  'transmitBytes',
  'transmitPackets',
  'transmitErrors',
  'transmitDrops',
]
const vmTotals = ['cpuSeconds', 'vcpuWaitSeconds', 'memorySwapInBytes', 'memorySwapOutBytes']
const vmLevels = [
  'memoryMaxBytes',
  'memoryBytes',
  'memoryRssBytes',
  'memoryGuestUsedBytes',
  'memoryGuestAvailableBytes',
  'memoryActiveBytes',
  'memoryBalloonedBytes',
  'memorySwappedBytes',
]
const hostTotals = [
  'cpuUsedSeconds',
  'cpuUserSeconds',
  'cpuSystemSeconds',
  'cpuIdleSeconds',
  'cpuIowaitSeconds',
  'cpuStealSeconds',
  'swapInBytes',
  'swapOutBytes',
  'psiCpuSomeSeconds',
  'psiMemorySomeSeconds',
  'psiMemoryFullSeconds',
  'psiIoSomeSeconds',
  'psiIoFullSeconds',
]

const kindOf = (field: string): Arbitrary<number> => {
  if (field === 'vcpus' || field === 'memoryGuestAgeMs') return fc.integer({ min: 0, max: 100_000 })
  return /Seconds$|^load/.test(field) ? real : count
}
/** Some of the named numbers. */
const some = (fields: readonly string[]): Arbitrary<Record<string, number>> =>
  fc
    .tuple(...fields.map((field) => fc.option(kindOf(field), { nil: undefined })))
    .map((values) =>
      Object.fromEntries(fields.flatMap((field, at) => (values[at] === undefined ? [] : [[field, values[at]]]))),
    )

const disk: Arbitrary<DiskRaw> = fc
  .tuple(name, some([...diskTotals, 'errors', 'highestWriteBytes']))
  .map(([target, totals]) => ({ ...totals, target }))
const nic: Arbitrary<NicRaw> = fc.tuple(name, some(nicTotals)).map(([device, totals]) => ({ ...totals, device }))

const states = fc.record({ state: fc.constantFrom(...vmStates), stateReason: fc.constantFrom(...vmStateReasons) })
const parts = fc.record({
  disks: fc.uniqueArray(disk, { selector: (one) => one.target, maxLength: 3 }),
  nics: fc.uniqueArray(nic, { selector: (one) => one.device, maxLength: 3 }),
})
const vm: Arbitrary<VmRaw> = fc
  .record({
    uuid: fc.uuid(),
    runId: name,
    atMs: fc.integer({ min: now, max: now + 30_000 }),
    figures: some([...vmTotals, ...vmLevels, 'vcpus', 'memoryGuestAgeMs', 'memoryMajorFaults']),
    states: fc.option(states, { nil: {} }),
    parts: fc.option(parts, { nil: {} }),
  })
  .map(({ uuid, runId, atMs, figures, states, parts }) => ({ uuid, runId, atMs, ...figures, ...states, ...parts }))

describe('what the agent reads comes to the controller as it is', () => {
  it('VMs', () => {
    fc.assert(
      fc.property(fc.uniqueArray(vm, { selector: (one) => one.uuid, maxLength: 4 }), (vms) => {
        const { report, refused } = across({ vms })
        expect(refused).toEqual([])
        expect(report?.vms).toEqual(
          vms.map((raw) => ({
            uuid: raw.uuid,
            runId: raw.runId,
            at: raw.atMs,
            // The wire has no word for a state that the hypervisor does not know: it is as if it was not read.
            state: raw.state === 'unknown' ? undefined : raw.state,
            stateReason: raw.stateReason ?? 'unknown',
            vcpus: raw.vcpus,
            totals: only(raw, vmTotals),
            levels: only(raw, vmLevels),
            guestMemoryAt:
              raw.memoryGuestUsedBytes === undefined && raw.memoryGuestAvailableBytes === undefined
                ? undefined
                : raw.atMs - (raw.memoryGuestAgeMs ?? 0),
            disks: (raw.disks ?? []).map((one) => ({ target: one.target, totals: only(one, diskTotals) })),
            nics: (raw.nics ?? []).map((one) => ({ device: one.device, totals: only(one, nicTotals) })),
          })),
        )
      }),
    )
  })

  it('the host', () => {
    const levels = ['memoryBytes', 'memoryAvailableBytes', 'swapBytes', 'swapFreeBytes', 'uptimeSeconds']
    const host: Arbitrary<HostRaw> = some([...hostTotals, 'load1', 'load5', ...levels])
    fc.assert(
      fc.property(host, (raw) => {
        const { report, refused } = across({ host: raw })
        expect(refused).toEqual([])
        expect(report?.host?.totals).toEqual(only(raw, hostTotals))
        const { swapBytes, swapFreeBytes } = raw
        expect(report?.host?.levels).toEqual({
          ...only(raw, ['load1', 'memoryBytes', 'memoryAvailableBytes', 'uptimeSeconds']),
          ...(swapBytes === undefined || swapFreeBytes === undefined
            ? {}
            : { swapUsedBytes: Math.max(0, swapBytes - swapFreeBytes) }),
        })
      }),
    )
  })

  it('gaps, events and lanes: every word of theirs', () => {
    for (const lane of ['state', 'fast', 'event'] as const) expect(across({ lane }).report?.lane).toBe(lane)
    const gaps = sampleGroups.flatMap((group) =>
      gapReasons.map((reason) => ({ group, reason, message: 'm', sinceMs: now - 5, vmUuid: '' })),
    )
    expect(across({ gaps }).report?.gaps).toEqual(gaps)
    const events = eventKinds.flatMap((kind) => vmStateReasons.map((reason) => ({ atMs: now, kind, reason })))
    const { report, refused } = across({ events })
    expect(report?.events.map(({ kind, reason }) => [kind, reason])).toEqual(
      events.map(({ kind, reason }) => [kind, reason]),
    )
    expect(refused).toEqual([])
  })

  it.each([NaN, Infinity, -1])('a total of %d is absent, never 0', (bad) => {
    const raw: VmRaw = {
      uuid: 'c7f0c9a4-57d9-4a0e-8f5b-1f3a1f0d8f10',
      runId: 'r',
      atMs: now,
      vcpus: bad,
      memoryBytes: bad,
      cpuSeconds: bad,
      disks: [{ target: 'vda', readBytes: bad, writeBytes: 1 }],
    }
    const [found] = across({ vms: [raw] }).report?.vms ?? []
    expect(found).toMatchObject({ vcpus: undefined, totals: {}, levels: {}, disks: [{ totals: { writeBytes: 1 } }] })
  })

  it('an absurdly large total or clock neither throws nor stops the report', () => {
    const raw: VmRaw = {
      uuid: 'c7f0c9a4-57d9-4a0e-8f5b-1f3a1f0d8f10',
      runId: 'r',
      atMs: now + 1e15,
      memoryBytes: 1e30,
      memoryRssBytes: 5,
      vcpus: 1e12,
    }
    const { report, refused } = across({ vms: [raw] })
    expect(report?.vms).toMatchObject([{ at: now, levels: { memoryRssBytes: 5 } }])
    expect(refused.toSorted()).toEqual(['vm.memory_bytes', 'vm.offset_ms'])
  })

  it('an inventory', () => {
    const learnt = { capacityBytes: 2e8, capacitySpread: 0.1, drainBytesPerSecond: 8.5e6, drainSpread: 0.05 }
    const calibration = { atMs: now - 5000, ...learnt }
    const inventory = {
      host: { name: 'one', hypervisorVersion: 'QEMU 7.2', memoryBytes: 8e9, cpuCores: 4, cpuMhz: 2400.4 },
      vms: [
        {
          uuid: 'c7f0c9a4-57d9-4a0e-8f5b-1f3a1f0d8f10',
          name: 'mail',
          vcpus: 2,
          memoryMaxBytes: 1e9,
          disks: [
            {
              target: 'vda',
              source: '/x',
              backend: 'iscsi' as const,
              arrayKey: 'iscsi:a',
              readOnly: false,
              removable: false,
            },
          ],
          nics: [{ device: 'vnet0', mac: '52:54:00:00:00:01', network: 'br0' }],
          metadata: { owner: 'taro' },
        },
      ],
      arrays: [{ key: 'iscsi:a', name: 'box', kind: 'iscsi', devices: ['sdb'], calibration }],
    }
    const wire = inventoryToWire(inventory, { hostId: 'h', revision: 'r', atMs: now })
    const { message } = FromAgent.decode(FromAgent.encode(wire).finish())
    const check = new FieldCheck()
    if (message?.$case !== 'inventory') throw new Error('not an inventory')
    expect(inventoryFromWire(message.value, check, now)).toMatchObject({
      hostId: 'h',
      revision: 'r',
      host: { name: 'one', hypervisorVersion: 'QEMU 7.2', memoryBytes: 8e9, cpuCores: 4, cpuMhz: 2400, os: '' },
      vms: [
        {
          name: 'mail',
          vcpus: 2,
          owner: 'taro',
          autostart: undefined,
          disks: [{ target: 'vda', source: '/x', backend: 'iscsi', arrayKey: 'iscsi:a', capacityBytes: undefined }],
          nics: [{ device: 'vnet0', mac: '52:54:00:00:00:01', network: 'br0', model: '' }],
        },
      ],
      arrays: [
        {
          key: 'iscsi:a',
          name: 'box',
          kind: 'iscsi',
          sizeBytes: undefined,
          calibration: { at: now - 5000, ...learnt },
        },
      ],
    })
    expect(check.refused.size).toBe(0)
  })
})
