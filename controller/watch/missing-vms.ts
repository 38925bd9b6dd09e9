import type { MissingVm, VmEnd } from '../model/recent-changes.js'
import { occupiesMemory, type FleetEvent, type Snapshot, type Vm } from '../model/snapshot.js'
import { endByReason, endToldBy } from './vm-end.js'

/** What a host said last of the end of one of its VMs. */
export interface ToldEnd {
  readonly hostId: string
  readonly atMs: number
  readonly end: VmEnd
}

/** By UUID. */
export interface MissingVms {
  readonly missing: ReadonlyMap<string, MissingVm>
  /** Ends that were told of VMs that may go in consequence. */
  readonly ends: ReadonlyMap<string, ToldEnd>
}

/** From what a host says of a VM's end to the moment when it does not list the VM any more. The longest beat is five minutes. */
const endToGoneMs = 600_000
/** What is missing on purpose is kept that long: an event that is late may tell otherwise. */
const onPurposeKeptMs = 3_600_000
const missingKeptMs = 30 * 86_400_000
const mostMissing = 1000
const mostEnds = 10_000

/** The ends, and what is missing, after more was told. Events may be late: what is newer stands. */
export function toldEnds({ missing, ends }: MissingVms, events: readonly FleetEvent[]): MissingVms {
  const next = { missing: new Map(missing), ends: new Map(ends) }
  let changed = false
  for (const event of events) {
    const told = event.vmUuid === '' ? undefined : endToldBy(event)
    if (told === undefined) continue
    changed = true
    tell(next.ends, event, told)
    const gone = next.missing.get(event.vmUuid)
    if (gone?.hostId !== event.hostId || event.at < gone.endAtMs) continue
    const end = told === 'alive' ? 'nothing' : afterMove(gone, told, event.at)
    next.missing.set(gone.uuid, { ...gone, end, endAtMs: event.at })
  }
  if (!changed) return { missing, ends }
  for (const uuid of next.ends.keys()) {
    if (next.ends.size <= mostEnds) break
    next.ends.delete(uuid)
  }
  return next
}

function tell(ends: Map<string, ToldEnd>, { vmUuid, hostId, at: atMs }: FleetEvent, told: VmEnd | 'alive'): void {
  const before = ends.get(vmUuid)
  if (before?.hostId === hostId && atMs < before.atMs) return
  ends.delete(vmUuid)
  if (told === 'alive') return
  const end = before?.hostId === hostId ? afterMove({ end: before.end, endAtMs: before.atMs }, told, atMs) : told
  ends.set(vmUuid, { hostId, atMs, end })
}

/** The host that a VM left undefines it, in consequence. */
function afterMove({ end, endAtMs }: Pick<MissingVm, 'end' | 'endAtMs'>, told: VmEnd, atMs: number): VmEnd {
  return end === 'moved' && told === 'removed' && atMs - endAtMs <= endToGoneMs ? 'moved' : told
}

/** What is missing after the fleet went from one snapshot to the next. `before` and `now` may be the same. */
export function missingAfter(
  { missing, ends }: MissingVms,
  before: Snapshot,
  now: Snapshot,
): { readonly missing: ReadonlyMap<string, MissingVm>; readonly dropped: number } {
  const next = new Map<string, MissingVm>()
  for (const [uuid, gone] of missing) if (isStillMissing(gone, now)) next.set(uuid, gone)
  let isSame = next.size === missing.size
  if (before.vms !== now.vms) {
    for (const vm of before.vms.values()) {
      if (now.vms.has(vm.uuid) || next.has(vm.uuid)) continue
      const host = now.hosts.get(vm.hostId)
      // It left the fleet with its host.
      if (host === undefined) continue
      next.set(vm.uuid, {
        ...whatIsKept(vm),
        hostName: host.name,
        ...endOf(vm, ends.get(vm.uuid), now.at),
        sinceMs: now.at,
      })
      isSame = false
    }
  }
  let dropped = 0
  for (const uuid of next.keys()) {
    if (next.size <= mostMissing) break
    next.delete(uuid)
    dropped += 1
  }
  return { missing: isSame ? missing : next, dropped }
}

/** Ends of long ago explain nothing any more. */
export function freshEnds(ends: ReadonlyMap<string, ToldEnd>, atMs: number): ReadonlyMap<string, ToldEnd> {
  const fresh = [...ends].filter(([, end]) => atMs - end.atMs <= endToGoneMs)
  return fresh.length === ends.size ? ends : new Map(fresh)
}

export function isOnPurpose({ end }: Pick<MissingVm, 'end'>): boolean {
  return end === 'removed' || end === 'ended'
}

function isStillMissing(gone: MissingVm, { vms, hosts, at }: Snapshot): boolean {
  if (!hosts.has(gone.hostId)) return false
  if (at - gone.sinceMs > (isOnPurpose(gone) ? onPurposeKeptMs : missingKeptMs)) return false
  // After a start of the controller it may be there only because nothing was heard of its host yet.
  const vm = vms.get(gone.uuid)
  return vm === undefined || hosts.get(vm.hostId)?.status !== 'up'
}

function whatIsKept({
  uuid,
  name,
  owner,
  group,
  service,
  hostId,
  state,
}: Vm): Omit<MissingVm, 'hostName' | 'sinceMs' | 'end' | 'endAtMs'> {
  return { uuid, name, owner, group, service, hostId, ran: state !== 'unknown' && occupiesMemory(state) }
}

function endOf(vm: Vm, told: ToldEnd | undefined, atMs: number): Pick<MissingVm, 'end' | 'endAtMs'> {
  if (told !== undefined && told.hostId === vm.hostId && atMs - told.atMs <= endToGoneMs) {
    return { end: told.end, endAtMs: told.atMs }
  }
  const isOff = vm.state === 'shutoff' || vm.state === 'crashed'
  // What is told from now on is news, though it may have happened before this.
  if (!isOff || atMs - vm.stateSince > endToGoneMs) return { end: 'nothing', endAtMs: 0 }
  return { end: vm.state === 'crashed' ? 'crashed' : endByReason(vm.stateReason), endAtMs: vm.stateSince }
}
