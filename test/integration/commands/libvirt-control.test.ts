import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { allVerbs } from '../../../agent/commands/verbs/all-verbs.js'
import type { Outcome } from '../../../agent/commands/verbs/verb-work.js'
import { ActionRefused, HypervisorUnavailable } from '../../../agent/hypervisor/hypervisor.js'
import { LibvirtControl } from '../../../agent/hypervisor/libvirt/control.js'
import type { VerbName } from '../../../common/verbs.js'
import { libvirtMissing, startLibvirtDaemon, type LibvirtDaemon } from '../../support/libvirt-daemon.js'
import { defineGuest, type Guest } from '../../support/libvirt-guest.js'
import { VerbBench } from '../../support/verb-bench.js'

const missing = libvirtMissing()
if (missing !== undefined) console.warn(`the tests with a real libvirtd are skipped: ${missing}`)

let daemon: LibvirtDaemon
let guest: Guest
let control: LibvirtControl
const { signal } = new AbortController()

let bench: VerbBench

async function run(verb: VerbName, args: Readonly<Record<string, string>> = {}): Promise<Outcome> {
  return bench.run(verb, args)
}

/** As virsh says it. */
async function stateNow(): Promise<string> {
  return (await daemon.virsh('domstate', guest.name)).trim()
}

describe.skipIf(missing !== undefined)('verbs on a real libvirtd, seen by virsh', () => {
  beforeAll(async () => {
    daemon = await startLibvirtDaemon()
    control = new LibvirtControl({ socket: daemon.socketRo, runRoot: '/nowhere', uri: 'qemu:///system' })
    guest = await defineGuest(daemon, { name: 'guest' })
    bench = new VerbBench(control, guest.uuid)
  })
  afterAll(async () => {
    control?.close()
    await daemon?.stop()
  })

  it('starts, halts, goes on, resets, ends', async () => {
    expect(await stateNow()).toBe('shut off')
    expect(await bench.refusedNow()).toEqual([
      'shutdown',
      'reboot',
      'reset',
      'destroy',
      'suspend',
      'resume',
      'limit',
      'unlimit',
      'save',
      'migrate',
      'resolve',
      'exec',
    ])
    expect(await run('start')).toEqual({ state: 'succeeded' })
    expect(await stateNow()).toBe('running')
    expect(await bench.refusedNow()).toEqual(['start', 'resume', 'restore', 'undefine', 'migrate', 'resolve', 'exec'])
    expect(await run('suspend')).toEqual({ state: 'succeeded' })
    expect(await stateNow()).toBe('paused')
    expect(await bench.refusedNow()).toEqual([
      'start',
      'shutdown',
      'reboot',
      'suspend',
      'memory',
      'vcpus',
      'memory-statistics',
      'restore',
      'undefine',
      'migrate',
      'resolve',
      'exec',
    ])
    expect(await run('resume')).toEqual({ state: 'succeeded' })
    expect(await stateNow()).toBe('running')
    const pid = await guest.pid()
    expect(await run('reset')).toEqual({ state: 'succeeded' })
    expect(await guest.pid()).toBe(pid)
    expect(await run('reboot')).toEqual({ state: 'succeeded' })
    expect(await run('destroy')).toEqual({ state: 'succeeded' })
    expect(await daemon.virsh('domstate', '--reason', guest.name)).toMatch(/shut off \(destroyed\)/)
  })

  it('shuts a guest down that is asked while it boots', async () => {
    await run('start')
    // It has not booted: its first second hears nothing.
    expect(await run('shutdown')).toMatchObject({ state: 'succeeded' })
    expect(await daemon.virsh('domstate', '--reason', guest.name)).toMatch(/shut off \(shutdown\)/)
  })

  it('sets autostart', async () => {
    expect(await run('autostart', { enabled: 'on' })).toEqual({ state: 'succeeded' })
    expect(await daemon.virsh('dominfo', guest.name)).toMatch(/Autostart: +enable/)
    await run('autostart', { enabled: 'off' })
    expect(await daemon.virsh('dominfo', guest.name)).toMatch(/Autostart: +disable/)
  })

  it('says that nothing was done where libvirt refuses', async () => {
    await expect(control.power(guest.uuid, 'destroy', signal)).rejects.toBeInstanceOf(ActionRefused)
    await expect(control.power(guest.uuid, 'resume', signal)).rejects.toThrow(/not running/)
    const other = guest.uuid.replace(/.$/, (last) => (last === '0' ? '1' : '0'))
    expect(await control.look(other, signal)).toBeUndefined()
    await expect(control.power(other, 'start', signal)).rejects.toBeInstanceOf(ActionRefused)
  })

  it('sees what came of a start whose answer was lost with the daemon', async () => {
    const context = await bench.contextOf({})
    await run('start')
    await daemon.killDaemon()
    await expect(control.look(guest.uuid, signal)).rejects.toBeInstanceOf(HypervisorUnavailable)
    await daemon.startDaemon()
    expect(await allVerbs.start.seen(context)).toEqual({ state: 'succeeded', reason: 'it is running' })
    expect(await allVerbs.destroy.seen(await bench.contextOf({}))).toMatchObject({ state: 'unknown' })
    expect(await stateNow()).toBe('running')
  })
})
