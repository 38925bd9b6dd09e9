import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { agentVerdicts, firstRefusal } from '../../../agent/commands/command-checks.js'
import { allVerbs } from '../../../agent/commands/verbs/all-verbs.js'
import type { Outcome, VerbContext } from '../../../agent/commands/verbs/verb-work.js'
import { ActionRefused, HypervisorUnavailable } from '../../../agent/hypervisor/hypervisor.js'
import { LibvirtControl } from '../../../agent/hypervisor/libvirt/control.js'
import { pause } from '../../../common/lifecycle.js'
import { verbNames, type VerbName } from '../../../common/verbs.js'
import { libvirtMissing, startLibvirtDaemon, type LibvirtDaemon } from '../../support/libvirt-daemon.js'
import { defineGuest, type Guest } from '../../support/libvirt-guest.js'

const missing = libvirtMissing()
if (missing !== undefined) console.warn(`the tests with a real libvirtd are skipped: ${missing}`)

let daemon: LibvirtDaemon
let guest: Guest
let control: LibvirtControl
const { signal } = new AbortController()

async function contextOf(args: Readonly<Record<string, string>>): Promise<VerbContext> {
  const before = await control.look(guest.uuid, signal)
  if (before === undefined) throw new Error('no such VM')
  const say = (): void => undefined
  return { vmUuid: guest.uuid, args, before, control, signal, say, pause: (ms) => pause(ms, signal) }
}

async function run(verb: VerbName, args: Readonly<Record<string, string>> = {}): Promise<Outcome> {
  return allVerbs[verb].run(await contextOf(args))
}

/** As virsh says it. */
async function stateNow(): Promise<string> {
  return (await daemon.virsh('domstate', guest.name)).trim()
}

/** Verbs that are refused now because of the VM's state. */
async function refusedNow(): Promise<string[]> {
  const { before: vm } = await contextOf({})
  return verbNames.filter((verb) => {
    const args: Record<string, string> = verb === 'autostart' ? { enabled: 'on' } : {}
    const allow = [{ verbs: verbNames, vms: ['*'] }]
    const spec = { id: 'c', hostId: 'h', verb, vmUuid: guest.uuid, args, startBeforeMs: 0, timeoutMs: 0, actor: '' }
    const at = { weekday: 0, minute: 0 }
    const circumstances = { isServed: true, control, allow, at, vm }
    return firstRefusal(agentVerdicts({ ...spec, dryRun: false, onlyReport: false }, circumstances)) !== undefined
  })
}

describe.skipIf(missing !== undefined)('verbs on a real libvirtd, seen by virsh', () => {
  beforeAll(async () => {
    daemon = await startLibvirtDaemon()
    control = new LibvirtControl({ socket: daemon.socketRo, runRoot: '/nowhere', uri: 'qemu:///system' })
    guest = await defineGuest(daemon, { name: 'guest' })
  })
  afterAll(async () => {
    control?.close()
    await daemon?.stop()
  })

  it('starts, halts, goes on, resets, ends', async () => {
    expect(await stateNow()).toBe('shut off')
    expect(await refusedNow()).toEqual(['shutdown', 'reboot', 'reset', 'destroy', 'suspend', 'resume'])
    expect(await run('start')).toEqual({ state: 'succeeded' })
    expect(await stateNow()).toBe('running')
    expect(await refusedNow()).toEqual(['start', 'resume'])
    expect(await run('suspend')).toEqual({ state: 'succeeded' })
    expect(await stateNow()).toBe('paused')
    expect(await refusedNow()).toEqual(['start', 'shutdown', 'reboot', 'suspend'])
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
    const context = await contextOf({})
    await run('start')
    await daemon.killDaemon()
    await expect(control.look(guest.uuid, signal)).rejects.toBeInstanceOf(HypervisorUnavailable)
    await daemon.startDaemon()
    expect(await allVerbs.start.seen(context)).toEqual({ state: 'succeeded', reason: 'it is running' })
    expect(await allVerbs.destroy.seen(await contextOf({}))).toMatchObject({ state: 'unknown' })
    expect(await stateNow()).toBe('running')
  })
})
