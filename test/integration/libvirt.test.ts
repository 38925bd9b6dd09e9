import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'

import { openLibvirt, type LibvirtHypervisor } from '../../agent/hypervisor/libvirt/driver.js'
import {
  HypervisorUnavailable,
  type HypervisorEvent,
  type Sample,
  type SampleGroup,
  type SampleOptions,
  type VmRaw,
} from '../../agent/hypervisor/hypervisor.js'
import { createLog } from '../../common/log.js'
import { libvirtMissing, startLibvirtDaemon, type LibvirtDaemon } from '../support/libvirt-daemon.js'
import { defineGuest, type Guest } from '../support/libvirt-guest.js'

const missing = libvirtMissing()
if (missing !== undefined) console.warn(`the tests with a real libvirtd are skipped: ${missing}`)

const MiB = 2 ** 20
const { signal } = new AbortController()

let daemon: LibvirtDaemon
let guests: readonly [Guest, Guest, Guest]
let hypervisor: LibvirtHypervisor
const events: HypervisorEvent[] = []

function open(procRoot: string): Promise<LibvirtHypervisor> {
  return openLibvirt({
    socket: daemon.socketRo,
    uri: 'qemu:///system',
    procRoot,
    sysRoot: '/sys',
    hostName: 'lab',
    log: createLog('test', 'silent'),
    now: Date.now,
    createResolver: (hostId) => async (source) => {
      const key = `local:${hostId}:disk`
      return { key, backend: 'file', unit: source.source, array: { key, name: 'disk', kind: 'local' } }
    },
    vmDeadlineMs: 1500,
  })
}

async function follow(): Promise<void> {
  for await (const event of hypervisor.events(signal)) events.push(event)
}

function read(groups: readonly SampleGroup[], options: SampleOptions = {}, from = hypervisor): Promise<Sample> {
  return from.sample(new Set(groups), options, signal)
}

function vmOf(sample: Sample, { uuid, name }: Guest): VmRaw {
  const vm = sample.vms.find((candidate) => candidate.uuid === uuid)
  if (vm === undefined) throw new Error(`${name} is not in the sample`)
  return vm
}

async function readOne(guest: Guest, ...groups: SampleGroup[]): Promise<VmRaw> {
  return vmOf(await read(groups), guest)
}

function eventsOf({ uuid }: Guest, from: number): string[] {
  return events.slice(from).flatMap(({ vmUuid, kind, reason }) => (vmUuid === uuid ? [`${kind} ${reason}`] : []))
}

/** `name value` or `name=value` lines of virsh. */
function valuesOf(output: string): ReadonlyMap<string, number> {
  return new Map([...output.matchAll(/([\w.]+)[ =](\d+)$/gm)].map(([, name = '', value]) => [name, Number(value)]))
}

