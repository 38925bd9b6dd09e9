import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { Report } from '../../proto/gen/headroom/v1/report.js'
import type { ReportObservation } from '../model/observation.js'
import { FieldCheck } from './field-check.js'
import { wireLimits } from './from-wire.js'
import { reportFromWire } from './report-from-wire.js'

const now = Date.UTC(2026, 2, 1, 12)
const uuid = 'c7f0c9a4-57d9-4a0e-8f5b-1f3a1f0d8f10'
const other = 'c7f0c9a4-57d9-4a0e-8f5b-1f3a1f0d8f11'
const year = 365 * 86_400_000

interface Outcome {
  readonly report: ReportObservation | undefined
  readonly refused: Readonly<Record<string, number>>
}

/** A draft is the message as JSON: enum numbers, any number, any text. */
function taken(draft: object, offsetMs = 0): Outcome {
  const header = { spoolId: 's', seq: 1, hostId: 'h1', bootId: 'b', atMs: now, lane: 1 }
  const check = new FieldCheck()
  const wire = Report.decode(Report.encode(Report.fromJSON({ ...header, ...draft })).finish())
  const report = reportFromWire(wire, check, { offsetMs, now })
  return { report, refused: Object.fromEntries(check.refused) }
}

const vmOf = (draft: object, offsetMs = 0): Outcome & { vm: ReportObservation['vms'][number] | undefined } => {
  const outcome = taken({ vms: [{ uuid, runId: 'r', cpuSeconds: 1, ...draft }] }, offsetMs)
  return { ...outcome, vm: outcome.report?.vms[0] }
}

describe('header', () => {
  it.each([
    ['no host', { hostId: '' }, 'report.host_id'],
    ['a host id with a slash', { hostId: 'a/b' }, 'report.host_id'],
    ['no spool', { spoolId: '' }, 'report.spool_id'],
    ['no number', { seq: 0 }, 'report.seq'],
    ['a number past 2^53', { seq: 2n ** 53n }, 'report.seq'],
    ['the largest number', { seq: 2n ** 64n - 1n }, 'report.seq'],
    ['a time before the epoch', { atMs: -1n }, 'report.at_ms'],
    ['a time past 2^53', { atMs: 2n ** 62n }, 'report.at_ms'],
  ])('%s: not usable, and counted', (_name, draft, field) => {
    expect(taken(draft)).toEqual({ report: undefined, refused: { [field]: 1 } })
  })

  it.each([
    ['now', now, 0, now],
    ['a minute ahead', now + 60_000, 0, now + 60_000],
    ['half a year late', now - year / 2, 0, now - year / 2],
    ['another clock, corrected', now - 5 * year, 5 * year, now],
  ])('believes its time: %s', (_name, atMs, offsetMs, at) => {
    const { report, refused } = taken({ atMs }, offsetMs)
    expect(report?.at).toBe(at)
    expect(refused).toEqual({})
  })

  it.each([
    ['more than a minute ahead', now + 60_001, 0],
    ['in the far future', 253_402_300_799_999, 0],
    ['a clock that was never set', 86_400_000, 0],
    ['before the epoch after correction', now, -2 * now],
    ['nowhere near after correction', now, -Number.MAX_SAFE_INTEGER],
  ])('puts now in place of a time that cannot be: %s', (_name, atMs, offsetMs) => {
    const { report, refused } = taken({ atMs }, offsetMs)
    expect(report?.at).toBe(now)
    expect(refused).toEqual({ 'report.at_ms': 1 })
  })

  it.each([
    [1, 'state', {}],
    [2, 'fast', {}],
    [3, 'event', {}],
    [0, 'event', {}],
    [99, 'event', { 'report.lane': 1 }],
  ])('lane %i is %s', (lane, word, refused) => {
    const outcome = taken({ lane })
    expect(outcome.report?.lane).toBe(word)
    expect(outcome.refused).toEqual(refused)
  })
})

