import { mkdir, mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'

import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'

import { HostIds } from '../../agent/host-ids.js'
import { createLocalFiles } from '../../agent/host/local-files.js'
import { healthByDefault, openStorageHealth } from '../../agent/storage/health/open-storage-health.js'
import { linuxMachine } from '../../agent/host/linux-machine.js'
import { defaultRoots } from '../../agent/host/roots.js'
import type { Hypervisor, HypervisorEvent, Sample, SampleGroup, VmRaw } from '../../agent/hypervisor/hypervisor.js'
import { openLibvirt } from '../../agent/hypervisor/libvirt/driver.js'
import { openRemote } from '../../agent/hypervisor/remote/open-remote.js'
import type { Machine } from '../../agent/schedule/host-loop.js'
import { createArrayResolver } from '../../agent/storage/array-resolver.js'
import { createLog } from '../../common/log.js'
import { libvirtMissing, startLibvirtDaemon, type LibvirtDaemon } from '../support/libvirt-daemon.js'
import { defineGuest, type Guest } from '../support/libvirt-guest.js'
import { seenFromAfar } from '../support/seen-from-afar.js'
import { sshdMissing, SshServer } from '../support/ssh-server.js'

// A real libvirtd with a real guest, read over a real sshd, beside an agent on the host itself.

const missing = libvirtMissing() ?? sshdMissing()
if (missing !== undefined) console.warn(`the tests with a real libvirtd over ssh are skipped: ${missing}`)

const MiB = 2 ** 20
const log = createLog('test', 'silent')
const { signal } = new AbortController()
const groups: readonly SampleGroup[] = ['state', 'cpu', 'mem-size', 'mem-guest', 'vcpu-wait', 'block', 'nic', 'host']

let directory: string
let daemon: LibvirtDaemon
let sshd: SshServer
let guest: Guest
let near: { readonly hypervisor: Hypervisor; readonly machine: Machine }
let far: { readonly hypervisor: Hypervisor; readonly machine: Machine }
const told: HypervisorEvent[] = []

const read = ({ hypervisor }: typeof near, of = groups, options = {}): Promise<Sample> =>
  hypervisor.sample(new Set(of), options, signal)

function vmOf(sample: Sample): VmRaw {
  const vm = sample.vms.find(({ uuid }) => uuid === guest.uuid)
  if (vm === undefined) throw new Error('the guest is not in the sample')
  return vm
}

/** All that only grows. */
function totals(sample: Sample): Record<string, number | undefined> {
  const { cpuSeconds, vcpuWaitSeconds, disks = [], nics = [] } = vmOf(sample)
  const [vda] = disks
  const [nic] = nics
  return {
    cpuSeconds,
    vcpuWaitSeconds,
    readBytes: vda?.readBytes,
    readRequests: vda?.readRequests,
    writeBytes: vda?.writeBytes,
    writeSeconds: vda?.writeSeconds,
    receiveBytes: nic?.receiveBytes,
    transmitBytes: nic?.transmitBytes,
  }
}

/** All that stays. */
function still(sample: Sample): unknown {
  const { uuid, state, stateReason, vcpus, memoryMaxBytes, memoryBytes, disks = [], nics = [] } = vmOf(sample)
  const names = [disks.map(({ target }) => target), nics.map(({ device }) => device)]
  return { uuid, state, stateReason, vcpus, memoryMaxBytes, memoryBytes, names, gaps: sample.gaps }
}

describe.skipIf(missing !== undefined)('a real libvirtd over ssh', () => {
  beforeAll(async () => {
    directory = await mkdtemp(path.join(tmpdir(), 'headroom-far-'))
    daemon = await startLibvirtDaemon()
    // The host's root: this machine, with the private libvirt in place of its own.
    const root = path.join(directory, 'root')
    await mkdir(path.join(root, 'run'), { recursive: true })
    for (const name of ['proc', 'sys', 'dev', 'etc']) await symlink(`/${name}`, path.join(root, name))
    await symlink(path.join(daemon.root, 'run'), path.join(root, 'run/libvirt'))
    sshd = await SshServer.start({ root })
    const files = createLocalFiles()
    const resolver = (hostId: string) =>
      createArrayResolver({ now: Date.now, ...defaultRoots, devRoot: '/dev', files, hostId, log })
    near = {
      hypervisor: await openLibvirt({
        socket: daemon.socketRo,
        uri: 'qemu:///system',
        ...defaultRoots,
        hostName: 'near',
        log,
        now: Date.now,
        createResolver: resolver,
      }),
      machine: await linuxMachine({
        ...defaultRoots,
        files,
        facts: async () => ({}),
        storageHealth: openStorageHealth(healthByDefault, {
          ...defaultRoots,
          files,
          now: Date.now,
          runsPrograms: false,
        }),
        log,
      }),
    }
    far = await openRemote({
      storageHealth: healthByDefault,
      target: sshd.target,
      read: 'qemu:///system',
      name: 'far',
      hostIds: await HostIds.load(directory, ['far'], log),
      entry: 'far',
      log,
      now: Date.now,
      signal,
    })
    void (async () => {
      for await (const event of far.hypervisor.events(signal)) told.push(event)
    })()
    guest = await defineGuest(daemon, { name: 'first', disksMiB: [128], nic: true })
    await guest.start()
  })
  afterAll(async () => {
    await far?.hypervisor.close()
    await near?.hypervisor.close()
    await sshd?.stop()
    await daemon?.stop()
    await rm(directory, { recursive: true, force: true })
  })

  it('is the same host, with the same VMs on the same arrays', async () => {
    expect(far.hypervisor.identity).toEqual({ ...near.hypervisor.identity, name: 'far' })
    const [ours, theirs] = await Promise.all([far, near].map(({ hypervisor }) => hypervisor.inventory(signal)))
    expect(ours?.vms).toEqual(theirs?.vms)
    expect(ours?.arrays).toEqual(theirs?.arrays)
    expect(ours?.vms[0]?.disks[0]?.arrayKey).not.toContain('unknown')
    expect({ ...ours?.host, name: '' }).toEqual({ ...theirs?.host, name: '' })
  })

  it('can do what the agent there can, but for what takes the host’s processes', async () => {
    const [ours, theirs] = await Promise.all([far, near].map(({ hypervisor }) => hypervisor.probe(signal)))
    const others = (found: typeof ours) => found?.filter(({ name }) => name !== 'memory-rss')
    expect(others(ours)).toEqual(others(theirs))
    expect(ours?.find(({ name }) => name === 'memory-rss')).toMatchObject({ support: 'no' })
    expect(seenFromAfar(await far.machine.capabilities())).toEqual(seenFromAfar(await near.machine.capabilities()))
    expect(vmOf(await read(far, ['mem-rss'])).memoryRssBytes).toBeUndefined()
  })

  it('shows the same figures: before ≤ over ssh ≤ after', async () => {
    await guest.tell('write vda 16')
    const before = await read(near)
    const between = await read(far)
    const after = await read(near)
    expect(still(between)).toEqual(still(before))
    const [low, ours, high] = [before, between, after].map(totals)
    for (const [name, value] of Object.entries(ours ?? {})) {
      expect(value, name).toBeGreaterThanOrEqual(low?.[name] ?? Number.NaN)
      expect(value, name).toBeLessThanOrEqual(high?.[name] ?? Number.NaN)
    }
    expect(ours?.['writeBytes']).toBe(16 * MiB)
    const [own, witness] = [await far.machine.sample(signal), await near.machine.sample(signal)]
    expect(own.collectors.map(({ name, success }) => [name, success])).toEqual(
      witness.collectors.map(({ name, success }) => [name, success]),
    )
    expect(Object.keys(own.host).toSorted()).toEqual(Object.keys(witness.host).toSorted())
    expect(own.host.memoryBytes).toBe(witness.host.memoryBytes)
    expect(witness.host.uptimeSeconds).toBeGreaterThanOrEqual(own.host.uptimeSeconds ?? Number.NaN)
  })

  it('reports what the guest writes to the byte, in the fast lane at once, and each start and stop', async () => {
    const written = (sample: Sample) => vmOf(sample).disks?.[0]?.writeBytes ?? Number.NaN
    const before = written(await read(far))
    await guest.tell('write vda 64')
    expect(written(await read(far, ['block'], { onlyMoved: true })) - before).toBe(64 * MiB)
    const from = told.length
    const events = () =>
      told.slice(from).map(({ vmUuid, kind, reason }) => (vmUuid === guest.uuid ? `${kind} ${reason}` : ''))
    await daemon.virsh('destroy', 'first')
    await vi.waitFor(() => expect(events()).toContain('stopped destroyed'), { timeout: 2000 })
    await guest.start()
    await vi.waitFor(() => expect(events()).toContain('started booted'), { timeout: 2000 })
    expect(written(await read(far))).toBe(0)
  })

  it('comes back when libvirtd does, and when sshd does, in the same run', async () => {
    const { runId } = vmOf(await read(far))
    const kinds = () => told.slice(from).map(({ kind }) => kind)
    let from = told.length
    await daemon.killDaemon()
    await vi.waitFor(() => expect(kinds()).toContain('hypervisor-lost'), { timeout: 10_000 })
    await daemon.startDaemon()
    await vi.waitFor(() => expect(kinds()).toContain('hypervisor-back'), { timeout: 20_000 })
    expect(vmOf(await read(far)).runId).toBe(runId)
    from = told.length
    await sshd.cut()
    await vi.waitFor(() => expect(kinds()).toContain('hypervisor-lost'), { timeout: 10_000 })
    await sshd.listen()
    await vi.waitFor(() => expect(kinds()).toContain('hypervisor-back'), { timeout: 40_000 })
    const sample = await read(far)
    expect([vmOf(sample).runId, sample.gaps]).toEqual([runId, []])
  })
})