describe.skipIf(missing !== undefined)('a real libvirtd with real guests', () => {
  beforeAll(async () => {
    daemon = await startLibvirtDaemon()
    hypervisor = await open('/proc')
    void follow()
    const metadata = `<h:vm xmlns:h='urn:test'><h:owner>Ann &amp; Bob</h:owner><h:service>mail</h:service></h:vm>`
    guests = await Promise.all([
      defineGuest(daemon, { name: 'first', disksMiB: [128, 64], nic: true, metadata }),
      defineGuest(daemon, { name: 'second' }),
      defineGuest(daemon, { name: 'third' }),
    ])
    await Promise.all(guests.map((guest) => guest.start()))
  })
  afterAll(async () => {
    await hypervisor?.close()
    await daemon?.stop()
  })

  it('knows the host and its VMs', async () => {
    const { host, vms, arrays } = await hypervisor.inventory(signal)
    const nodeInfo = await daemon.virsh('nodeinfo')
    expect(hypervisor.identity).toMatchObject({ hostId: daemon.hostUuid, name: 'lab', kind: 'kvm', simulated: false })
    expect(host).toMatchObject({
      hypervisorVersion: expect.stringMatching(/^QEMU \d+\.\d+\.\d+$/),
      managementVersion: expect.stringMatching(/^libvirt \d+\.\d+\.\d+$/),
      cpuThreads: Number(/CPU\(s\): +(\d+)/.exec(nodeInfo)?.[1]),
      memoryBytes: Number(/Memory size: +(\d+) KiB/.exec(nodeInfo)?.[1]) * 1024,
    })
    expect(arrays.map(({ key }) => key)).toEqual([`local:${daemon.hostUuid}:disk`])
    expect(vms.find(({ name }) => name === 'first')).toMatchObject({
      uuid: guests[0].uuid,
      vcpus: 1,
      memoryMaxBytes: 96 * MiB,
      persistent: true,
      autostart: false,
      osType: 'hvm',
      metadata: { owner: 'Ann & Bob', service: 'mail', title: 'first of a test' },
      definitionHash: expect.stringMatching(/^[0-9a-f]{64}$/),
      disks: [
        { target: 'vda', capacityBytes: 128 * MiB, backend: 'file', format: 'raw', bus: 'virtio' },
        { target: 'vdb', capacityBytes: 64 * MiB, arrayKey: `local:${daemon.hostUuid}:disk` },
      ],
      nics: [{ device: 'vnet0', model: 'virtio' }],
    })
    const probed = await hypervisor.probe(signal)
    expect(probed.flatMap(({ name, support }) => (support === 'no' ? name : []))).toEqual(['memory-active'])
  })

  it('reads the same figures as virsh: before ≤ ours ≤ after', async () => {
    const [first] = guests
    const virsh = async (): Promise<Record<string, number>> => {
      const [info, vda, vdb] = await Promise.all([
        daemon.virsh('dominfo', 'first'),
        daemon.virsh('domblkstat', 'first', 'vda'),
        daemon.virsh('domblkstat', 'first', 'vdb'),
      ])
      const figures: Record<string, number> = { cpu: Number(/CPU time: +([\d.]+)s/.exec(info)?.[1]) }
      for (const [disk, output] of [
        ['vda', vda],
        ['vdb', vdb],
      ] as const) {
        const values = valuesOf(output.replaceAll(/^\w+ /gm, ''))
        for (const name of ['rd_req', 'rd_bytes', 'wr_req', 'wr_bytes']) {
          figures[`${disk} ${name}`] = values.get(name) ?? Number.NaN
        }
      }
      return figures
    }
    await first.tell('trickle vda')
    await first.tell('trickle vdb')
    for (let round = 0; round < 3; round += 1) {
      const before = await virsh()
      const vm = await readOne(first, 'cpu', 'block')
      const after = await virsh()
      const ours: Record<string, number | undefined> = { cpu: vm.cpuSeconds }
      for (const disk of vm.disks ?? []) {
        ours[`${disk.target} rd_req`] = disk.readRequests
        ours[`${disk.target} rd_bytes`] = disk.readBytes
        ours[`${disk.target} wr_req`] = disk.writeRequests
        ours[`${disk.target} wr_bytes`] = disk.writeBytes
      }
      expect(Object.keys(ours).sort()).toEqual(Object.keys(before).sort())
      // virsh rounds CPU time to a tenth of a second.
      const rounding = (name: string): number => (name === 'cpu' ? 0.05 : 0)
      const outside = Object.entries(ours).filter(([name, value = Number.NaN]) => {
        const least = (before[name] ?? Number.NaN) - rounding(name)
        const most = (after[name] ?? Number.NaN) + rounding(name)
        return !(least <= value && value <= most)
      })
      expect(outside).toEqual([])
    }
    await first.tell('rest')
    const stats = valuesOf(await daemon.virsh('domstats', 'first', '--interface', '--balloon'))
    const vm = await readOne(first, 'nic', 'mem-size', 'mem-guest', 'mem-rss', 'vcpu-wait')
    expect(vm.nics?.[0]?.receivePackets).toBeGreaterThanOrEqual(stats.get('net.0.rx.pkts') ?? Number.NaN)
    expect(vm).toMatchObject({ memoryBytes: 96 * MiB, memoryMaxBytes: 96 * MiB })
    const total = (vm.memoryGuestUsedBytes ?? 0) + (vm.memoryGuestAvailableBytes ?? 0)
    expect(total).toBe((stats.get('balloon.available') ?? 0) * 1024)
    expect(vm.memoryGuestAgeMs).toBeLessThan(10_000)
    expect((vm.memoryRssBytes ?? 0) / ((stats.get('balloon.rss') ?? 0) * 1024)).toBeCloseTo(1, 1)
    expect(vm.vcpuWaitSeconds).toBeGreaterThanOrEqual(0)
  })

  it('reports what a guest writes, to the byte, and in the fast lane at once', async () => {
    const [first] = guests
    const before = await readOne(first, 'block')
    const fast = (): Promise<Sample> => read(['block'], { onlyMoved: true })
    // QEMU calms down after the last test before the fast lane leaves the VM alone.
    await vi.waitFor(async () => expect((await fast()).vms).toEqual([]), { timeout: 20_000, interval: 300 })
    await first.tell('write vda 64')
    const moved = await fast()
    expect(moved.vms.map(({ uuid }) => uuid)).toContain(first.uuid)
    const after = vmOf(moved, first)
    expect(after.runId).toBe(before.runId)
    const written = (vm: VmRaw): (number | undefined)[] => (vm.disks ?? []).map(({ writeBytes }) => writeBytes)
    expect(written(after).map((bytes, index) => (bytes ?? 0) - (written(before)[index] ?? 0))).toEqual([64 * MiB, 0])
    expect(after.disks?.[0]?.writeSeconds).toBeGreaterThan(before.disks?.[0]?.writeSeconds ?? 0)
  })

  it.each([
    ['what /proc shows', '/proc', 0],
    ['what libvirt does not answer', '/nonexistent', 1500],
  ])('marks a stopped guest by %s, reads the others on time, and gets it back', async (_, procRoot, waitMs) => {
    const [first, second, third] = guests
    const own = procRoot === '/proc' ? hypervisor : await open(procRoot)
    const groups = ['state', 'cpu', 'nic', 'block', 'mem-guest'] as const
    try {
      await read(groups, {}, own)
      await second.signal('SIGSTOP')
      const passes: number[] = []
      for (let pass = 0; pass < 5; pass += 1) {
        const beganMs = performance.now()
        const sample = await read(groups, {}, own)
        passes.push(performance.now() - beganMs)
        expect(sample.gaps.map(({ vmUuid, group }) => [vmUuid, group])).toEqual([
          [second.uuid, 'block'],
          [second.uuid, 'mem-guest'],
        ])
        expect(vmOf(sample, second)).toMatchObject({ state: 'running', cpuSeconds: expect.any(Number) })
        expect(vmOf(sample, second).disks).toBeUndefined()
        for (const guest of [first, third]) expect(vmOf(sample, guest).disks).toBeDefined()
      }
      expect(passes[0]).toBeLessThan(waitMs + 1000)
      // Four passes that ask a stuck guest nothing: no waiting at all.
      expect(Math.max(...passes.slice(1))).toBeLessThan(1000)
      const { gaps } = await read(groups, {}, own)
      expect(Date.now() - (gaps[0]?.sinceMs ?? 0)).toBeLessThan(60_000)
      await second.signal('SIGCONT')
      await vi.waitFor(async () => expect((await read(groups, {}, own)).gaps).toEqual([]), { timeout: 10_000 })
      expect(vmOf(await read(groups, {}, own), second).disks).toHaveLength(1)
    } finally {
      await second.signal('SIGCONT')
      if (own !== hypervisor) await own.close()
    }
  })

  it('comes back by itself when libvirtd was killed, and counters go on in the same run', async () => {
    const [first] = guests
    const before = await readOne(first, 'cpu', 'block')
    const from = events.length
    await daemon.killDaemon()
    await vi.waitFor(() => expect(events.slice(from).map(({ kind }) => kind)).toContain('hypervisor-lost'))
    await expect(read(['state'])).rejects.toThrow(HypervisorUnavailable)
    const startedMs = performance.now()
    await daemon.startDaemon()
    await vi.waitFor(() => expect(events.slice(from).map(({ kind }) => kind)).toContain('hypervisor-back'), {
      timeout: 15_000,
    })
    expect(performance.now() - startedMs).toBeLessThan(15_000)
    const after = await readOne(first, 'cpu', 'block')
    expect(after.runId).toBe(before.runId)
    expect(after.cpuSeconds).toBeGreaterThanOrEqual(before.cpuSeconds ?? Number.NaN)
    expect(after.disks?.[0]?.writeBytes).toBe(before.disks?.[0]?.writeBytes)
    expect(eventsOf(first, from)).toEqual([])
  })

  it('tells of a VM that died while libvirtd was away', async () => {
    const [, second] = guests
    const from = events.length
    await daemon.killDaemon()
    await second.signal('SIGKILL')
    await daemon.startDaemon()
    // Whether libvirt itself says so, or the list shows it at once or only later: once.
    await vi.waitFor(
      async () => {
        await read(['state'])
        expect(eventsOf(second, from)).toHaveLength(1)
      },
      { timeout: 15_000, interval: 200 },
    )
    expect(eventsOf(second, from)[0]).toMatch(/^(crashed|stopped) /)
    const { state } = await readOne(second, 'state')
    expect(state).toBe('shutoff')
    await second.start()
    await vi.waitFor(() => expect(eventsOf(second, from)).toContain('started booted'))
  })

  it('tells of crash, destroy and shutdown with their reasons, within two seconds', async () => {
    const [first, second, third] = guests
    const from = events.length
    const told = async (guest: Guest, expected: string): Promise<void> => {
      await vi.waitFor(() => expect(eventsOf(guest, from)).toContain(expected), { timeout: 2000 })
    }
    await second.signal('SIGKILL')
    await told(second, 'crashed crashed')
    expect(await readOne(second, 'state')).toMatchObject({ runId: '', state: 'shutoff', stateReason: 'crashed' })

    await daemon.virsh('destroy', 'third')
    await told(third, 'stopped destroyed')
    expect(await readOne(third, 'state')).toMatchObject({ state: 'shutoff', stateReason: 'destroyed' })

    // A guest that has only just started does not hear the power button.
    await vi.waitFor(
      async () => {
        if ((await readOne(first, 'state')).state === 'running') await daemon.virsh('shutdown', 'first')
        await told(first, 'stopped shutdown')
      },
      { timeout: 20_000 },
    )
    expect(await readOne(first, 'state')).toMatchObject({ state: 'shutoff', stateReason: 'shutdown' })
    const { gaps } = await read(['state', 'cpu', 'block', 'mem-guest'])
    expect(gaps).toEqual([])
  })

  it('begins a new run with counters from zero', async () => {
    const [, , third] = guests
    await third.start()
    const vm = await readOne(third, 'cpu', 'block')
    expect(vm.runId).toMatch(/^\d+-\d+$/)
    expect(vm.disks?.[0]?.writeBytes).toBe(0)
    await third.tell('write vda 1')
    expect((await readOne(third, 'block')).disks?.[0]?.writeBytes).toBe(MiB)
  })
})
