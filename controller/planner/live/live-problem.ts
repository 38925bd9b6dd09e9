import { formatMemory } from '../../../common/units.js'
import { byName } from '../../checks/in-words.js'
import { hypervisorOf } from '../../checks/host-failure.js'
import { memoryLedgers, type MemoryLedger } from '../../checks/memory-ledger.js'
import { placedFleet, type PlacedFleet } from '../../checks/policy/placed-fleet.js'
import type { Policy } from '../../model/policy.js'
import { takesVms, valueOf, type Host } from '../../model/snapshot.js'
import { policyIndex } from '../../policy/policy-index.js'
import type { ApartSet, Dimension, Limit, Problem, Survival, TogetherSet } from '../problem.js'
import type { RuleName } from '../rules.js'
import type { FleetFacts, PlanScope } from './facts.js'
import { measuredSendRate, moveCost } from './move-cost.js'
import { moversOf, type Mover } from './movers.js'
import { waysOf } from './ways.js'
import { weekParts } from './week-load.js'

/** A fleet that runs as numbers, and who is who in them. */
export interface LiveProblem {
  readonly problem: Problem
  /** By index; undefined: where a VM is that is not there yet. */
  readonly hosts: readonly (Host | undefined)[]
  readonly movers: readonly Mover[]
  readonly ledgers: ReadonlyMap<string, MemoryLedger>
  /** CPU counts: the cores of every host that counts are known. */
  readonly countsCpu: boolean
  readonly sendRate: ReturnType<typeof measuredSendRate>
  readonly facts: FleetFacts
  readonly scope: PlanScope
}

/** What a broken rule weighs beside hosts that are uneven by the whole of one. */
const penalty = { over: 2, apart: 2, beside: 0.3, besideOnShared: 0.6, reserve: 1, together: 0.3, leaving: 20 }

/** The problem of a fleet as it is now: hosts and VMs by name. Pure. */
export function liveProblem(facts: FleetFacts, scope: PlanScope): LiveProblem {
  const { snapshot, policy } = facts
  const placed = placedFleet(snapshot, policy)
  const ledgers = memoryLedgers(snapshot, policy, placed.occupants)
  const known = [...snapshot.hosts.values()].filter(takesVms).toSorted(byName)
  const hosts: readonly (Host | undefined)[] = scope.newVm === undefined ? known : [...known, undefined]
  const at = new Map(hosts.map((host, index) => [host?.id ?? '', index]))
  const movers = moversOf(placed, facts, scope)
  const start = Int32Array.from(movers, ({ hostId }) => at.get(hostId) ?? 0)
  const isAsked = (rule: RuleName): boolean => scope.ignored?.has(rule) !== true
  const memory = memoryOf(hosts, movers, start, ledgers)
  const counted = countedOf(hosts, facts, scope, ledgers)
  const cores = hosts.map((host) => host?.cpuThreads ?? host?.cpuCores)
  const countsCpu = hosts.every((_, host) => counted[host] === 0 || (cores[host] ?? 0) > 0)
  const problem: Problem = {
    hosts: hosts.map((host) => host?.name ?? newPlace),
    vms: movers.map(({ name }) => name),
    start,
    counted,
    dimensions: [memoryDimension(hosts, movers, memory, ledgers), ...(countsCpu ? cpuDimensions(cores, movers) : [])],
    limits: [
      ...(isAsked('into-reserve') ? [memory] : []),
      ...(isAsked('vcpu-overcommit') ? vcpuLimit(hosts, movers, policy) : []),
    ],
    apart: [
      ...(isAsked('apart-on-one-host') ? apartSets(policy, movers) : []),
      ...(isAsked('service-on-one-host') ? serviceSets(policy, movers) : []),
    ],
    together: togetherSets(policy, movers),
    classes: isAsked('personal-beside-core') ? classesOf(placed, movers) : undefined,
    survival: isAsked('host-failure') ? survivalOf(hosts, memory, ledgers, facts, scope) : undefined,
    strandedPenalty: Float64Array.from(hosts, (host) => strandedPenalty(host, policy, scope)),
    excepted: Int32Array.from(movers, (mover) => (isStrandedOnPurpose(mover, policy, scope) ? 1 : 0)),
    ...waysOf(hosts, movers, ledgers, facts, scope),
    moveCost: (vm, kind) => {
      const sizes = movers[vm]?.sizes
      return sizes === undefined ? 0 : moveCost(kind, sizes)
    },
  }
  return { problem, hosts, movers, ledgers, countsCpu, sendRate: measuredSendRate(facts.past), facts, scope }
}

