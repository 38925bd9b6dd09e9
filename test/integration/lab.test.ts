import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'

import { arrayView, vmView } from '../../controller/api/views.js'
import { labMissing, startLab, type Lab } from '../lab/lab.js'
import { migrationTrial } from '../lab/migration-trial.js'
import { misplaced, placementsOf } from '../lab/placement.js'
import { startFleetOnLab, type FleetOnLab } from '../support/fleet-on-lab.js'
import { temporaryDirectory } from '../support/running-product.js'
import { waitFor } from '../support/wait-for.js'

/** The built controller and three agents on three hypervisors. virsh, the guests and the iSCSI target are the witnesses. */

const missing = labMissing()
if (missing !== undefined) console.warn(`the tests on a lab are skipped: ${missing}`)

const vmList = z.object({ vms: z.array(vmView) })
const arrayList = z.object({ arrays: z.array(arrayView) })

let lab: Lab
let fleet: FleetOnLab
let directory: Awaited<ReturnType<typeof temporaryDirectory>>
const figures: Record<string, string> = {}

async function vms(): Promise<readonly z.output<typeof vmView>[]> {
  return vmList.parse(await fleet.api('/api/v1/vms')).vms
}

describe.skipIf(missing !== undefined)('three hosts with three guests on one array', () => {
  beforeAll(async () => {
    const began = performance.now()
    ;[lab, directory] = await Promise.all([
      startLab({ hosts: 3, guests: 3, seed: 'integration' }),
      temporaryDirectory('headroom-fleet-'),
    ])
    figures['lab up after'] = `${Math.round(performance.now() - began)} ms`
    fleet = await startFleetOnLab(lab, directory.path)
  })

  afterAll(async () => {
    // What was measured, for the record.
    console.info(JSON.stringify(figures, undefined, 2))
    await fleet?.stop()
    await lab?.stop()
    await directory?.remove()
  })

  it('are all on the API within 20 s of the agents, each VM with its host, array and LUN', async () => {
    await waitFor(30_000, 'three running VMs', async () => {
      return (await vms()).filter(({ state }) => state === 'running').length === 3
    })
    const sinceMs = performance.now() - Math.max(...fleet.agents.map(({ startedAt }) => startedAt))
    figures['all VMs on the API after'] = `${Math.round(sinceMs)} ms`
    expect(sinceMs).toBeLessThan(20_000)
    // What virsh, the domains' XML and the target say.
    const placements = await placementsOf(lab)
    expect(placements.map(({ disks }) => disks.map(({ target, unit }) => [target, unit]))).toEqual([
      [['vda', '1']],
      [['vda', '2']],
      [['vda', '3']],
    ])
    expect(misplaced(placements, await vms())).toEqual([])
    const { arrays } = arrayList.parse(await fleet.api('/api/v1/arrays'))
    const iscsi = arrays.filter(({ kind }) => kind === 'iscsi')
    expect(iscsi.map(({ key, hosts, vms }) => ({ key, hosts: hosts.length, vms: vms.toSorted() }))).toEqual([
      { key: `iscsi:${lab.arrays[0]?.iqn}`, hosts: 3, vms: ['vm1', 'vm2', 'vm3'] },
    ])
  })

  it('are machines of their own: names, networks, processes, libvirt daemons', async () => {
    const [first, second] = lab.hosts
    if (first === undefined || second === undefined) throw new Error('no hosts')
    expect(await first.run(['hostname'])).toBe(`${first.name}\n`)
    const addresses = await first.run(['ip', '-brief', 'address', 'show', 'br0'])
    expect(addresses).toContain(`${first.address}/16`)
    expect(await first.run(['bash', '-c', `exec 3<>/dev/tcp/${second.name}/16509 && echo reached`])).toBe('reached\n')
    expect(await first.run(['ip', '-brief', 'address'], { network: 'outside' })).not.toContain(first.address)
    const commands = await Promise.all(
      (await readdir(first.procRoot))
        .filter((name) => /^\d+$/.test(name))
        .map((pid) => readFile(path.join(first.procRoot, pid, 'cmdline'), 'utf8').catch(() => '')),
    )
    const guests = commands.flatMap((command) => /^\S*qemu-system.*-uuid\0([\w-]+)/.exec(command)?.[1] ?? [])
    expect(guests).toEqual([lab.guest('vm1').uuid])
    await first.killLibvirtd()
    await expect(first.virsh('version')).rejects.toThrow('virsh')
    await first.startLibvirtd()
    expect((await first.vmStates()).get('vm1')).toBe('running')
  })

  it('a guest that moves while it writes: there within 2 s, one series, its integral is what was written', async () => {
    const guest = lab.guest('vm1')
    const beatsBefore = (await guest.beats()).length
    const { migrations, ...trial } = await migrationTrial(lab, fleet, guest, {
      count: 1,
      seed: lab.seed,
      kibPerSecond: 4096,
      restMs: 5000,
    })
    const [migration] = migrations
    figures['migration'] = JSON.stringify({ ...migration, ...trial })
    expect(migration?.appearedAfterMs).toBeLessThan(2000)
    expect(trial.largestGapMs).toBeLessThan(4000)
    expect(trial.pointsApart).toBe(0)
    expect(Math.abs(trial.relativeError)).toBeLessThan(0.01)
    // The target saw the same, but for what a session did between the last look at it and its end.
    expect(Math.abs(trial.arrivedBytes / trial.writtenBytes - 1)).toBeLessThan(0.1)
    // It is the same guest still: its count goes on, and it has not booted anew.
    const beats = await guest.beats()
    expect(beats.length).toBeGreaterThan(beatsBefore)
    expect(new Set(beats).size).toBe(beats.length)
  })
})