describe('VMs', () => {
  it.each([
    [1, 'running', {}],
    [0, undefined, {}],
    [99, 'unknown', { 'vm.state': 1 }],
  ])('state %i is %s', (state, word, refused) => {
    const { vm, refused: found } = vmOf({ state })
    expect(vm?.state).toBe(word)
    expect(found).toEqual(refused)
  })

  it.each([
    [14, 'io-error', {}],
    [0, 'unknown', {}],
    [99, 'unknown', { 'vm.state_reason': 1 }],
  ])('reason %i is %s', (stateReason, word, refused) => {
    const { vm, refused: found } = vmOf({ stateReason })
    expect(vm?.stateReason).toBe(word)
    expect(found).toEqual(refused)
  })

  it.each([NaN, Infinity, -Infinity, -1, -1e-9, 1e16, Number.MAX_VALUE])(
    'CPU time of %d is not taken',
    (cpuSeconds) => {
      const { vm, refused } = vmOf({ cpuSeconds, memoryBytes: 5 })
      expect(vm).toMatchObject({ totals: {}, levels: { memoryBytes: 5 } })
      expect(refused).toEqual({ 'vm.cpu_seconds': 1 })
    },
  )

  it.each([2n ** 53n, 2n ** 63n, 2n ** 64n - 1n])('a total of %d is not taken', (total) => {
    const { vm, refused } = vmOf({
      memoryBytes: total,
      memorySwapInBytes: total,
      disks: [{ target: 'vda', readBytes: total, writeBytes: 7 }],
      nics: [{ device: 'vnet0', receiveBytes: total, transmitBytes: 8 }],
    })
    expect(vm).toMatchObject({
      totals: { cpuSeconds: 1 },
      levels: {},
      disks: [{ target: 'vda', totals: { writeBytes: 7 } }],
      nics: [{ device: 'vnet0', totals: { transmitBytes: 8 } }],
    })
    expect(refused).toEqual({
      'vm.memory_bytes': 1,
      'vm.memory_swap_in_bytes': 1,
      'disk.read_bytes': 1,
      'nic.receive_bytes': 1,
    })
  })

  it.each([
    ['a bad UUID', { uuid: 'mail' }],
    ['no UUID', {}],
    ['__proto__ for a UUID', { uuid: '__proto__' }],
    ['the same UUID again', { uuid: uuid.toUpperCase() }],
  ])('leaves out a VM with %s; the others stand', (_name, bad) => {
    const { report, refused } = taken({ vms: [{ uuid }, bad, { uuid: other }] })
    expect(report?.vms.map((vm) => vm.uuid)).toEqual([uuid, other])
    expect(refused).toEqual({ 'vm.uuid': 1 })
  })

  it('keeps hostile targets and devices as plain keys, one of each', () => {
    const { vm, refused } = vmOf({
      disks: [{ target: '__proto__', readBytes: 1 }, { target: '__proto__', readBytes: 2 }, { target: '' }],
      nics: [{ device: 'constructor', receiveBytes: 3 }, { device: 'toString\n' }, { device: 'constructor' }],
    })
    expect(vm?.disks).toEqual([{ target: '__proto__', totals: { readBytes: 1 } }])
    expect(vm?.nics.map((nic) => nic.device)).toEqual(['constructor', 'toString '])
    expect(refused).toEqual({ 'disk.target': 2, 'nic.device': 2 })
    expect({}).not.toHaveProperty('readBytes')
  })

  it.each([
    ['in the pass', 5000, now + 5000, {}],
    ['longer than a pass takes', 600_001, now, { 'vm.offset_ms': 1 }],
    ['later than may be', 60_001, now, { 'vm.offset_ms': 1 }],
    ['the largest', 2 ** 32 - 1, now, { 'vm.offset_ms': 1 }],
  ])('read %s', (_name, offsetMs, at, refused) => {
    const { vm, refused: found } = vmOf({ offsetMs })
    expect(vm?.at).toBe(at)
    expect(found).toEqual(refused)
  })

  it.each([
    ['its age', { memoryGuestUsedBytes: 1, memoryGuestAgeMs: 9000 }, now - 9000],
    ['no age', { memoryGuestAvailableBytes: 1 }, now],
    ['an age before the epoch', { memoryGuestUsedBytes: 1, memoryGuestAgeMs: 2n ** 52n }, 0],
    ['an age of nothing', { memoryGuestAgeMs: 9000 }, undefined],
    ['an age of a refused figure', { memoryGuestUsedBytes: 2n ** 60n, memoryGuestAgeMs: 9000 }, undefined],
  ])('guest memory with %s', (_name, draft, at) => {
    expect(vmOf(draft).vm?.guestMemoryAt).toBe(at)
  })

  it('takes so many of 10,000 VMs, 300 disks, 100 NICs', () => {
    const uuidOf = (n: number): string => `${n.toString(16).padStart(8, '0')}${uuid.slice(8)}`
    const many = taken({ vms: Array.from({ length: 10_000 }, (_, n) => ({ uuid: uuidOf(n) })) })
    expect(many.report?.vms).toHaveLength(wireLimits.maxVmsPerReport)
    expect(many.refused).toEqual({ 'report.vms': 1 })
    const { vm, refused } = vmOf({
      disks: Array.from({ length: 300 }, (_, n) => ({ target: `vd${n}` })),
      nics: Array.from({ length: 100 }, (_, n) => ({ device: `vnet${n}` })),
    })
    expect([vm?.disks.length, vm?.nics.length]).toEqual([wireLimits.maxDisksPerVm, wireLimits.maxNicsPerVm])
    expect(refused).toEqual({ 'vm.disks': 1, 'vm.nics': 1 })
  })

  it('replaces broken UTF-8 and cuts huge texts', () => {
    const wire = Report.encode(
      Report.fromJSON({ spoolId: 's', seq: 1, hostId: 'h1', atMs: now, bootId: 'MARK' }),
    ).finish()
    const bytes = Buffer.from(wire)
    Buffer.from([0xff, 0xc0, 0x80, 0xed]).copy(bytes, bytes.indexOf('MARK'))
    const check = new FieldCheck()
    const report = reportFromWire(Report.decode(bytes), check, { offsetMs: 0, now })
    expect(report?.bootId).toMatch(/^\uFFFD+$/)
    const huge = vmOf({ runId: 'r'.repeat(1e6) })
    expect(huge.vm?.runId).toHaveLength(128)
    expect(huge.refused).toEqual({ 'vm.run_id': 1 })
  })
})

