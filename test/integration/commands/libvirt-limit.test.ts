import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { LibvirtControl } from '../../../agent/hypervisor/libvirt/control.js'
import { libvirtMissing, startLibvirtDaemon, type LibvirtDaemon } from '../../support/libvirt-daemon.js'
import { defineGuest, type Guest } from '../../support/libvirt-guest.js'
import { VerbBench } from '../../support/verb-bench.js'
import { waitFor } from '../../support/wait-for.js'

const missing = libvirtMissing()
if (missing !== undefined) console.warn(`the tests with a real libvirtd are skipped: ${missing}`)

const child = fileURLToPath(new URL('../../support/limit-child.ts', import.meta.url))
const MiB = 1_048_576

let daemon: LibvirtDaemon
let guest: Guest
let control: LibvirtControl
let bench: VerbBench
const children: ChildProcess[] = []

/** As virsh says it. */
async function tuned(disk: string, name: string): Promise<number> {
  const said = await daemon.virsh('blkdeviotune', guest.name, disk)
  return Number(new RegExp(`^${name} *: *(\\d+)`, 'm').exec(said)?.[1])
}

async function secondsFor(work: () => Promise<void>): Promise<number> {
  const beganMs = performance.now()
  await work()
  return (performance.now() - beganMs) / 1000
}

async function startChild(...more: string[]): Promise<ChildProcess> {
  const file = join(daemon.root, 'limits.json')
  const args = ['--import', 'tsx', child, daemon.socket, file, guest.uuid, ...more]
  const started = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  children.push(started)
  await once(started.stdout, 'data')
  return started
}

