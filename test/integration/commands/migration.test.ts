import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'

import { alertView } from '../../../controller/api/views.js'
import { labMissing, startLab, type Lab } from '../../lab/lab.js'
import { Commands, startMovingFleet } from '../../lab/migration-fleet.js'
import type { FleetOnLab } from '../../support/fleet-on-lab.js'
import { waitFor } from '../../support/wait-for.js'

const missing = labMissing()
if (missing !== undefined) console.warn(`the tests of migrations are skipped: ${missing}`)

let lab: Lab
let fleet: FleetOnLab
let commands: Commands
let data: string

/** What every host's libvirt says of a guest. */
async function states(name: string): Promise<(string | undefined)[]> {
  return Promise.all(lab.hosts.map(async (host) => (await host.vmStates()).get(name)))
}

describe.skipIf(missing !== undefined)('migrations by command, seen by virsh', () => {
  beforeAll(async () => {
    data = await mkdtemp(join(tmpdir(), 'headroom-moves-'))
    lab = await startLab({ hosts: 2, guests: 1, seed: 'moves' })
    fleet = await startMovingFleet(lab, data)
    commands = new Commands(() => fleet.url, data)
    await waitFor(60_000, 'the VM and both hosts to be seen', async () => {
      const isSeen = (await commands.vms()).some(({ state, host }) => state === 'running' && host === 'hv1')
      return isSeen && (await commands.hostNames()).includes('hv2')
    })
  }, 180_000)
  afterAll(async () => {
    await fleet?.stop()
    await lab?.stop()
    if (data !== undefined) await rm(data, { recursive: true, force: true })
  })

  it('say in a dry run what both hosts find, and do nothing', async () => {
    const { id } = await commands.ask('migrate', 'vm1', { to: 'hv2' }, { dryRun: true })
    const dry = await commands.end(id, 30_000)
    expect(dry).toMatchObject({ state: 'succeeded', reason: '' })
    const checks = dry.verdicts.map(({ check }) => check)
    for (const check of ['kind', 'memory', 'disk vda', 'fence', 'hv1: passthrough', 'hv2: emulator', 'hv2: bridges'])
      expect(checks).toContain(check)
    expect(await states('vm1')).toEqual(['running', undefined])
  })

  it('are refused where they cannot be', async () => {
    for (const to of ['hv1', 'hv9', 'hv2;id'])
      expect((await commands.ask('migrate', 'vm1', { to })).state).toBe('refused')
    expect((await commands.ask('discard', 'vm1', {})).state).toBe('refused')
    expect(await states('vm1')).toEqual(['running', undefined])
  })

  it('do not move one whose disks are limited for a time', async () => {
    const limited = await commands.ask('limit', 'vm1', { write: '50MiB/s', for: '1h' })
    expect(await commands.end(limited.id, 30_000)).toMatchObject({ state: 'succeeded' })
    const { id } = await commands.ask('migrate', 'vm1', { to: 'hv2' })
    expect(await commands.end(id, 30_000)).toMatchObject({
      state: 'refused',
      reason: expect.stringMatching(/its disks are limited until .*unlimit/),
    })
    expect(await states('vm1')).toEqual(['running', undefined])
    const ended = await commands.ask('unlimit', 'vm1', {})
    expect(await commands.end(ended.id, 30_000)).toMatchObject({ state: 'succeeded' })
  })

  it('move a guest that writes, which is then defined and runs on the other host only', async () => {
    const guest = lab.guest('vm1')
    await lab.hosts[0]?.virsh('autostart', 'vm1')
    await guest.load('write', 'vda', 2048)
    const { id } = await commands.ask('migrate', 'vm1', { to: 'hv2' })
    expect(await commands.end(id, 60_000)).toMatchObject({ state: 'succeeded', reason: 'it runs on hv2' })
    expect((await states('vm1'))[1]).toBe('running')
    expect(await lab.hosts[1]?.virsh('dominfo', 'vm1')).toMatch(/^Autostart: +enable$/m)
    await waitFor(20_000, 'the old host to forget it', async () => (await states('vm1'))[0] === undefined)
    expect(await guest.unload('vda')).toBeGreaterThan(0)
    await waitFor(20_000, 'one VM, on its new host', async () => {
      const vms = await commands.vms()
      return vms.length === 1 && vms[0]?.host === 'hv2' && vms[0].state === 'running'
    })
    const steps = (await commands.list()).filter(({ stepOf }) => stepOf === id)
    expect(steps.map(({ verb, state }) => [verb, state])).toEqual([
      ['discard', 'succeeded'],
      ['arrive', 'succeeded'],
      ['receive', 'succeeded'],
      ['offer', 'succeeded'],
    ])
    expect(steps.at(-1)?.output).toMatch(/<name>vm1<\/name>/)
  })

  it('do not move one that was given a vCPU after its start: libvirt cannot', async () => {
    const [, two] = lab.hosts
    await two?.virsh('setvcpus', 'vm1', '2', '--config', '--maximum')
    await two?.virsh('destroy', 'vm1')
    await two?.virsh('start', 'vm1')
    await waitFor(60_000, 'the VM to be seen', async () => (await commands.vms())[0]?.state === 'running')
    const more = await commands.ask('vcpus', 'vm1', { count: '2' })
    expect(await commands.end(more.id, 30_000)).toMatchObject({ state: 'succeeded' })
    expect(await two?.virsh('vcpucount', 'vm1', '--current', '--live')).toMatch(/^2/)
    const { id } = await commands.ask('migrate', 'vm1', { to: 'hv1' })
    expect(await commands.end(id, 60_000)).toMatchObject({
      state: 'refused',
      reason: expect.stringMatching(/was given a vCPU after its start/),
    })
    expect(await states('vm1')).toEqual([undefined, 'running'])
  })

  it('that have left one halted on both hosts are named within a minute, with the command that helps', async () => {
    const [one, two] = lab.hosts
    const file = join(data, 'vm1.xml')
    await writeFile(file, (await two?.virsh('dumpxml', 'vm1', '--inactive')) ?? '')
    await two?.virsh('suspend', 'vm1')
    // As a libvirtd leaves it there whose word of the end was lost.
    await one?.virsh('create', file, '--paused')
    expect(await states('vm1')).toEqual(['paused', 'paused'])
    const alerts = z.object({ alerts: z.array(alertView) })
    await waitFor(60_000, 'it to be named', async () => {
      const found = alerts.parse(await fleet.api('/api/v1/alerts')).alerts
      return found.some(({ check, phase, message }) => {
        const isIt = check === 'vm-halted-by-move' && phase === 'firing'
        return isIt && message.startsWith('it is halted on hv1 and hv2 at once, and runs nowhere')
      })
    })
    await one?.virsh('destroy', 'vm1')
  })
})
