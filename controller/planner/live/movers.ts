import { hypervisorOf } from '../../checks/host-failure.js'
import type { Place } from '../../checks/policy/place.js'
import { byName } from '../../checks/in-words.js'
import type { PlacedFleet } from '../../checks/policy/placed-fleet.js'
import { valueOf, type Disk, type Host, type HypervisorKind } from '../../model/snapshot.js'
import { patternTest } from '../../../common/pattern.js'
import { policyIndex } from '../../policy/policy-index.js'
import { formatMoment } from '../../../common/units.js'
import type { VmClass } from '../../model/policy.js'
import type { Refusal } from '../problem.js'
import type { FleetFacts, PlanScope } from './facts.js'
import type { Sizes } from './move-cost.js'
import { restsOf, type Rest } from './past-moves.js'
import { weekParts } from './week-load.js'

/** A VM as plans see it. */
export interface Mover {
  readonly uuid: string
  readonly name: string
  /** Empty of a VM that is not there yet. */
  readonly hostId: string
  readonly class: VmClass | undefined
  readonly place: Place | undefined
  /** It holds memory of its host. */
  readonly active: boolean
  readonly vcpus: number
  readonly sizes: Sizes
  /** Of its first host; undefined: not known. A VM that is not there yet has any. */
  readonly hypervisor: string | undefined
  readonly kind: HypervisorKind | undefined
  readonly reach: readonly ReachNeed[]
  /** Why it goes nowhere. */
  readonly stays: Refusal | undefined
  readonly cameFrom: string | undefined
  /** Cores by part of the week. */
  readonly cores: readonly number[]
  readonly loadBasis: 'history' | 'sample' | 'none'
}

/** An array that its host has to reach. */
export interface ReachNeed {
  readonly arrayKey: string
  readonly name: string
  /** Only its own host reaches it. */
  readonly local: boolean
  /** The hypervisor reaches it over the network by itself. */
  readonly networked: boolean
}

const networked: ReadonlySet<string> = new Set(['iscsi', 'rbd', 'nbd'])

/** All VMs of hosts that take VMs, by name; the one that is not there yet last. */
export function moversOf(placed: PlacedFleet, facts: FleetFacts, scope: PlanScope): Mover[] {
  const rests = restsOf(facts.past, facts.policy.moves, facts.now)
  const pins = facts.policy.moves.pin.map((pattern) => patternTest(pattern))
  const isPinned = (name: string): boolean => pins.some((test) => test(name))
  const movers = placed.arrangement.places.toSorted(byName).flatMap((place) => {
    const host = placed.snapshot.hosts.get(place.hostId)
    return host === undefined || host.kind === 'storage'
      ? []
      : [moverOf(place, host, placed, facts, scope, isPinned, rests.get(place.uuid))]
  })
  return scope.newVm === undefined ? movers : [...movers, newMover(scope.newVm, usualShare(movers))]
}

/** What VMs do with their virtual CPUs, by part of the week: cores for each; all of it where nothing is known. */
function usualShare(movers: readonly Mover[]): readonly number[] {
  const known = movers.filter(({ active, loadBasis, vcpus }) => active && loadBasis !== 'none' && vcpus > 0)
  const vcpus = known.reduce((sum, mover) => sum + mover.vcpus, 0)
  return noCores.map((_, part) =>
    vcpus === 0 ? 1 : Math.min(1, known.reduce((sum, { cores }) => sum + (cores[part] ?? 0), 0) / vcpus),
  )
}

/** @param share of its virtual CPUs that it is taken to use, by part of the week */
function newMover(
  { name, memoryBytes, vcpus, class: vmClass }: NonNullable<PlanScope['newVm']>,
  share: readonly number[],
): Mover {
  return {
    uuid: '',
    name,
    hostId: '',
    class: vmClass,
    place: undefined,
    active: true,
    vcpus,
    sizes: { memoryBytes, diskBytes: 0, copyBytesPerSecond: undefined },
    hypervisor: undefined,
    kind: undefined,
    reach: [],
    stays: undefined,
    cameFrom: undefined,
    cores: share.map((one) => one * vcpus),
    loadBasis: 'none',
  }
}

