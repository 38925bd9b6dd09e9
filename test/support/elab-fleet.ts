import type { Snapshot } from '../../controller/model/snapshot.js'
import { buildSnapshot, type HostRow, type VmRow } from './snapshot-builder.js'

/**
 * A university lab's fleet of 2012: the first acceptance scenario. Four Xen hosts with one iSCSI array, one ESXi host; 31 VMs.
 * Memory of single VMs is not on record, only each Xen host's sum; the split here keeps those sums.
 */

export const elabArrayKey = 'iscsi:iqn.2011-04.example.elab:iscsi1'

const xen = { kind: 'xen', version: '3.4.3' } as const

const hosts: readonly HostRow[] = [
  { name: 'xenhv01', ...xen, memoryMiB: 8192 },
  { name: 'xenhv02', ...xen, memoryMiB: 8192 },
  { name: 'xenhv03', ...xen, memoryMiB: 8192 },
  { name: 'xenhv04', ...xen, memoryMiB: 16_384 },
  { name: 'esxhv01', kind: 'esxi', version: '5.0', memoryMiB: 8192 },
]

/** `name memoryMiB`; a star after it: its disk is on the iSCSI array. */
const vmsByHost = {
  xenhv01:
    'bell 1024, maxwell 512*, fleming 512*, lupin 1024*, ggw 512*, ns 512*, www 1024*, motty 1024, secretary 512',
  xenhv02: 'tesla 1024*, auth 512*, mail 1024*, jo2lxq 1024, gucchi 1024, fiap-mgmt 512, mozilla 1024',
  xenhv03: 'panda 2048',
  xenhv04:
    'ace 1024, dk 1024, gashi 1024, kinoshita 1024, kohaku 1024, kure 2048*, shou 1024, take 1024, tritm 1024*, tsuchy 1024, ictepc 2048*',
  esxhv01: 'elab-gw 1024, cc 1024, mail2 1024',
} as const

const vms: readonly VmRow[] = Object.entries(vmsByHost).flatMap(([host, list]) =>
  list.split(', ').map((entry) => {
    const [name = '', size = ''] = entry.split(' ')
    const row = { name, host, memoryMiB: Number.parseInt(size, 10) }
    return size.endsWith('*') ? { ...row, array: elabArrayKey } : row
  }),
)

export function elabSnapshot(): Snapshot {
  return buildSnapshot({ hosts, vms, arrays: [{ key: elabArrayKey, name: 'iscsi1', kind: 'iscsi' }] })
}