describe('host', () => {
  it('takes what is good of it', () => {
    const { report, refused } = taken({
      host: {
        cpuUserSeconds: NaN,
        cpuSystemSeconds: 2,
        load1: -1,
        memoryBytes: 8e9,
        swapBytes: 10,
        swapFreeBytes: 20,
        uptimeSeconds: Infinity,
        disks: [{ device: 'sda', readBytes: 1, readSeconds: NaN, busySeconds: 3 }, { device: '' }, { device: 'sda' }],
        networks: [{ device: 'eth0', receiveBytes: 1 }, { device: 'eth0' }],
        fileSystems: [
          { mount: '/', sizeBytes: 10, availableBytes: 5 },
          { mount: '/', sizeBytes: 11, availableBytes: 5 },
          { mount: '/x', sizeBytes: 2n ** 60n },
          { mount: '' },
        ],
        unreadFileSystems: [{ mount: '/y', reason: 'no answer' }, { mount: '/y' }, { mount: '' }],
      },
    })
    expect(report?.host?.totals).toEqual({ cpuSystemSeconds: 2 })
    expect(report?.host?.levels).toEqual({ memoryBytes: 8e9, swapUsedBytes: 0 })
    expect(report?.host?.disks).toEqual([
      {
        device: 'sda',
        totals: { readRequests: 0, readBytes: 1, writeRequests: 0, writeBytes: 0, writeSeconds: 0, busySeconds: 3 },
      },
    ])
    expect(report?.host?.networks.map((one) => one.device)).toEqual(['eth0'])
    expect(report?.host?.fileSystems.map((one) => [one.mount, one.sizeBytes])).toEqual([['/', 10]])
    expect(report?.host?.unreadFileSystems).toEqual([{ mount: '/y', device: '', type: '', reason: 'no answer' }])
    expect(refused).toEqual({
      'host.cpu_user_seconds': 1,
      'host.load_1': 1,
      'host.uptime_seconds': 1,
      'disk.read_seconds': 1,
      'host_disk.device': 2,
      'nic.device': 1,
      'file_system.mount': 2,
      'file_system.size_bytes': 1,
      'unread_file_system.mount': 2,
    })
  })

  it.each([
    ['none', undefined, undefined, {}],
    ['nobody', { seconds: 10, processes: [] }, [], {}],
    [
      'some, each once and whole',
      {
        seconds: 10,
        processes: [
          { pid: 7, name: 'rsync', readBytes: 100, writeBytes: 50 },
          { pid: 7, name: 'again', readBytes: 1, writeBytes: 1 },
          { pid: 8, name: ' ', readBytes: 1, writeBytes: 1 },
          { pid: 9, name: 'cp\n', readBytes: 2n ** 60n, writeBytes: 1 },
        ],
      },
      [{ pid: 7, name: 'rsync', readBytesPerSecond: 10, writeBytesPerSecond: 5 }],
      { 'process.pid': 1, 'process.name': 2, 'process.read_bytes': 1 },
    ],
    ['over no time', { seconds: 0, processes: [] }, undefined, { 'host.busy_processes.seconds': 1 }],
    ['over an impossible time', { seconds: 1e300, processes: [] }, undefined, { 'host.busy_processes.seconds': 1 }],
  ])('takes busy processes: %s', (_what, busyProcesses, expected, counts) => {
    const { report, refused } = taken({ host: { busyProcesses } })
    expect(report?.host?.busyProcesses).toEqual(expected)
    expect(refused).toEqual(counts)
  })

  it('takes what is exported: each session of a LUN once, and no totals that cannot be', () => {
    const { report, refused } = taken({
      exports: {
        sessions: [
          { arrayKey: 'iscsi:a', lun: '1', session: '1', initiator: 'iqn.x\n', writeBytes: 5, inFlight: 2 },
          { arrayKey: 'iscsi:a', lun: '1', session: '1', writeBytes: 6 },
          { arrayKey: '', lun: '1', session: '1' },
          { arrayKey: 'iscsi:a', lun: ' ', session: '1' },
          { arrayKey: '__proto__', lun: '2', backing: 'x'.repeat(5000), readBytes: 2n ** 60n, writeBytes: 1 },
        ],
      },
    })
    expect(report?.exports).toMatchObject([
      { arrayKey: 'iscsi:a', initiator: 'iqn.x ', totals: { readBytes: 0, writeBytes: 5 }, inFlight: 2 },
      { arrayKey: '__proto__', lun: '2', totals: { writeBytes: 1 }, inFlight: undefined },
    ])
    expect(report?.exports?.[1]?.backing).toHaveLength(256)
    expect(refused).toEqual({
      'export.initiator': 1,
      'export.session': 1,
      'export.array_key': 1,
      'export.lun': 1,
      'export.backing': 1,
      'export.read_bytes': 1,
    })
    expect(taken({}).report?.exports).toBeUndefined()
    expect(taken({ exports: {} }).report?.exports).toEqual([])
  })

  it('takes arrays by their key, once', () => {
    const { report, refused } = taken({
      arrays: [
        { key: '__proto__', writeBytes: 5, canarySeconds: 0.002 },
        { key: '__proto__', writeBytes: 6 },
        { key: 'iscsi:a', writeBytes: 2n ** 60n, canarySeconds: -1, inFlight: 2 },
        { key: 'iscsi:b', canarySeconds: 1e12, canaryOverdueSeconds: Number.NaN, writeCache: 'x'.repeat(1000) },
        { key: 'iscsi:c', canaryOverdueSeconds: 8.5, writeCache: 'yes' },
        { key: 'iscsi:d', canaryOverdueSeconds: Number.POSITIVE_INFINITY, writeCache: 'no' },
        { key: 'iscsi:e', canaryOverdueSeconds: -1, writeCache: 'write-through' },
      ],
    })
    expect(report?.arrays).toMatchObject([
      { key: '__proto__', totals: { writeBytes: 5 }, levels: { canaryMs: 2 } },
      { key: 'iscsi:a', totals: {}, levels: { inFlight: 2 } },
      { key: 'iscsi:b', levels: {}, writeCache: undefined },
      { key: 'iscsi:c', levels: { canaryOverdueMs: 8500 }, writeCache: 'write-back' },
      { key: 'iscsi:d', levels: {}, writeCache: 'write-through' },
      { key: 'iscsi:e', levels: {}, writeCache: 'write-through' },
    ])
    expect(refused).toEqual({
      'array.key': 1,
      'disk.write_bytes': 1,
      'array.canary_seconds': 2,
      'array.canary_overdue_seconds': 3,
      'array.write_cache': 1,
    })
  })
})

