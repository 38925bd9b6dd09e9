import type { AlertDesk } from '../alerts/desk/alert-desk.js'
import type { Capacity } from '../checks/capacity.js'
import type { FleetLook, Look } from '../fleet-look.js'
import type { Alert } from '../model/alert.js'
import type { Policy } from '../model/policy.js'
import {
  isRunning,
  type AgentState,
  type Disk,
  type Host,
  type Snapshot,
  type StorageArray,
  type Vm,
} from '../model/snapshot.js'
import { arrayNameFor } from '../policy/policy-index.js'
import { labelParts, type VmLabels } from '../policy/resolve.js'
import { agentView } from './to-view/agent-view.js'
import { alertView } from './to-view/alert-view.js'
import { arrayCacheView } from './to-view/array-cache-view.js'
import { arrayView } from './to-view/array-view.js'
import { hostView } from './to-view/host-view.js'
import { vmView } from './to-view/vm-view.js'
import { ViewCache } from './view-cache.js'
import type { AgentView, AlertView, ArrayView, HostView, VmView } from './views.js'

/** One look at the fleet, and views of all entities in it. A view that did not change since the set before is the same object. */
export interface ViewSet extends Look {
  /** By id. */
  readonly hosts: ReadonlyMap<string, HostView>
  /** By uuid. */
  readonly vms: ReadonlyMap<string, VmView>
  /** By key. */
  readonly arrays: ReadonlyMap<string, ArrayView>
  /** By id. */
  readonly agents: ReadonlyMap<string, AgentView>
  /** Those that fire, by number. */
  readonly alerts: ReadonlyMap<string, AlertView>
}

/** Makes the views of the current look once, however many ask for them. */
export class FleetViews {
  readonly #hosts = new ViewCache<HostView>()
  readonly #vms = new ViewCache<VmView>()
  readonly #arrays = new ViewCache<ArrayView>()
  readonly #agents = new ViewCache<AgentView>()
  readonly #alerts = new ViewCache<AlertView>()
  #last: { readonly look: Look; readonly set: ViewSet; readonly alerts: ReadonlyMap<string, Alert> } | undefined

  constructor(
    private readonly look: Pick<FleetLook, 'current'>,
    private readonly alerts: Pick<AlertDesk, 'alerts'>,
  ) {}

  current(): ViewSet {
    const look = this.look.current()
    const { alerts } = this.alerts
    const last = this.#last
    if (last?.look === look && last.alerts === alerts) return last.set
    const set = this.#build(look, alerts)
    this.#last = { look, set, alerts }
    return set
  }

