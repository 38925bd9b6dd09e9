import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'

import type { CapabilityName } from '../../../common/capabilities.js'
import {
  HypervisorUnavailable,
  sampleGroups,
  type Hypervisor,
  type HypervisorEvent,
  type HypervisorKind,
  type SampleGroup,
} from '../hypervisor.js'
import { parseFleet } from '../../../common/fleet-file/fleet-file.js'
import { openSimulatedFleet, type SimulatedFleetOptions } from './simulated-fleet.js'

const startMs = Date.UTC(2011, 3, 8, 4)
const hour = 3_600_000
const signal = new AbortController().signal
const all: ReadonlySet<SampleGroup> = new Set(sampleGroups)

/** One host of each kind, each with a busy VM. */
function spec(more = ''): SimulatedFleetOptions['spec'] {
  const host = (kind: HypervisorKind): string =>
    `  - { name: h-${kind}, cores: 4, mhz: 2400, memoryMiB: 8192, hypervisor: ${kind}, version: '1', os: any }\n`
  const vm = (kind: HypervisorKind): string =>
    `  - { name: v-${kind}, host: h-${kind}, group: personal, memoryMiB: 1024, profile: runaway, storage: local }\n`
  return parseFleet(
    `name: kinds
hosts:
${host('kvm')}${host('xen')}${host('esxi')}
vms:
${vm('kvm')}${vm('xen')}${vm('esxi')}  - { name: off, host: h-kvm, memoryMiB: 512, running: false }
services: [{ name: both, members: [v-kvm, v-xen] }]
${more}`,
    'kinds.yaml',
  )
}

let nowMs = startMs
let opened: (readonly Hypervisor[])[] = []
let directory = ''

beforeEach(() => {
  nowMs = startMs
  directory = mkdtempSync(join(tmpdir(), 'simulated-'))
})

afterEach(async () => {
  for (const fleet of opened) await Promise.all(fleet.map((one) => one.close()))
  opened = []
  rmSync(directory, { recursive: true })
})

function open(options: Partial<SimulatedFleetOptions> = {}): readonly Hypervisor[] {
  const fleet = openSimulatedFleet({ spec: spec(), speed: 1, now: () => nowMs, ...options })
  opened.push(fleet)
  return fleet
}

function of(fleet: readonly Hypervisor[], kind: HypervisorKind): Hypervisor {
  const found = fleet.find(({ identity }) => identity.kind === kind)
  if (found === undefined) throw new Error(`no ${kind}`)
  return found
}

test('each host says who it is, the same every time', () => {
  const [first, second] = [open(), open()].map((fleet) => fleet.map(({ identity }) => identity))
  expect(second).toEqual(first)
  expect(first?.map(({ name, kind, simulated }) => [name, kind, simulated])).toEqual([
    ['h-kvm', 'kvm', true],
    ['h-xen', 'xen', true],
    ['h-esxi', 'esxi', true],
  ])
  for (const { hostId, bootId } of first ?? []) {
    expect(hostId).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    expect(bootId).not.toBe(hostId)
  }
})

describe('what a driver cannot measure is absent', () => {
  /** Every field that hangs on a capability, as read from one VM and its host. */
  const fields: Partial<Record<CapabilityName, readonly string[]>> = {
    'vcpu-wait': ['vcpuWaitSeconds'],
    'memory-guest': ['memoryGuestUsedBytes', 'memoryGuestAvailableBytes', 'memoryGuestAgeMs'],
    'memory-rss': ['memoryRssBytes'],
    'memory-active': ['memoryActiveBytes', 'memoryBalloonedBytes', 'memorySwappedBytes'],
    'disk-latency': ['readSeconds', 'writeSeconds'],
    'disk-flush': ['flushRequests'],
    'host-psi': ['psiCpuSomeSeconds', 'psiIoSomeSeconds', 'psiMemorySomeSeconds'],
    'disk-bytes': ['readBytes', 'writeBytes'],
    'disk-requests': ['readRequests', 'writeRequests'],
    cpu: ['cpuSeconds'],
    'memory-size': ['memoryBytes', 'memoryMaxBytes'],
    nic: ['receiveBytes', 'transmitBytes'],
    'host-cpu': ['cpuIdleSeconds'],
    'host-memory': ['memoryFreeBytes'],
  }

  test.each(['kvm', 'xen', 'esxi'] as const)('%s', async (kind) => {
    const fleet = open()
    nowMs += 10_000
    const capabilities = await of(fleet, kind).probe(signal)
    const { vms, host } = await of(fleet, kind).sample(all, {}, signal)
    const read = new Set(
      [vms[0], vms[0]?.disks?.[0], vms[0]?.nics?.[0], host].flatMap((part) => Object.keys(part ?? {})),
    )
    for (const { name, support, reason } of capabilities) {
      expect(support === 'yes' || reason !== undefined).toBe(true)
      const own = Object.entries(fields).find(([capability]) => capability === name)?.[1] ?? []
      expect([name, own.filter((field) => read.has(field))]).toEqual([name, support === 'no' ? [] : own])
    }
  })

  test('flushes of Xen are counted, not timed; its slots are its own', async () => {
    const fleet = open()
    nowMs += 10_000
    const [xen, kvm] = await Promise.all(
      (['xen', 'kvm'] as const).map((kind) => of(fleet, kind).sample(all, {}, signal)),
    )
    expect(xen?.vms[0]?.disks?.[0]).not.toHaveProperty('flushSeconds')
    expect(xen?.vms[0]?.disks?.[0]?.outOfSlots).toBeGreaterThan(0)
    expect(kvm?.vms[0]?.disks?.[0]?.flushSeconds).toBeGreaterThan(0)
    expect(kvm?.vms[0]?.disks?.[0]).not.toHaveProperty('outOfSlots')
  })
})