describe('gaps and events', () => {
  it.each([
    ['a past moment', now - 5000, now - 5000],
    ['not said', 0, now],
    ['a future moment', now + 5000, now],
    ['an impossible one', 2n ** 60n, now],
  ])('a gap since %s', (_name, sinceMs, expected) => {
    expect(taken({ gaps: [{ group: 'state', reason: 1, sinceMs }] }).report?.gaps[0]?.sinceMs).toBe(expected)
  })

  it('leaves out a gap of a bad VM: it must not read as one of the whole host', () => {
    const { report, refused } = taken({
      gaps: [
        { vmUuid: 'mail', group: 'state' },
        { vmUuid: uuid, group: 'cpu', reason: 99 },
      ],
    })
    expect(report?.gaps).toEqual([{ vmUuid: uuid, group: 'cpu', reason: 'unknown', message: '', sinceMs: now }])
    expect(refused).toEqual({ 'gap.vm_uuid': 1, 'gap.reason': 1 })
  })

  it.each([
    ['a moment ago', now - 100, 0, now - 100, {}],
    ['a little ahead', now + 100, 0, now, {}],
    ['far ahead', now + year, 0, now, { 'event.at_ms': 1 }],
    ['before the epoch after correction', 5, -10, now, { 'event.at_ms': 1 }],
  ])('an event %s', (_name, atMs, offsetMs, at, refused) => {
    const outcome = taken({ atMs: now - offsetMs, events: [{ atMs, vmUuid: uuid, kind: 3, reason: 1 }] }, offsetMs)
    expect(outcome.report?.events[0]).toMatchObject({ at, kind: 'started', reason: 'booted' })
    expect(outcome.refused).toEqual(refused)
  })

  it('leaves out an event of a bad VM, and takes one of an unknown kind', () => {
    const { report, refused } = taken({
      events: [
        { atMs: now, vmUuid: 'mail', kind: 3 },
        { atMs: now, vmUuid: uuid, kind: 99, reason: 99, vmName: 'a\nb', message: 'x'.repeat(600) },
      ],
    })
    expect(report?.events).toMatchObject([{ kind: 'unknown', reason: 'unknown', vmName: 'a b' }])
    expect(report?.events[0]?.message).toHaveLength(512)
    expect(refused).toEqual({
      'event.vm_uuid': 1,
      'event.kind': 1,
      'event.reason': 1,
      'event.vm_name': 1,
      'event.message': 1,
    })
  })
})

