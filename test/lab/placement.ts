import { stat } from 'node:fs/promises'
import path from 'node:path'

import type { z } from 'zod'

import type { vmView } from '../../controller/api/views.js'
import type { Lun } from './iscsi-target.js'
import type { LabHost } from './lab-host.js'
import type { Lab } from './lab.js'

/** Where a guest is and what its disks are, by those who must know. */
export interface Placement {
  readonly uuid: string
  readonly name: string
  readonly host: string
  readonly hostUuid: string
  readonly disks: readonly {
    readonly target: string
    readonly arrayKey: string
    readonly unit: string
    readonly sizeBytes: number
  }[]
}

/**
 * The witnesses are virsh on every host (who runs it), its XML there (which disk is which LUN) and the iSCSI target (which
 * file is behind that LUN, and how large it is).
 * @throws Error if a guest does not run on exactly one host, or the witnesses contradict each other
 */
export async function placementsOf(lab: Lab): Promise<Placement[]> {
  const luns = await lab.iscsi.luns()
  const running = await Promise.all(lab.hosts.map(async (host) => ({ host, states: await host.vmStates() })))
  return Promise.all(
    lab.guests.map(async ({ name, uuid }) => {
      const homes = running.flatMap(({ host, states }) => (states.get(name) === 'running' ? host : []))
      const [host] = homes
      if (host === undefined || homes.length > 1) throw new Error(`${name} runs on ${homes.length} hosts`)
      return { uuid, name, host: host.name, hostUuid: host.hostUuid, disks: await disksOf(name, host, luns) }
    }),
  )
}

/** What the API says of the guests that is not so, in words. */
export function misplaced(placements: readonly Placement[], vms: readonly z.output<typeof vmView>[]): string[] {
  return placements.flatMap(({ uuid, name, host, hostUuid, disks }) => {
    const vm = vms.find((one) => one.uuid === uuid)
    if (vm === undefined) return [`${name} is not there`]
    const asked = { name, host, hostId: hostUuid, state: 'running', disks }
    const shown = {
      name: vm.name,
      host: vm.host,
      hostId: vm.hostId,
      state: vm.state,
      disks: vm.disks.map(({ target, arrayKey, unit, capacityBytes }) => {
        return { target, arrayKey, unit, sizeBytes: capacityBytes }
      }),
    }
    const [is, should] = [JSON.stringify(shown), JSON.stringify(asked)]
    return is === should ? [] : [`${name}: ${is} instead of ${should}`]
  })
}

async function disksOf(guest: string, host: LabHost, luns: readonly Lun[]): Promise<Placement['disks']> {
  const xml = await host.virsh('dumpxml', guest)
  const disks = [...xml.matchAll(/<disk type='network'.*?<\/disk>/gs)].map(async ([disk], index) => {
    const [, iqn, number] = /<source protocol='iscsi' name='([^'/]+)\/(\d+)'/.exec(disk) ?? []
    const [, target] = /<target dev='(\w+)'/.exec(disk) ?? []
    const lun = luns.find((one) => one.iqn === iqn && String(one.lun) === number)
    if (lun === undefined || target === undefined) throw new Error(`${guest}: no LUN of the target in ${disk}`)
    // Each file is named after whom it was made for.
    if (path.basename(lun.file) !== `${guest}-${index}.img`) throw new Error(`${guest}: ${target} lies on ${lun.file}`)
    const { size } = await stat(lun.file)
    return { target, arrayKey: `iscsi:${lun.iqn}`, unit: String(lun.lun), sizeBytes: size }
  })
  return Promise.all(disks)
}
