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
import { doublePassword, doubleUser, startVsphereDouble, type VsphereDouble } from '../support/vsphere-double.js'
import { StoredWitness } from '../support/vsphere-double-witness.js'
import { doubleIntervalMs } from '../support/vsphere-double-world.js'

// What vSphere counted must arrive in the store: each interval once, at its own time, with its own figures.

const t0 = 1_800_000_000_000
const agentId = 'agent'

let nowMs: number
let dataDir: string
let double: VsphereDouble
let fleet: Fleet
let seq: number
let stored: StoredWitness
let refused: string[]
const open: Hypervisor[] = []

beforeEach(async () => {
  nowMs = t0 + 5000
  dataDir = mkdtempSync(join(tmpdir(), 'headroom-esxi-'))
  writeFileSync(join(dataDir, 'password'), doublePassword, { mode: 0o600 })
  double = await startVsphereDouble({ now: () => nowMs, vms: 4 })
  fleet = new Fleet()
  seq = 0
  stored = new StoredWitness()
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
  for (const point of fleet.apply({ type: 'report', agentId, report: observation }, nowMs).points) stored.keep(point)
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
  const { right, problems } = stored.compare(double.world, { fromMs: t0 - doubleIntervalMs, toMs: last })
  expect(problems).toEqual([])
  expect(right).toBeGreaterThan(1000)
  expect(refused).toEqual([])
  expect(fleet.contradictions().size).toBe(0)
  expect(stored.doubled).toEqual([])
  expect([...fleet.snapshot().hosts.values()].flatMap((host) => host.fileSystems)).toMatchObject([
    { mount: 'lun-one', type: 'VMFS', device: 'naa.600140512345', sizeBytes: 2 ** 40, availableBytes: 2 ** 38 },
    { mount: 'export', type: 'NFS', device: '', sizeBytes: 2 ** 40 },
  ])
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
  expect(stored.compare(double.world, { fromMs: last - 2 * doubleIntervalMs, toMs: last }).problems).toEqual([])
  const cores = stored.all('cpuCores')
  expect(cores.length).toBeGreaterThan(20)
  expect(Math.max(...cores)).toBeLessThanOrEqual(4)
  // The first interval of the run that was seen to begin is there as well.
  const first = Math.ceil(startedAt / doubleIntervalMs) * doubleIntervalMs
  expect(stored.valueAt('vm', vm.instanceUuid, 'cpuCores', first)).toBeDefined()
})
