import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { ActionRefused } from '../../../agent/hypervisor/hypervisor.js'
import { LibvirtControl } from '../../../agent/hypervisor/libvirt/control.js'
import { libvirtMissing, startLibvirtDaemon, type LibvirtDaemon } from '../../support/libvirt-daemon.js'
import { defineGuest, type Guest } from '../../support/libvirt-guest.js'
import { VerbBench } from '../../support/verb-bench.js'

const missing = libvirtMissing()
if (missing !== undefined) console.warn(`the tests with a real libvirtd are skipped: ${missing}`)

let daemon: LibvirtDaemon
let guest: Guest
let control: LibvirtControl
let bench: VerbBench

async function saysXml(...flags: string[]): Promise<string> {
  return daemon.virsh('dumpxml', guest.name, ...flags)
}

describe.skipIf(missing !== undefined)('memory, vCPUs, saving and texts of a real guest, seen by virsh', () => {
  beforeAll(async () => {
    daemon = await startLibvirtDaemon()
    control = new LibvirtControl({ socket: daemon.socketRo, runRoot: '/nowhere', uri: 'qemu:///system' })
    guest = await defineGuest(daemon, { name: 'guest', memoryMiB: 128, serialLog: join(daemon.root, 'console.log') })
    await daemon.virsh('setvcpus', guest.name, '2', '--config', '--maximum')
    bench = new VerbBench(control, guest.uuid)
    await guest.start()
  })
  afterAll(async () => {
    control?.close()
    await daemon?.stop()
  })

  it('sets its memory, now and for its next start, up to its maximum', async () => {
    expect(await bench.checks('memory', { size: '129MiB' })).toMatchObject([{ ok: false }])
    expect(await bench.checks('memory', { size: '112MiB' })).toMatchObject([{ ok: true }])
    expect(await bench.run('memory', { size: '112MiB' })).toEqual({ state: 'succeeded' })
    expect(await daemon.virsh('dommemstat', guest.name)).toMatch(/^actual 114688$/m)
    expect(await saysXml('--inactive')).toMatch(/<currentMemory unit='KiB'>114688</)
    expect(await bench.seen('memory', { size: '112MiB' })).toMatchObject({ state: 'succeeded' })
    expect(await bench.seen('memory', { size: '100MiB' })).toMatchObject({ state: 'unknown' })
    expect(await bench.run('memory', { size: '128MiB' })).toEqual({ state: 'succeeded' })
  })

  it('sets its vCPUs: in this run up to its maximum, beyond that at its next start', async () => {
    expect(await bench.run('vcpus', { count: '1' })).toMatchObject({ state: 'succeeded' })
    expect(await bench.run('vcpus', { count: '2' })).toMatchObject({ state: 'succeeded' })
    expect(await daemon.virsh('vcpucount', guest.name, '--current', '--live')).toMatch(/^2/)
    expect(await bench.run('vcpus', { count: '3' })).toMatchObject({
      state: 'succeeded',
      reason: 'at its next start: this run can have at most 2',
    })
    expect(await daemon.virsh('vcpucount', guest.name, '--current', '--live')).toMatch(/^2/)
    expect(await daemon.virsh('vcpucount', guest.name, '--maximum', '--config')).toMatch(/^3/)
    expect(await daemon.virsh('vcpucount', guest.name, '--current', '--config')).toMatch(/^3/)
    expect(await bench.seen('vcpus', { count: '3' })).toMatchObject({ reason: 'it has 3 at its next start' })
  })

  it('sets how often its guest tells of its memory', async () => {
    expect(await bench.checks('memory-statistics')).toMatchObject([{ ok: true }])
    expect(await bench.run('memory-statistics', { every: '7s' })).toEqual({ state: 'succeeded' })
    expect(await saysXml()).toMatch(/<stats period='7'\/>/)
    expect(await saysXml('--inactive')).toMatch(/<stats period='7'\/>/)
    expect(await bench.seen('memory-statistics', { every: '7s' })).toMatchObject({ state: 'succeeded' })
  })

  it('tells its definition and what it said on its console', async () => {
    await guest.tell('burn 1')
    bench.said.length = 0
    expect(await bench.run('dumpxml')).toEqual({ state: 'succeeded' })
    expect(bench.said.join('')).toBe((await saysXml()).trimEnd())
    bench.said.length = 0
    expect(await bench.run('console')).toEqual({ state: 'succeeded' })
    expect(bench.said.join('')).toMatch(/done burn/)
  })

  it('is not saved in a run that had vCPUs added: libvirt could not go on from that', async () => {
    expect(await bench.checks('save')).toMatchObject([{ ok: false, says: expect.stringMatching(/vCPUs were added/) }])
    await daemon.virsh('destroy', guest.name)
    await guest.start()
    expect(await bench.checks('save')).toMatchObject([{ ok: true }])
  })

  it('gives up a saving that is cancelled, and the guest goes on', async () => {
    const abort = new AbortController()
    const saving = bench.run('save', {}, abort.signal)
    setTimeout(() => abort.abort('cancelled'), 20)
    await expect(saving).rejects.toThrow('aborted')
    const seen = await bench.seen('save')
    expect(seen).toMatchObject({ state: 'unknown', reason: expect.stringMatching(/^it is (running|blocked)/) })
    expect(await daemon.virsh('domstate', guest.name)).toMatch(/^running/)
    await guest.tell('burn 1')
  })

  it('is saved, and goes on from there', async () => {
    expect(await bench.run('save')).toEqual({ state: 'succeeded' })
    expect(await daemon.virsh('domstate', '--reason', guest.name)).toMatch(/shut off \(saved\)/)
    expect(await daemon.virsh('dominfo', guest.name)).toMatch(/Managed save: +yes/)
    expect(await bench.seen('save')).toEqual({ state: 'succeeded', reason: 'it is saved' })
    expect(await bench.checks('restore')).toMatchObject([{ ok: true }])
    expect(await bench.run('restore')).toEqual({ state: 'succeeded' })
    expect(await daemon.virsh('domstate', '--reason', guest.name)).toMatch(/running \(restored\)/)
    expect(await bench.checks('restore')).toMatchObject([{ ok: false }])
  })

  it('has its sizes set while it is off', async () => {
    await daemon.virsh('destroy', guest.name)
    expect(await bench.run('memory', { size: '96MiB' })).toMatchObject({
      state: 'succeeded',
      reason: expect.stringMatching(/at its next start/),
    })
    expect(await saysXml()).toMatch(/<currentMemory unit='KiB'>98304</)
    expect(await bench.run('vcpus', { count: '1' })).toEqual({ state: 'succeeded', reason: 'at its next start' })
    expect(await daemon.virsh('vcpucount', guest.name, '--current', '--config')).toMatch(/^1/)
    await expect(bench.run('save')).rejects.toBeInstanceOf(ActionRefused)
    await expect(bench.run('limit', { write: '1MiB/s', for: '1m' })).rejects.toBeInstanceOf(ActionRefused)
  })

  it('is undefined only when its definition is kept on both sides, and never while it runs', async () => {
    bench.held = () => Promise.reject(new ActionRefused('not kept'))
    await expect(bench.run('undefine')).rejects.toThrow('not kept')
    expect(await daemon.virsh('domstate', guest.name)).toMatch(/shut off/)
    bench.held = async () => {
      await daemon.virsh('start', guest.name)
    }
    await expect(bench.run('undefine')).rejects.toThrow('it is running now')
    expect(await daemon.virsh('dominfo', guest.name)).toMatch(/Persistent: +yes/)
    await daemon.virsh('destroy', guest.name)
    await daemon.virsh('start', guest.name)
    await bench.run('save')
    expect(await bench.checks('undefine')).toMatchObject([
      { ok: false, says: expect.stringMatching(/restore it first/) },
    ])
    await daemon.virsh('managedsave-remove', guest.name)
    bench.held = () => Promise.resolve()
    const whole = await saysXml('--inactive', '--security-info')
    bench.said.length = 0
    expect(await bench.run('undefine')).toMatchObject({ state: 'succeeded' })
    expect(await daemon.virsh('list', '--all', '--name')).not.toMatch(guest.name)
    expect(bench.archived.at(-1)?.trim()).toBe(whole.trim())
    expect(bench.said[0]).toContain(`<uuid>${guest.uuid}</uuid>`)
    // It comes back as it was.
    const file = join(daemon.root, 'again.xml')
    await writeFile(file, bench.archived.at(-1) ?? '')
    await daemon.virsh('define', file)
    expect(await saysXml('--inactive', '--security-info')).toBe(whole)
  })
})