/** What stands for the host of a VM that is not there yet. */
const newPlace = 'new'

/** Hosts are to be alike; those that are kept empty, emptied, in maintenance or not up are not. */
function countedOf(
  hosts: LiveProblem['hosts'],
  { policy, maintenance }: FleetFacts,
  { leaving }: PlanScope,
  ledgers: ReadonlyMap<string, MemoryLedger>,
): Int32Array {
  return Int32Array.from(hosts, (host) => {
    if (host?.status !== 'up' || host.id === leaving || maintenance.has(host.id)) return 0
    const balance = ledgers.get(host.id)?.balance
    if (balance === undefined || 'absent' in balance) return 0
    return policyIndex(policy).hostRule(host.name)?.rule.role === 'reserve' ? 0 : 1
  })
}

function memoryOf(
  hosts: LiveProblem['hosts'],
  movers: readonly Mover[],
  start: Int32Array,
  ledgers: ReadonlyMap<string, MemoryLedger>,
): Limit {
  const own = new Float64Array(hosts.length)
  for (const [vm, { sizes }] of movers.entries()) {
    const host = start[vm] ?? 0
    own[host] = (own[host] ?? 0) + sizes.memoryBytes
  }
  return {
    rule: 'into-reserve',
    use: Float64Array.from(movers, ({ sizes }) => sizes.memoryBytes),
    // What is spare by the ledger, and what its own VMs hold: what else is there holds the rest. Where the ledger cannot say, the host is not held to be
    // above its limit; it takes nobody (`host-up`).
    most: Float64Array.from(hosts, (host, at) => {
      const balance = host && ledgers.get(host.id)?.balance
      if (host === undefined) return Infinity
      return (balance !== undefined && 'spareBytes' in balance ? balance.spareBytes : 0) + (own[at] ?? 0)
    }),
    overPenalty: penalty.over,
    format: formatMemory,
  }
}

function memoryDimension(
  hosts: LiveProblem['hosts'],
  movers: readonly Mover[],
  { most }: Limit,
  ledgers: ReadonlyMap<string, MemoryLedger>,
): Dimension {
  return {
    name: 'memory',
    // Without what is there besides its VMs.
    base: Float64Array.from(hosts, (host, at) => {
      const ledger = host && ledgers.get(host.id)
      const room = ledger === undefined ? 0 : (valueOf(ledger.memory) ?? 0) - ledger.reserveBytes
      return host === undefined ? 0 : Math.max(0, room - (most[at] ?? 0))
    }),
    capacity: Float64Array.from(hosts, (host) => {
      const ledger = host && ledgers.get(host.id)
      return Math.max(1, (valueOf(ledger?.memory) ?? 0) - (ledger?.reserveBytes ?? 0))
    }),
    load: Float64Array.from(movers, ({ sizes }) => sizes.memoryBytes),
    spreadWeight: 1,
    peakWeight: 0.5,
  }
}

function cpuDimensions(cores: readonly (number | undefined)[], movers: readonly Mover[]): Dimension[] {
  const capacity = Float64Array.from(cores, (count) => count ?? 1)
  return Array.from({ length: weekParts }, (_, part) => ({
    name: `cpu ${part}`,
    base: new Float64Array(cores.length),
    capacity,
    load: Float64Array.from(movers, (mover) => mover.cores[part] ?? 0),
    spreadWeight: 1 / weekParts,
    peakWeight: 0.5 / weekParts,
  }))
}

function vcpuLimit(hosts: LiveProblem['hosts'], movers: readonly Mover[], { limits }: Policy): Limit[] {
  const { vcpusPerCore } = limits
  if (vcpusPerCore === undefined) return []
  return [
    {
      rule: 'vcpu-overcommit',
      use: Float64Array.from(movers, ({ vcpus }) => vcpus),
      most: Float64Array.from(hosts, (host) =>
        host?.cpuCores === undefined ? Infinity : vcpusPerCore * host.cpuCores,
      ),
      overPenalty: penalty.over,
      format: (count) => `${count} virtual CPUs`,
    },
  ]
}

/** VMs that hold memory, which the check counts too. */
function apartSets(policy: Policy, movers: readonly Mover[]): ApartSet[] {
  return listed(policy, policy.apart, movers).map((set): ApartSet => {
    return { rule: 'apart-on-one-host', ...set, penalty: penalty.apart }
  })
}