describe('only what is asked is read', () => {
  test.each<[SampleGroup, readonly string[], readonly string[]]>([
    ['state', ['atMs', 'runId', 'state', 'stateReason', 'uuid'], ['gaps', 'vms']],
    ['cpu', ['atMs', 'cpuSeconds', 'runId', 'uuid', 'vcpus'], ['gaps', 'vms']],
    ['vcpu-wait', ['atMs', 'runId', 'uuid', 'vcpuWaitSeconds'], ['gaps', 'vms']],
    ['mem-size', ['atMs', 'memoryBytes', 'memoryMaxBytes', 'runId', 'uuid'], ['gaps', 'vms']],
    ['mem-rss', ['atMs', 'memoryRssBytes', 'runId', 'uuid'], ['gaps', 'vms']],
    ['block', ['atMs', 'disks', 'runId', 'uuid'], ['arrays', 'gaps', 'vms']],
    ['nic', ['atMs', 'nics', 'runId', 'uuid'], ['gaps', 'vms']],
    ['host', [], ['arrays', 'gaps', 'host', 'vms']],
    ['canary', [], ['arrays', 'gaps', 'vms']],
  ])('%s', async (group, ofVm, ofSample) => {
    const fleet = open()
    nowMs += 5000
    const sample = await of(fleet, 'kvm').sample(new Set([group]), {}, signal)
    expect(Object.keys(sample).sort()).toEqual(ofSample)
    expect(Object.keys(sample.vms[0] ?? {}).sort()).toEqual(ofVm)
  })

  test('chosen VMs only', async () => {
    const kvm = of(open(), 'kvm')
    const { vms } = await kvm.inventory(signal)
    const chosen = vms.find(({ name }) => name === 'off')?.uuid ?? ''
    const sample = await kvm.sample(all, { vmUuids: new Set([chosen]) }, signal)
    expect(sample.vms.map(({ uuid, runId, state }) => [uuid, runId, state])).toEqual([[chosen, '', 'shutoff']])
  })

  test('the fast lane: only disks that moved since the last pass', async () => {
    const xen = of(open(), 'xen')
    const block = new Set<SampleGroup>(['block'])
    const moved = async (): Promise<number> => (await xen.sample(block, { onlyMoved: true }, signal)).vms.length
    nowMs += 2000
    expect(await moved()).toBe(1)
    expect(await moved()).toBe(0)
    nowMs += 2000
    expect(await moved()).toBe(1)
    expect((await xen.sample(block, {}, signal)).vms).toHaveLength(1)
    expect(await moved()).toBe(0)
  })
})

test('the inventory: sizes, array, owner and service', async () => {
  const fleet = open()
  const { host, vms, arrays } = await of(fleet, 'xen').inventory(signal)
  const { hostId } = of(fleet, 'xen').identity
  expect(host).toMatchObject({ name: 'h-xen', memoryBytes: 8 * 2 ** 30, cpuCores: 4, hypervisorVersion: '1' })
  expect(arrays).toEqual([{ key: `local:${hostId}:1`, name: 'local disk of h-xen', kind: 'local', devices: ['sda'] }])
  expect(vms).toMatchObject([
    {
      name: 'v-xen',
      memoryMaxBytes: 2 ** 30,
      metadata: { group: 'personal', owner: 'v-xen', service: 'both' },
      disks: [{ target: 'xvda', backend: 'file', arrayKey: `local:${hostId}:1` }],
      nics: [{ mac: expect.stringMatching(/^00:16:3e(:[0-9a-f]{2}){3}$/) }],
    },
  ])
})

test('times are the clock, and twice as fast at double speed', async () => {
  const fleet = open()
  const fast = open({ speed: 2 })
  nowMs += 1234
  const [real, double] = await Promise.all([fleet, fast].map((one) => of(one, 'kvm').sample(all, {}, signal)))
  expect(real?.vms[0]?.atMs).toBe(startMs + 1234)
  expect(double?.vms[0]?.atMs).toBe(startMs + 2468)
})

