import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { pino } from 'pino'
import { afterEach, beforeEach, expect, it } from 'vitest'

import { openEsxi } from '../../agent/hypervisor/esxi/driver.js'
import type { Hypervisor, HypervisorEvent, Sample } from '../../agent/hypervisor/hypervisor.js'
import { reportToWire, type Pass } from '../../agent/report/report-to-wire.js'
import { Fleet } from '../../controller/fleet/fleet.js'
import { FieldCheck } from '../../controller/ingest/field-check.js'
import { reportFromWire } from '../../controller/ingest/report-from-wire.js'
import type { Point } from '../../controller/store/time-series.js'
import { doublePassword, doubleUser, startVsphereDouble, type VsphereDouble } from '../support/vsphere-double.js'
import { counterValue, doubleIntervalMs } from '../support/vsphere-double-world.js'

// What vSphere counted must arrive in the store: each interval once, at its own time, with its own figures.

const t0 = 1_800_000_000_000
const agentId = 'agent'

let nowMs: number
let dataDir: string
let double: VsphereDouble
let fleet: Fleet
let seq: number
/** By entity, field and time: all values that were stored. */
let stored: Map<string, Set<number>>
let refused: string[]
const open: Hypervisor[] = []

beforeEach(async () => {
  nowMs = t0 + 5000
  dataDir = mkdtempSync(join(tmpdir(), 'headroom-esxi-'))
  writeFileSync(join(dataDir, 'password'), doublePassword)
  double = await startVsphereDouble({ now: () => nowMs, vms: 4 })
  fleet = new Fleet()
  seq = 0
  stored = new Map()
  refused = []
})

afterEach(async () => {
  for (const one of open.splice(0)) await one.close()
  await double.close()
  rmSync(dataDir, { recursive: true })
})

async function connect(): Promise<Hypervisor> {
  const [hypervisor] = await openEsxi({
    url: double.url,
    user: doubleUser,
    passwordFile: join(dataDir, 'password'),
    trust: { by: 'thumbprint', sha256: double.thumbprint },
    dataDir,
    log: pino({ level: 'silent' }),
    now: () => nowMs,
    maxWaitMs: 1000,
  })
  if (hypervisor === undefined) throw new Error('no host')
  open.push(hypervisor)
  const { hostId, name, bootId } = hypervisor.identity
  const capabilities = (await hypervisor.probe(AbortSignal.timeout(10_000))).map((one) => ({ reason: '', ...one }))
  const host = { hostId, name, kind: 'esxi' as const, bootId, simulated: false, capabilities }
  fleet.apply({ type: 'agent-connected', agentId, name: 'a', version: '1', hosts: [host], clockOffsetMs: 0 }, nowMs)
  return hypervisor
}

/** As the agent reports and the controller takes in. */
function report(hypervisor: Hypervisor, part: Partial<Pass> & Pick<Pass, 'lane' | 'atMs'>): void {
  const { hostId, bootId } = hypervisor.identity
  const pass: Pass = { vms: [], gaps: [], host: undefined, arrays: [], events: [], collectors: [], ...part }
  seq += 1
  const { message } = reportToWire(pass, { spoolId: 's', seq, hostId, bootId, agent: undefined })
  if (message?.$case !== 'report') throw new Error('no report')
  const check = new FieldCheck()
  const observation = reportFromWire(message.value, check, { offsetMs: 0, now: nowMs })
  refused.push(...check.refused.keys())
  if (observation === undefined) throw new Error('refused')
  for (const point of fleet.apply({ type: 'report', agentId, report: observation }, nowMs).points) keep(point)
}

function keep({ entity, atMs, fields }: Point): void {
  for (const [field, value] of Object.entries(fields)) {
    // The controller's own sum, of the VMs that it knows at that moment.
    if (field === 'memoryConfiguredBytes') continue
    const key = `${entity.kind} ${entity.id} ${field} ${atMs}`
    stored.set(key, (stored.get(key) ?? new Set()).add(value))
  }
}

async function passes(hypervisor: Hypervisor, seconds: number): Promise<void> {
  for (let passed = 0; passed < seconds; passed += 10) {
    const sample = await hypervisor.sample(new Set(['state']), {}, AbortSignal.timeout(10_000))
    for (const one of [...(sample.earlier ?? []), sample]) {
      const { vms, gaps, host, arrays = [], atMs = nowMs }: Sample = one
      report(hypervisor, { lane: 'state', atMs, vms, gaps, host, arrays })
    }
    nowMs += 10_000
  }
}

function valueAt(kind: string, id: string, field: string, atMs: number): number | undefined {
  const values = stored.get(`${kind} ${id} ${field} ${atMs}`)
  return values?.size === 1 ? [...values][0] : undefined
}