function togetherSets(policy: Policy, movers: readonly Mover[]): TogetherSet[] {
  return listed(policy, policy.moves.together, movers).map((set) => ({ ...set, penalty: penalty.together }))
}

/** VMs of each list of patterns, of lists with two or more of them. */
function listed(
  policy: Policy,
  lists: Policy['apart'],
  movers: readonly Mover[],
): { readonly name: string; readonly vms: readonly number[] }[] {
  const { apartOfVm } = lists === policy.apart ? policyIndex(policy) : policyIndex({ ...policy, apart: lists })
  const sets: number[][] = lists.map(() => [])
  for (const [vm, { name, active }] of movers.entries()) {
    // Two patterns of a list may fit one VM.
    if (active) for (const { rule } of apartOfVm(name)) if (sets[rule]?.at(-1) !== vm) sets[rule]?.push(vm)
  }
  return sets.map((vms, at) => ({ name: lists[at]?.join(', ') ?? '', vms })).filter(({ vms }) => vms.length > 1)
}

/** Members of services of the policy, those that are off too: a secondary waits to be started. */
function serviceSets(policy: Policy, movers: readonly Mover[]): ApartSet[] {
  const { serviceNamed } = policyIndex(policy)
  const sets = new Map<string, number[]>()
  for (const [vm, { place }] of movers.entries()) {
    const service = place?.labels.service?.value
    if (service === undefined || serviceNamed(service) === undefined) continue
    sets.set(service, [...(sets.get(service) ?? []), vm])
  }
  return Array.from(sets, ([name, vms]): ApartSet => {
    return { rule: 'service-on-one-host', name: `the service ${name}`, vms, penalty: penalty.apart }
  }).filter(({ vms }) => vms.length > 1)
}

function classesOf({ policy }: PlacedFleet, movers: readonly Mover[]): Problem['classes'] {
  return {
    ofVm: Int32Array.from(movers, ({ class: one, active }) =>
      !active ? 0 : one === 'core' ? 1 : one === 'personal' ? 2 : 0,
    ),
    penalty: Float64Array.from(movers, (mover) => {
      if (isExcepted(mover, policy, 'personal-beside-core')) return 0
      return mover.place?.boxes.some(({ shared }) => shared) === true ? penalty.besideOnShared : penalty.beside
    }),
  }
}

function survivalOf(
  hosts: LiveProblem['hosts'],
  { use, most }: Limit,
  ledgers: ReadonlyMap<string, MemoryLedger>,
  { maintenance }: FleetFacts,
  { leaving }: PlanScope,
): Survival {
  const groups = new Map<string, number>()
  const group = Int32Array.from(hosts, (host) => {
    const hypervisor = host && hypervisorOf(host)
    const balance = host && ledgers.get(host.id)?.balance
    const isPlace = host?.status === 'up' && balance !== undefined && 'spareBytes' in balance && host.id !== leaving
    if (!isPlace || hypervisor === undefined) return -1
    const known = groups.get(hypervisor) ?? groups.size
    groups.set(hypervisor, known)
    return known
  })
  // In maintenance it takes nobody; its own VMs may still find a place elsewhere.
  const refuge = most.map((bytes, at) => (maintenance.has(hosts[at]?.id ?? '') ? 0 : bytes))
  return { use, most: refuge, group }
}

function strandedPenalty(host: Host | undefined, policy: Policy, { leaving }: PlanScope): number {
  if (host === undefined || host.id === leaving) return penalty.leaving
  return policyIndex(policy).hostRule(host.name)?.rule.role === 'reserve' ? penalty.reserve : 0
}

/** It is in reserve on purpose. Of a host that is emptied everything goes, but what is off. */
function isStrandedOnPurpose(mover: Mover, policy: Policy, { leaving }: PlanScope): boolean {
  if (!mover.active) return true
  if (mover.hostId === leaving || mover.hostId === '') return false
  return isExcepted(mover, policy, 'reserve-host-empty')
}

function isExcepted(
  { name, place }: Mover,
  policy: Policy,
  rule: 'reserve-host-empty' | 'personal-beside-core',
): boolean {
  const { exceptionsOfVm, exceptionsOfHost } = policyIndex(policy)
  const all = [...exceptionsOfVm(name), ...(place === undefined ? [] : exceptionsOfHost(place.hostName))]
  return all.some((one) => one.rule.rule === rule)
}