function moverOf(
  place: Place,
  host: Host,
  { snapshot, policy, boxOf }: PlacedFleet,
  facts: FleetFacts,
  scope: PlanScope,
  isPinned: (name: string) => boolean,
  rest: Rest | undefined,
): Mover {
  const vm = snapshot.vms.get(place.uuid)
  const disks = place.disks.flatMap(({ id }) => snapshot.disks.get(id) ?? [])
  const memoryBytes = place.occupant.bytes ?? valueOf(vm?.metrics['memoryBytes'])
  const history = facts.history.get(place.uuid)
  const sample = valueOf(vm?.metrics['cpuCores'])
  const isDoubled = snapshot.placements.get(place.uuid)?.doubled === true
  return {
    uuid: place.uuid,
    name: place.name,
    hostId: place.hostId,
    class: place.class,
    place,
    active: place.active,
    vcpus: place.active ? (place.vcpus ?? 0) : 0,
    sizes: {
      memoryBytes: place.active ? (memoryBytes ?? 0) : 0,
      diskBytes: disks.reduce((sum, { capacityBytes = 0 }) => sum + capacityBytes, 0),
      copyBytesPerSecond: slowestCopy(disks, policy),
    },
    hypervisor: hypervisorOf(host),
    kind: host.kind,
    reach: disks.map(({ arrayKey, backend }) => {
      const { name, shared } = boxOf(arrayKey)
      return { arrayKey, name, local: !shared, networked: shared && networked.has(backend) }
    }),
    stays: staying(place, host, isDoubled, memoryBytes, rest, isPinned, facts, scope),
    cameFrom: scope.hasFailed === true ? undefined : rest?.cameFrom,
    cores: place.active ? (history ?? Array.from({ length: weekParts }, () => sample ?? 0)) : noCores,
    loadBasis: history !== undefined ? 'history' : sample !== undefined ? 'sample' : 'none',
  }
}

const noCores: readonly number[] = Array.from({ length: weekParts }, () => 0)

function staying(
  place: Place,
  host: Host,
  isDoubled: boolean,
  memoryBytes: number | undefined,
  rest: Rest | undefined,
  isPinned: (name: string) => boolean,
  { now }: FleetFacts,
  { hasFailed = false, leaving, ignored }: PlanScope,
): Refusal | undefined {
  const isAsked = (refusal: Refusal): Refusal | undefined => (ignored?.has(refusal.rule) === true ? undefined : refusal)
  if (hasFailed && place.hostId !== leaving)
    return { rule: 'pinned', reason: 'only VMs of the host that failed start anew' }
  if (!place.active) return { rule: 'vm-state', reason: 'it is off' }
  if (isDoubled) return { rule: 'vm-state', reason: 'it runs on two hosts at once' }
  if (memoryBytes === undefined) return { rule: 'memory-known', reason: 'how much memory it may have is not known' }
  if (hasFailed) return undefined
  if (host.status !== 'up') return { rule: 'host-up', reason: `its host is ${host.status}` }
  if (!place.running) return { rule: 'vm-state', reason: 'it does not run' }
  const pinned = isPinned(place.name)
    ? isAsked({ rule: 'pinned', reason: 'the policy pins it (moves.pin)' })
    : undefined
  if (pinned !== undefined) return pinned
  // Whoever empties a host does not wait for the sake of quiet.
  if (rest === undefined || rest.until <= now || place.hostId === leaving) return undefined
  const times = rest.moves === 1 ? 'it was moved' : `it was moved ${rest.moves} times within a day`
  return isAsked({ rule: 'cool-down', reason: `${times}: it stays until ${formatMoment(rest.until)}` })
}

/** What one copy to or from the slowest of its arrays writes, where the policy says so. */
function slowestCopy(disks: readonly Disk[], policy: FleetFacts['policy']): number | undefined {
  const { arrayRule } = policyIndex(policy)
  const rates = disks.flatMap(({ arrayKey }) => arrayRule(arrayKey)?.rule.bulkCopyBytesPerSecond ?? [])
  return rates.length === 0 ? undefined : Math.min(...rates)
}