test('a lost host is unavailable while it is lost, and has booted when it is back', async () => {
  const kvm = of(
    open({
      spec: spec('timeline: [{ at: 10s, event: host-lost, host: h-kvm }, { at: 20s, event: host-back, host: h-kvm }]'),
    }),
    'kvm',
  )
  const { bootId } = kvm.identity
  nowMs += 11_000
  await expect(kvm.sample(all, {}, signal)).rejects.toThrow(HypervisorUnavailable)
  await expect(kvm.inventory(signal)).rejects.toThrow(HypervisorUnavailable)
  await expect(kvm.probe(signal)).rejects.toThrow(HypervisorUnavailable)
  nowMs += 10_000
  expect((await kvm.sample(all, {}, signal)).host?.uptimeSeconds).toBe(1)
  expect(kvm.identity.bootId).not.toBe(bootId)
})

describe('events', () => {
  const timeline =
    'timeline: [{ at: 5s, event: destroy, vm: v-kvm }, { at: 5s, event: crash, vm: v-esxi }, { at: 6s, event: host-lost, host: h-esxi }]'

  test('come while nobody samples; ESXi does not say why a VM is off; the end of the signal ends them', async () => {
    const fleet = open({ spec: spec(timeline) })
    const stop = new AbortController()
    const heard: HypervisorEvent[] = []
    const listen = async (kind: HypervisorKind): Promise<void> => {
      for await (const event of of(fleet, kind).events(stop.signal)) heard.push(event)
    }
    const listening = Promise.all([listen('kvm'), listen('esxi')])
    nowMs += 7000
    await vi.waitFor(() => expect(heard).toHaveLength(3), { timeout: 5000 })
    const told = heard.map(({ kind, reason, vmName, atMs }) => [kind, reason, vmName, atMs - startMs])
    expect(told.filter(([kind]) => kind === 'hypervisor-lost')).toEqual([
      ['hypervisor-lost', 'host-lost', undefined, 6000],
    ])
    expect(told).toContainEqual(['stopped', 'destroyed', 'v-kvm', 5000])
    expect(told).toContainEqual(['stopped', 'unknown', 'v-esxi', 5000])
    stop.abort()
    await listening
  })

  test('end when the hypervisor is closed', async () => {
    const kvm = of(open(), 'kvm')
    const listening = (async () => {
      for await (const event of kvm.events(signal)) throw new Error(event.kind)
    })()
    await kvm.close()
    await listening
    await expect(kvm.sample(all, {}, signal)).rejects.toThrow(HypervisorUnavailable)
  })
})

describe('a second life of the process', () => {
  const cpuOf = async (
    fleet: readonly Hypervisor[],
  ): Promise<{ runId: string; cpuSeconds: number; bootId: string; uptime: number }> => {
    const { vms, host } = await of(fleet, 'kvm').sample(all, {}, signal)
    const { runId = '', cpuSeconds = NaN } = vms[0] ?? {}
    return { runId, cpuSeconds, bootId: of(fleet, 'kvm').identity.bootId, uptime: host?.uptimeSeconds ?? NaN }
  }

  async function live(ms: number, options: Partial<SimulatedFleetOptions>): Promise<Awaited<ReturnType<typeof cpuOf>>> {
    const fleet = open(options)
    nowMs += ms
    const seen = await cpuOf(fleet)
    await Promise.all(fleet.map((one) => one.close()))
    return seen
  }

  test.each([
    ['a minute', 60_000, 20, 60],
    ['three hours, which are skipped', 3 * hour, 0, 1],
  ])('goes on after %s', async (_title, gapMs, leastSeconds, mostSeconds) => {
    const statePath = join(directory, 'world.json')
    const first = await live(30_000, { statePath })
    nowMs += gapMs
    const second = await live(0, { statePath })
    expect([second.runId, second.bootId]).toEqual([first.runId, first.bootId])
    expect(second.uptime - first.uptime).toBe(gapMs / 1000)
    expect(second.cpuSeconds - first.cpuSeconds).toBeGreaterThanOrEqual(leastSeconds)
    expect(second.cpuSeconds - first.cpuSeconds).toBeLessThanOrEqual(mostSeconds)
  })

  test.each<[string, Partial<SimulatedFleetOptions>, (path: string) => void]>([
    ['another seed', { seed: 7 }, () => undefined],
    ['a damaged file', {}, (path) => writeFileSync(path, readFileSync(path).subarray(0, 500))],
    ['a world far ahead of the clock', {}, () => (nowMs -= hour)],
  ])('begins anew with %s', async (_title, options, spoil) => {
    const statePath = join(directory, 'world.json')
    const first = await live(30_000, { statePath })
    spoil(statePath)
    nowMs += 1000
    const second = await live(1000, { statePath, ...options })
    expect(second.runId).not.toBe(first.runId)
    expect(second.cpuSeconds).toBeLessThan(2)
  })

  test('a file that cannot be written is no reason to stop', async () => {
    const seen = await live(1000, { statePath: join(directory, 'missing', 'world.json') })
    expect(seen.cpuSeconds).toBeGreaterThan(0)
  })
})
