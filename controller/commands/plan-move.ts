import { isEnd, type Verdict } from '../../common/verbs.js'
import type { Balance } from '../checks/memory-ledger.js'
import type { Snapshot, Vm } from '../model/snapshot.js'
import type { Command } from './command.js'
import type { Maintenance } from './maintenance.js'
import type { Move } from './migration.js'
import { mayHaveBytes, migrationVerdicts } from './migration-checks.js'

export interface Planned {
  readonly move?: Move
  readonly verdicts: readonly Verdict[]
}

interface Known {
  readonly snapshot: Pick<Snapshot, 'hosts' | 'vms' | 'disks' | 'arrays'>
  readonly balanceOf: (hostId: string) => Balance | undefined
  readonly maintenanceOf: (hostId: string) => Maintenance | undefined
  readonly commands: readonly Command[]
}

/** Between which hosts a command moves a VM, and what speaks against it; undefined: it moves nothing. Pure. */
export function planMove(
  { verb, args }: { readonly verb: string; readonly args: Readonly<Record<string, string>> },
  vm: Vm,
  known: Known,
): Planned | undefined {
  if (verb === 'migrate') return planMigrate(args, vm, known)
  if (verb === 'resolve') return planResolve(args, vm, known)
  return undefined
}

function planMigrate(args: Readonly<Record<string, string>>, vm: Vm, known: Known): Planned {
  const { snapshot, balanceOf, maintenanceOf } = known
  const to = args['to'] ?? ''
  const target = [...snapshot.hosts.values()].find(({ id, name }) => name === to || id === to)
  const balance = target && balanceOf(target.id)
  const source = snapshot.hosts.get(vm.hostId)
  const coming = target === undefined ? 0 : comingBytes(vm, target.id, known)
  const verdicts = migrationVerdicts({
    vm,
    disks: vm.diskIds.flatMap((id) => snapshot.disks.get(id) ?? []),
    source,
    to,
    target,
    targetMaintenance: target && maintenanceOf(target.id),
    targetSpareBytes: balance !== undefined && 'spareBytes' in balance ? balance.spareBytes - coming : undefined,
    targetComingBytes: coming,
    arrays: snapshot.arrays,
  })
  if (target === undefined || source === undefined) return { verdicts }
  const hosts = { toHostId: target.id, toHostName: target.name, fromHostId: source.id, fromHostName: source.name }
  return { move: hosts, verdicts }
}

/** What other VMs may have there that are on their way to the same host, and do not count on it yet. */
function comingBytes(vm: Vm, targetId: string, { snapshot, commands }: Known): number {
  const uuids = commands.flatMap(({ verb, vmUuid, dryRun, state, move }) => {
    const isUnderWay = verb === 'migrate' && !dryRun && !isEnd(state) && state !== 'pending-approval'
    return isUnderWay && move?.toHostId === targetId && vmUuid !== vm.uuid ? [vmUuid] : []
  })
  return [...new Set(uuids)].reduce((sum, uuid) => {
    const other = snapshot.vms.get(uuid)
    return other === undefined || other.hostId === targetId ? sum : sum + (mayHaveBytes(other) ?? 0)
  }, 0)
}

function planResolve(args: Readonly<Record<string, string>>, vm: Vm, { snapshot, commands }: Known): Planned {
  // One that was not sent has moved nothing, and no agent knows of it.
  const last = commands.find(
    ({ verb, vmUuid, dryRun, sentAt }) => verb === 'migrate' && vmUuid === vm.uuid && !dryRun && sentAt !== undefined,
  )
  const no = (says: string): Planned => ({ verdicts: [{ check: 'migration', ok: false, says }] })
  if (last?.move === undefined) return no('no migration of it is known')
  const { fromHostId, fromHostName, toHostId, toHostName, autostart = false } = last.move
  const sides = [
    { id: fromHostId, name: fromHostName },
    { id: toHostId, name: toHostName },
  ]
  const kept = sides.find(({ id, name }) => id === args['keep'] || name === args['keep'])
  const other = sides.find((side) => side !== kept)
  if (kept === undefined || other === undefined)
    return no(`its last migration was from ${fromHostName} to ${toHostName}: keep one of these`)
  const runs = vm.hostId === kept.id && (vm.state === 'running' || vm.state === 'blocked')
  const isElsewhere = !runs && (vm.state === 'running' || vm.state === 'blocked')
  if (isElsewhere) return no(`it runs on ${snapshot.hosts.get(vm.hostId)?.name ?? vm.hostId}`)
  const hosts = { toHostId: kept.id, toHostName: kept.name, fromHostId: other.id, fromHostName: other.name }
  const says = `command ${last.number} moved it from ${fromHostName} to ${toHostName}`
  return { move: { ...hosts, runs, autostart, moveId: last.id }, verdicts: [{ check: 'migration', ok: true, says }] }
}