/** Compares all that is stored of (fromMs, toMs] with what the double counted. */
function problems(hypervisor: Hypervisor, fromMs: number, toMs: number): string[] {
  const found: string[] = []
  const compare = (what: string, got: number | undefined, expected: number): void => {
    if (got === undefined || Math.abs(got - expected) > 1e-3 * Math.max(1, expected))
      found.push(`${what}: ${got}, not ${expected}`)
  }
  for (let end = fromMs + doubleIntervalMs; end <= toMs; end += doubleIntervalMs) {
    for (const vm of double.world.vms) {
      const count = (counter: string, instance = ''): number => counterValue(vm.id, counter, instance, end)
      const disk = `${vm.instanceUuid}/scsi0:0`
      const reads = count('virtualDisk.numberReadAveraged.average', 'scsi0:0')
      compare(
        `cpu ${vm.id} ${end}`,
        valueAt('vm', vm.instanceUuid, 'cpuCores', end),
        count('cpu.used.summation') / 20_000,
      )
      compare(
        `active ${vm.id} ${end}`,
        valueAt('vm', vm.instanceUuid, 'memoryActiveBytes', end),
        count('mem.active.average') * 1024,
      )
      compare(
        `read ${vm.id} ${end}`,
        valueAt('disk', disk, 'readBytesPerSecond', end),
        count('virtualDisk.read.average', 'scsi0:0') * 1024,
      )
      compare(`reads ${vm.id} ${end}`, valueAt('disk', disk, 'readRequestsPerSecond', end), reads)
      if (reads > 0) {
        const latency = count('virtualDisk.totalReadLatency.average', 'scsi0:0')
        compare(`latency ${vm.id} ${end}`, valueAt('disk', disk, 'readLatencyMs', end), latency)
      }
      const received = count('net.received.average', '4000') * 1024
      compare(`nic ${vm.id} ${end}`, valueAt('nic', `${vm.instanceUuid}/4000`, 'receiveBytesPerSecond', end), received)
    }
    const { hostId } = hypervisor.identity
    const usage = counterValue('ha-host', 'cpu.usage.average', '', end)
    compare(`host ${end}`, valueAt('host', hostId, 'cpuUsedCores', end), (16 * usage) / 10_000)
    const sent = ['vmnic0', 'vmnic1'].map((nic) => counterValue('ha-host', 'net.transmitted.average', nic, end))
    const sentBytes = sent.reduce((sum, kilobytes) => sum + kilobytes * 1024, 0)
    compare(`host network ${end}`, valueAt('host', hostId, 'transmitBytesPerSecond', end), sentBytes)
    const datastore = double.world.datastores[0]?.instance ?? ''
    const array = `iscsi:iqn.2010-01.example:box/${hostId}`
    const written = counterValue('ha-host', 'datastore.write.average', datastore, end) * 1024
    compare(`array ${end}`, valueAt('array', array, 'writeBytesPerSecond', end), written)
  }
  return found
}

it('every interval is stored once, over an outage and restarts of the agent', async () => {
  let hypervisor = await connect()
  // The very first pass is never reported.
  await hypervisor.sample(new Set(['state']), {}, AbortSignal.timeout(10_000))
  await hypervisor.close()
  nowMs += 50_000
  hypervisor = await connect()
  await passes(hypervisor, 60)
  double.outage(true)
  nowMs += 60_000
  double.outage(false)
  await passes(hypervisor, 40)
  for (let life = 0; life < 2; life += 1) {
    // A pass that the agent did not live to report.
    nowMs += doubleIntervalMs
    await hypervisor.sample(new Set(['state']), {}, AbortSignal.timeout(10_000))
    await hypervisor.close()
    nowMs += 70_000
    // The second time the controller begins anew as well.
    if (life === 1) fleet = new Fleet()
    hypervisor = await connect()
    await passes(hypervisor, 30)
  }
  const last = Math.floor((nowMs - 10_000) / doubleIntervalMs) * doubleIntervalMs
  expect(problems(hypervisor, t0 - doubleIntervalMs, last)).toEqual([])
  expect(refused).toEqual([])
  expect(fleet.contradictions().size).toBe(0)
  expect([...stored.values()].filter((values) => values.size > 1)).toEqual([])
  expect([...fleet.snapshot().vms.values()].map((vm) => vm.state)).toEqual(Array.from({ length: 4 }, () => 'running'))
})

it('nothing is made up: over a hole, a stop and a start no rate is told that was not counted', async () => {
  const hypervisor = await connect()
  const heard: HypervisorEvent[] = []
  const listen = async (): Promise<void> => {
    for await (const event of hypervisor.events(AbortSignal.timeout(60_000))) {
      heard.push(event)
      report(hypervisor, { lane: 'event', atMs: nowMs, events: [event] })
    }
  }
  void listen()
  await passes(hypervisor, 60)
  const vm = double.vm(0)
  const settle = async (change: () => void): Promise<void> => {
    const before = heard.length
    change()
    double.changed()
    await expect.poll(() => heard.length, { timeout: 5000 }).toBeGreaterThan(before)
  }
  await settle(() => (vm.power = 'poweredOff'))
  await passes(hypervisor, 80)
  expect(fleet.snapshot().vms.get(vm.instanceUuid)?.state).toBe('shutoff')
  await settle(() => {
    vm.power = 'poweredOn'
    vm.bootedAtMs = nowMs
  })
  const startedAt = nowMs
  await passes(hypervisor, 80)
  expect(fleet.snapshot().vms.get(vm.instanceUuid)?.state).toBe('running')
  nowMs += 2 * 3_600_000
  await passes(hypervisor, 120)
  const last = Math.floor((nowMs - 10_000) / doubleIntervalMs) * doubleIntervalMs
  expect(problems(hypervisor, last - 2 * doubleIntervalMs, last)).toEqual([])
  const cores = [...stored].filter(([key]) => key.includes('cpuCores')).flatMap(([, values]) => [...values])
  expect(cores.length).toBeGreaterThan(20)
  expect(Math.max(...cores)).toBeLessThanOrEqual(4)
  // The first interval of the run that was seen to begin is there as well.
  const first = Math.ceil(startedAt / doubleIntervalMs) * doubleIntervalMs
  expect(valueAt('vm', vm.instanceUuid, 'cpuCores', first)).toBeDefined()
})