  #build(look: Look, alerts: ReadonlyMap<string, Alert>): ViewSet {
    const { snapshot, policy, capacity, labels } = look
    const arrayName = arrayNames(snapshot, policy)
    return {
      ...look,
      hosts: this.#hostViews(snapshot, capacity),
      vms: this.#vmViews(snapshot, arrayName, labels),
      arrays: this.#arrayViews(snapshot, arrayName, look.circumstances.arrays, look.labels),
      agents: this.#agents.update(
        snapshot.agents.values(),
        ({ id }) => id,
        (agent) => [agent, ...hostNames(snapshot, agent.hostIds)],
        (agent: AgentState) => agentView(agent, hostNames(snapshot, agent.hostIds)),
      ),
      alerts: this.#alertViews(alerts),
    }
  }

  /** Evidence and names change with the message. */
  #alertViews(alerts: ReadonlyMap<string, Alert>): ReadonlyMap<string, AlertView> {
    return this.#alerts.update(
      [...alerts.values()].filter(({ phase }) => phase === 'firing'),
      ({ number }) => String(number),
      ({ severity, finding, facts, sighting, acknowledged, silencedBy, wasSilenced, inhibitedBy }) => [
        severity,
        finding.message,
        ...finding.evidence.map(({ value }) => value),
        facts.host,
        facts.owners.join(' '),
        sighting,
        acknowledged,
        silencedBy,
        wasSilenced,
        inhibitedBy,
      ],
      (alert) => alertView(alert, alerts),
    )
  }

  #hostViews(snapshot: Snapshot, { hosts, storageServers }: Capacity): ReadonlyMap<string, HostView> {
    const counts = countVms(snapshot)
    const none = { vms: 0, runningVms: 0 }
    return this.#hosts.update(
      storageServers.length === 0 ? hosts : [...hosts, ...storageServers],
      ({ host }) => host.id,
      ({ host, ledger }) => {
        const { vms, runningVms } = counts.get(host.id) ?? none
        return [host, vms, runningVms, ledger.configuredBytes, ledger.reserveBytes, ...Object.values(ledger.balance)]
      },
      ({ host, ledger }) => hostView({ host, ledger, ...(counts.get(host.id) ?? none) }),
    )
  }

  #vmViews(
    snapshot: Snapshot,
    arrayName: (key: string) => string,
    labels: ReadonlyMap<string, VmLabels>,
  ): ReadonlyMap<string, VmView> {
    const host = (vm: Vm): Host | undefined => snapshot.hosts.get(vm.hostId)
    const doubled = (vm: Vm): boolean => snapshot.placements.get(vm.uuid)?.doubled ?? false
    return this.#vms.update(
      snapshot.vms.values(),
      ({ uuid }) => uuid,
      (vm) => [
        vm,
        host(vm)?.name,
        host(vm)?.status,
        host(vm)?.kind,
        doubled(vm),
        ...labelParts(labels.get(vm.uuid)),
        ...disksOf(vm, snapshot).flatMap((disk) => [disk, arrayName(disk.arrayKey)]),
      ],
      (vm) =>
        vmView({
          vm,
          host: host(vm),
          disks: disksOf(vm, snapshot).map((disk) => ({ disk, arrayName: arrayName(disk.arrayKey) })),
          doubled: doubled(vm),
          labels: labels.get(vm.uuid),
        }),
    )
  }

  #arrayViews(
    snapshot: Snapshot,
    arrayName: (key: string) => string,
    watched: Look['circumstances']['arrays'],
    labels: ReadonlyMap<string, VmLabels>,
  ): ReadonlyMap<string, ArrayView> {
    const watchedByKey = new Map(
      Array.from(watched?.values() ?? [], (one) => one.arrayKeys.map((key) => [key, one] as const)).flat(),
    )
    const parts = (array: StorageArray): { name: string; hosts: string[]; vms: string[] } => ({
      name: arrayName(array.key),
      hosts: hostNames(snapshot, array.hostIds),
      vms: vmNames(snapshot, array.diskIds),
    })
    return this.#arrays.update(
      snapshot.arrays.values(),
      ({ key }) => key,
      (array) => {
        const { name, hosts, vms } = parts(array)
        return [array, watchedByKey.get(array.key), name, hosts.length, ...hosts, ...vms]
      },
      (array) => {
        const one = watchedByKey.get(array.key)
        const cache = one === undefined ? undefined : arrayCacheView(one, snapshot, labels)
        return arrayView({ array, cache, ...parts(array) })
      },
    )
  }
}

/** What an array is called: by the policy, by those who report it, or its key. Looks each key up once. */
function arrayNames(snapshot: Snapshot, policy: Policy): (key: string) => string {
  const names = new Map<string, string>()
  return (key) => {
    let name = names.get(key)
    if (name === undefined) {
      name = arrayNameFor(policy, key) ?? (snapshot.arrays.get(key)?.name || key)
      names.set(key, name)
    }
    return name
  }
}

function countVms(snapshot: Snapshot): ReadonlyMap<string, { readonly vms: number; readonly runningVms: number }> {
  const counts = new Map<string, { vms: number; runningVms: number }>()
  for (const { hostId, state } of snapshot.vms.values()) {
    const count = counts.get(hostId) ?? { vms: 0, runningVms: 0 }
    count.vms += 1
    if (isRunning(state)) count.runningVms += 1
    counts.set(hostId, count)
  }
  return counts
}

function disksOf(vm: Vm, snapshot: Snapshot): Disk[] {
  return vm.diskIds.flatMap((id) => snapshot.disks.get(id) ?? [])
}

function hostNames(snapshot: Snapshot, ids: readonly string[]): string[] {
  return ids.map((id) => snapshot.hosts.get(id)?.name ?? id)
}

/** Each VM once, by name, though it may have several disks there. */
function vmNames(snapshot: Snapshot, diskIds: readonly string[]): string[] {
  const names = new Map<string, string>()
  for (const id of diskIds) {
    const vm = snapshot.vms.get(snapshot.disks.get(id)?.vmUuid ?? '')
    if (vm !== undefined) names.set(vm.uuid, vm.name)
  }
  return [...names.values()].sort()
}