describe.skipIf(missing !== undefined)('a limit on a real guest, seen by virsh and the guest', () => {
  beforeAll(async () => {
    daemon = await startLibvirtDaemon()
    control = new LibvirtControl({ socket: daemon.socketRo, runRoot: '/nowhere', uri: 'qemu:///system' })
    guest = await defineGuest(daemon, { name: 'guest', disksMiB: [64, 64] })
    bench = new VerbBench(control, guest.uuid)
    await guest.start()
  })
  afterAll(async () => {
    for (const one of children) one.kill('SIGKILL')
    control?.close()
    await daemon?.stop()
  })

  it('holds the guest back, on all its disks or on one', async () => {
    const freely = await secondsFor(() => guest.tell('write vda 4'))
    expect(await bench.run('limit', { write: '1MiB/s', for: '10m' })).toMatchObject({ state: 'succeeded' })
    expect([await tuned('vda', 'write_bytes_sec'), await tuned('vdb', 'write_bytes_sec')]).toEqual([MiB, MiB])
    const limited = await secondsFor(() => guest.tell('write vda 4'))
    expect(limited).toBeGreaterThan(2.5)
    expect(limited).toBeGreaterThan(2 * freely)
    expect(await bench.seen('limit', { write: '1MiB/s', for: '10m' })).toMatchObject({ state: 'succeeded' })
    expect(await bench.run('unlimit')).toMatchObject({ state: 'succeeded' })
    expect([await tuned('vda', 'write_bytes_sec'), await tuned('vdb', 'write_bytes_sec')]).toEqual([0, 0])
    await bench.run('limit', { readRequests: '50', disk: 'vdb', for: '10m' })
    expect([await tuned('vda', 'read_iops_sec'), await tuned('vdb', 'read_iops_sec')]).toEqual([0, 50])
    await bench.run('unlimit')
  })

  it('puts back what an administrator had set, a total and a burst too', async () => {
    await daemon.virsh('blkdeviotune', guest.name, 'vda', '--live', '--total-bytes-sec', '9000000')
    const burst = ['--write-iops-sec', '300', '--write-iops-sec-max', '600', '--write-iops-sec-max-length', '3']
    await daemon.virsh('blkdeviotune', guest.name, 'vdb', '--live', ...burst)
    await bench.run('limit', { write: '1MiB/s', writeRequests: '100', for: '10m' })
    expect(await tuned('vda', 'total_bytes_sec')).toBe(0)
    expect(await tuned('vda', 'read_bytes_sec')).toBe(9_000_000)
    expect(await tuned('vda', 'write_bytes_sec')).toBe(MiB)
    expect(await tuned('vdb', 'write_iops_sec')).toBe(100)
    expect(await tuned('vdb', 'write_iops_sec_max')).toBe(0)
    // A second one, tighter, beside it.
    await bench.run('limit', { write: '512KiB/s', for: '10m' })
    expect(await tuned('vda', 'write_bytes_sec')).toBe(MiB / 2)
    await bench.run('unlimit')
    expect(await tuned('vda', 'total_bytes_sec')).toBe(9_000_000)
    expect(await tuned('vda', 'read_bytes_sec')).toBe(0)
    expect(await tuned('vda', 'write_bytes_sec')).toBe(0)
    expect(await tuned('vdb', 'write_iops_sec')).toBe(300)
    expect(await tuned('vdb', 'write_iops_sec_max')).toBe(600)
    expect(await tuned('vdb', 'write_iops_sec_max_length')).toBe(3)
    await daemon.virsh('blkdeviotune', guest.name, 'vda', '--live', '--total-bytes-sec', '0')
    const none = ['--write-iops-sec', '0', '--write-iops-sec-max', '0', '--write-iops-sec-max-length', '0']
    await daemon.virsh('blkdeviotune', guest.name, 'vdb', '--live', ...none)
  })

  it('is refused for a disk that it does not have, and where none of ours is in force', async () => {
    const refused = await bench.checks('limit', { write: '1MiB/s', disk: 'vdx', for: '1m' })
    expect(refused).toContainEqual({ check: 'disks', ok: false, says: 'it has no disk vdx: vda, vdb' })
    expect(await bench.checks('unlimit')).toMatchObject([{ ok: false }])
  })

  it('is ended by the next life of an agent that was killed, within 5 s of its start', async () => {
    await daemon.virsh('blkdeviotune', guest.name, 'vda', '--live', '--write-bytes-sec', '7000000')
    const first = await startChild('1MiB/s', '3s')
    first.kill('SIGKILL')
    await once(first, 'exit')
    expect(await tuned('vda', 'write_bytes_sec')).toBe(MiB)
    // Its time passes with nobody there.
    const kept = Date.now() + 3500
    await waitFor(10_000, 'the time of the limit to pass', () => Promise.resolve(Date.now() > kept))
    expect(await tuned('vda', 'write_bytes_sec')).toBe(MiB)
    await startChild()
    const beganMs = performance.now()
    await waitFor(5000, 'the old value', async () => (await tuned('vda', 'write_bytes_sec')) === 7_000_000)
    const behindMs = performance.now() - beganMs
    console.info(`old value back ${(behindMs / 1000).toFixed(2)} s after the next life had begun`)
    expect(behindMs).toBeLessThan(5000)
  })

  it('is ended at its time by an agent that was restarted before', async () => {
    const first = await startChild('1MiB/s', '8s')
    const setMs = performance.now()
    first.kill('SIGKILL')
    await once(first, 'exit')
    await startChild()
    expect(await tuned('vda', 'write_bytes_sec')).toBe(MiB)
    await waitFor(20_000, 'the old value', async () => (await tuned('vda', 'write_bytes_sec')) === 7_000_000)
    const tookMs = performance.now() - setMs
    console.info(`old value back ${(tookMs / 1000 - 8).toFixed(2)} s after its time`)
    expect(tookMs).toBeGreaterThan(3000)
    expect(tookMs).toBeLessThan(13_000)
  })

  it('is ended too in a run that goes on from a saved state', async () => {
    await startChild('1MiB/s', '12s')
    await daemon.virsh('managedsave', guest.name)
    await daemon.virsh('start', guest.name)
    expect(await tuned('vda', 'write_bytes_sec')).toBe(MiB)
    await waitFor(30_000, 'the old value', async () => (await tuned('vda', 'write_bytes_sec')) === 7_000_000)
  })

  it('does not outlive the run of the VM, and is forgotten with it', async () => {
    await startChild('1MiB/s', '3s')
    await daemon.virsh('destroy', guest.name)
    await daemon.virsh('start', guest.name)
    expect(await tuned('vda', 'write_bytes_sec')).toBe(0)
    await daemon.virsh('blkdeviotune', guest.name, 'vda', '--live', '--write-bytes-sec', '5000000')
    const last = children.at(-1)
    if (last?.stdout == null) throw new Error('no child')
    const { stdout } = last
    let said = ''
    stdout.on('data', (text: Buffer) => {
      said += text.toString()
    })
    await waitFor(20_000, 'the limit to be forgotten', () => Promise.resolve(said.includes('0\n')))
    expect(await tuned('vda', 'write_bytes_sec')).toBe(5_000_000)
  })
})
