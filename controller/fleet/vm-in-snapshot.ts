import type { Disk, Nic, Vm } from '../model/snapshot.js'
import type { Metrics } from './absence.js'
import type { CopyContext, VmCopy } from './vm-copy.js'
import type { VmParts } from './vm-parts.js'

/** What readers of a snapshot see of a VM's copy. */
export function vmOf(
  copy: VmCopy,
  parts: VmParts,
  { vcpus, guestMemoryAt }: { readonly vcpus: number | undefined; readonly guestMemoryAt: number | undefined },
  revision: number,
  context: CopyContext,
): Vm {
  const { facts } = copy
  return {
    uuid: copy.uuid,
    revision,
    name: copy.name,
    hostId: context.hostId,
    simulated: context.simulated,
    state: copy.state,
    stateReason: copy.stateReason,
    stateSince: copy.stateSince,
    runId: copy.runId,
    vcpus,
    owner: facts?.owner ?? '',
    group: facts?.group ?? '',
    service: facts?.service ?? '',
    title: facts?.title ?? '',
    autostart: facts?.autostart,
    osType: facts?.osType ?? '',
    diskIds: copy.diskIds,
    nics: nicsOf(copy, parts, context),
    metrics: guestTimes(parts.metrics, guestMemoryAt),
    gaps: copy.gaps,
    lastSampleAt: copy.lastSampleAt,
  }
}

export function disksOf(copy: VmCopy, revision: number, context: CopyContext): Disk[] {
  return copy.disks.map((disk) => ({
    ...disk,
    revision,
    metrics: copy.diskMetrics(disk.target, context),
    exchanged: copy.diskExchanged(disk.target),
  }))
}

/** Those of the definition, and those that were read. */
function nicsOf({ facts }: VmCopy, parts: VmParts, context: CopyContext): Nic[] {
  const defined = new Map((facts?.nics ?? []).map((nic) => [nic.device, nic]))
  const devices = new Set([...defined.keys(), ...parts.nicDevices])
  return [...devices].map((device) => ({
    device,
    mac: defined.get(device)?.mac ?? '',
    network: defined.get(device)?.network ?? '',
    model: defined.get(device)?.model ?? '',
    metrics: parts.nicMetrics(device, context),
  }))
}

/** The guest's own figures are as old as the guest says, not as our reading. */
function guestTimes(metrics: Metrics, guestAt: number | undefined): Metrics {
  if (guestAt === undefined) return metrics
  const timed = { ...metrics }
  for (const field of ['memoryGuestUsedBytes', 'memoryGuestAvailableBytes']) {
    const metric = metrics[field]
    if (metric !== undefined && 'value' in metric) timed[field] = { ...metric, at: guestAt }
  }
  return timed
}