/** Every number anywhere in a value, with its path. */
function numbersIn(value: unknown, path = ''): [string, number][] {
  if (typeof value === 'number') return [[path, value]]
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, inner]) => numbersIn(inner, `${path}.${key}`))
}

function expectSound(wire: Report, offsetMs: number): void {
  const report = reportFromWire(wire, new FieldCheck(), { offsetMs, now })
  const bad = numbersIn(report).filter(([, number]) => !Number.isFinite(number) || number < 0)
  expect(bad).toEqual([])
  const times = [
    report?.at ?? 0,
    ...(report?.vms ?? []).map((vm) => vm.at),
    ...(report?.events ?? []).map((one) => one.at),
  ]
  expect(times.filter((at) => !Number.isInteger(at) || at > now + 60_000)).toEqual([])
}

describe('whatever arrives', () => {
  const offset = fc.integer({ min: -Number.MAX_SAFE_INTEGER, max: Number.MAX_SAFE_INTEGER })
  const real = fc.double()
  const total = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })
  const text = fc.oneof(fc.string({ unit: 'binary', maxLength: 8 }), fc.constantFrom('__proto__', '', uuid, other))
  const io = fc.record({
    target: text,
    device: text,
    key: text,
    readBytes: total,
    readSeconds: real,
    errors: total,
    busySeconds: real,
  })
  const hostile = fc.record(
    {
      spoolId: text,
      hostId: fc.oneof(fc.constant('h1'), text),
      seq: total,
      atMs: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
      lane: fc.integer({ min: 0, max: 99 }),
      vms: fc.array(
        fc.record(
          {
            uuid: text,
            offsetMs: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
            cpuSeconds: real,
            memoryBytes: total,
            memoryGuestUsedBytes: total,
            memoryGuestAgeMs: total,
            disks: fc.array(io, { maxLength: 3 }),
            nics: fc.array(io, { maxLength: 3 }),
          },
          { requiredKeys: ['uuid'] },
        ),
        { maxLength: 4 },
      ),
      host: fc.record({
        cpuUserSeconds: real,
        swapBytes: total,
        swapFreeBytes: total,
        disks: fc.array(io, { maxLength: 2 }),
      }),
      arrays: fc.array(io, { maxLength: 3 }),
      gaps: fc.array(fc.record({ vmUuid: text, sinceMs: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }) })),
      events: fc.array(fc.record({ vmUuid: text, atMs: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }) })),
      agent: fc.record({ cpuSeconds: real, rssBytes: total }),
    },
    { requiredKeys: ['spoolId', 'hostId', 'seq', 'atMs'] },
  )

  it('no message brings a number that is not finite or is negative, or a time that cannot be', () => {
    fc.assert(
      fc.property(hostile, offset, (draft, offsetMs) => {
        expectSound(Report.decode(Report.encode(Report.fromJSON(draft)).finish()), offsetMs)
      }),
    )
  })

  it('random bytes, and messages with bytes changed, only ever fail to decode', () => {
    const random = fc.uint8Array({ maxLength: 200 })
    const changed = fc
      .tuple(hostile, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 5 }))
      .map(([draft, changes]) => {
        const bytes = Report.encode(Report.fromJSON(draft)).finish()
        for (const [at, byte] of changes) bytes[at % Math.max(1, bytes.length)] = byte
        return bytes
      })
    fc.assert(
      fc.property(fc.oneof(random, changed), offset, (bytes, offsetMs) => {
        let wire: Report
        try {
          wire = Report.decode(bytes)
        } catch {
          return
        }
        expectSound(wire, offsetMs)
      }),
      { numRuns: 500 },
    )
  })
})
