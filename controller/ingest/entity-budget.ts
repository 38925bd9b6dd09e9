import { TokenBucket } from '../../common/token-bucket.js'
import type { InventoryObservation, ReportObservation, VmObservation } from '../model/observation.js'
import { storageSeries } from '../model/storage-series.js'
import type { AgentLimits } from './agent-quotas.js'

/** Whether a name may be told of: one that is known, or for which there is room. */
export type Admits = (name: string) => boolean

const generationMs = 3_600_000

/**
 * The things that one agent has told of: VMs, disks, interfaces, arrays, file systems. Each is a series in the store, for as long
 * as points are kept. An agent that tells of new ones at every beat would fill the memory and the store: as many as it may have
 * are let in at once, and from then on some an hour. The rest is left out.
 */
export class EntityBudget {
  readonly #bucket: TokenBucket
  /** Names of this hour and of the one before, so that those that nobody tells of any more are forgotten. */
  #current = new Set<string>()
  #former = new Set<string>()
  #turnsAt: number

  constructor(
    private readonly limits: Pick<AgentLimits, 'entities' | 'newEntitiesPerHour'>,
    now: number,
  ) {
    this.#bucket = new TokenBucket({ perSecond: limits.newEntitiesPerHour / 3600, burst: limits.entities }, now)
    this.#turnsAt = now + generationMs
  }

  admits(name: string, now: number): boolean {
    if (now >= this.#turnsAt) this.#turn(now)
    if (this.#current.has(name)) return true
    const isKnown = this.#former.has(name)
    if (this.#current.size >= this.limits.entities || !(isKnown || this.#bucket.take(1, now))) return false
    this.#current.add(name)
    return true
  }

  #turn(now: number): void {
    // Nobody spoke for two generations.
    this.#former = now >= this.#turnsAt + generationMs ? new Set() : this.#current
    this.#current = new Set()
    this.#turnsAt = now + generationMs
  }
}

/** A report, or an inventory, with what is admitted of it, and how many things were left out. */
export interface Admitted<Told> {
  readonly told: Told
  readonly leftOut: number
}

export function admittedReport(report: ReportObservation, admits: Admits): Admitted<ReportObservation> {
  const count = { leftOut: 0 }
  const { hostId, host } = report
  const told: ReportObservation = {
    ...report,
    vms: kept(report.vms, (vm) => admits(vm.uuid), count).map((vm) => admittedVm(vm, admits, count)),
    arrays: kept(report.arrays, ({ key }) => admits(`${key}/${hostId}`), count),
    events: kept(report.events, ({ vmUuid }) => vmUuid === '' || admits(vmUuid), count),
    ...(report.exports === undefined
      ? {}
      : {
          exports: kept(report.exports, ({ arrayKey, lun }) => admits(storageSeries.lun(hostId, arrayKey, lun)), count),
        }),
    host: host && {
      ...host,
      fileSystems: kept(host.fileSystems, ({ mount }) => admits(`${hostId}/${mount}`), count),
    },
  }
  return { told: count.leftOut === 0 ? report : told, ...count }
}

export function admittedInventory(inventory: InventoryObservation, admits: Admits): Admitted<InventoryObservation> {
  const count = { leftOut: 0 }
  const told: InventoryObservation = {
    ...inventory,
    vms: kept(inventory.vms, (vm) => admits(vm.uuid), count).map((vm) => ({
      ...vm,
      disks: kept(vm.disks, ({ target }) => admits(`${vm.uuid}/${target}`), count),
      nics: kept(vm.nics, ({ device }) => admits(`${vm.uuid}/${device}`), count),
    })),
    arrays: kept(inventory.arrays, ({ key }) => admits(`${key}/${inventory.hostId}`), count),
  }
  return { told: count.leftOut === 0 ? inventory : told, ...count }
}

function admittedVm(vm: VmObservation, admits: Admits, count: { leftOut: number }): VmObservation {
  const before = count.leftOut
  const disks = kept(vm.disks, ({ target }) => admits(`${vm.uuid}/${target}`), count)
  const nics = kept(vm.nics, ({ device }) => admits(`${vm.uuid}/${device}`), count)
  return count.leftOut === before ? vm : { ...vm, disks, nics }
}

function kept<Item>(items: readonly Item[], isAdmitted: (item: Item) => boolean, count: { leftOut: number }): Item[] {
  const admitted = items.filter((item) => isAdmitted(item))
  count.leftOut += items.length - admitted.length
  return admitted
}
