import type { FleetSpec, HostSpec, VmSpec } from '../../../common/fleet-file/fleet-spec.js'
import { hypervisorOf } from '../fleet-file/fleet-hosts.js'
import { classOf, copyBytesPerSecond, fleetProblem } from '../fleet-file/fleet-problem.js'
import { rebalance } from '../rebalance.js'
import { GrowState, dataDisks } from './grow-state.js'
import type { GrowStep } from './grow-step.js'

export interface Growth {
  readonly addHosts: readonly {
    readonly name: string
    readonly memoryBytes: number
    readonly cores: number
    readonly role: string
  }[]
  readonly addMemory: readonly { readonly host: string; readonly bytes: number }[]
}

export interface Grown {
  readonly steps: readonly GrowStep[]
  /** Hosts that cannot be taken down for memory, and why. */
  readonly left: readonly { readonly host: string; readonly reason: string }[]
  /** As it is in the end. */
  readonly end: GrowState
}

/** How long a person needs, hours: to put in a host, memory, or a disk that is pulled elsewhere. Ours; not on record. */
const installHours = 4
const memoryHours = 1
const swapHours = 0.5
const liveHours = 0.02
/** What can go wrong has to save so much of the time that VMs would wait for their host. */
const leastSaved = 0.25

/**
 * The way of a fleet that grows: new hosts in, then the old ones one at a time emptied, taken down, given memory and started, the emptiest first; in the end VMs go to hosts of
 * their role. VMs on an array move live. Those on local disk wait for their host, are copied while they are off, or come along with their disks, whichever keeps them down for the
 * least time in all. Each step is allowed when its turn comes; what cannot be done is left out and named.
 */
export function grow(spec: FleetSpec, { addHosts, addMemory }: Growth): Grown {
  const state = new GrowState(spec)
  const steps: GrowStep[] = []
  const left: { host: string; reason: string }[] = []
  const go = (step: GrowStep): void => {
    const refusal = state.apply(step)
    if (refusal !== undefined) throw new Error(`a step that was found is not allowed: ${refusal.reason}`)
    steps.push(step)
  }
  for (const host of addHosts) {
    const like = usualHost(state.hosts, spec)
    go({ kind: 'install-host', ...host, like: like.name, hours: installHours })
  }
  const news = new Set(addHosts.map(({ name }) => name))
  let waiting = byHost(addMemory).filter(({ host, bytes }) => {
    if (state.host(host) !== undefined && bytes > 0) return true
    left.push({ host, reason: 'there is no such host' })
    return false
  })
  while (waiting.length > 0) {
    const byUse = waiting.toSorted((a, b) => usedBytes(state, a.host) - usedBytes(state, b.host))
    const found = byUse
      .map((one) => ({ ...one, leaving: leave(spec, state, one.host, news) }))
      .find(({ leaving }) => Array.isArray(leaving))
    if (found === undefined || !Array.isArray(found.leaving)) {
      for (const { host } of byUse) {
        const reason = leave(spec, state, host, news)
        if (typeof reason === 'string') left.push({ host, reason })
      }
      break
    }
    const { host, bytes } = found
    for (const step of found.leaving) go(step)
    const waits = state.on(host).filter(({ running }) => running)
    go({ kind: 'host-down', host, waits: waits.map(({ name }) => name), hours: 0.1 })
    go({ kind: 'add-memory', host, bytes, hours: memoryHours })
    go({ kind: 'host-up', host, hours: 0.1 })
    waiting = waiting.filter((one) => one.host !== host)
  }
  for (const step of byRole(spec, state)) go(step)
  for (const step of evened(spec, state)) go(step)
  return { steps, left, end: state }
}

/** All that a host gets goes in at once. */
function byHost(addMemory: Growth['addMemory']): Growth['addMemory'] {
  const sums = new Map<string, number>()
  for (const { host, bytes } of addMemory) sums.set(host, (sums.get(host) ?? 0) + bytes)
  return Array.from(sums, ([host, bytes]) => ({ host, bytes }))
}

function usedBytes(state: GrowState, host: string): number {
  return state.on(host).reduce((sum, { memoryBytes, running }) => sum + (running ? memoryBytes : 0), 0)
}

/** The host that most others are like. */
function usualHost(hosts: readonly HostSpec[], { arrays }: FleetSpec): HostSpec {
  const alike = (host: HostSpec): number =>
    hosts.filter((other) => hypervisorOf(other) === hypervisorOf(host)).length +
    (arrays.some((array) => array.hosts.includes(host.name)) ? 0.5 : 0)
  const [first, ...others] = hosts
  if (first === undefined) throw new RangeError('a fleet without hosts does not grow')
  return others.reduce((best, host) => (alike(host) > alike(best) ? host : best), first)
}

/** Steps that leave nothing on a host but what waits for it; or why there are none. */
function leave(spec: FleetSpec, before: GrowState, host: string, news: ReadonlySet<string>): GrowStep[] | string {
  const local = before.on(host).filter(({ storage, running }) => storage === 'local' && running)
  const shared = before.on(host).filter(({ storage, running }) => storage !== 'local' && running)
  let reason = ''
  // Disks that go into another host take memory there: first with them, then without.
  for (const withLocal of [true, false]) {
    const state = copyOf(spec, before)
    const steps: GrowStep[] = []
    const go = (step: GrowStep): void => {
      if (state.apply(step) === undefined) steps.push(step)
    }
    if (withLocal) for (const step of localSteps(spec, state, host, local, news)) go(step)
    const ofLocal = steps.length
    reason = ''
    for (const vm of shared.toSorted((a, b) => b.memoryBytes - a.memoryBytes)) {
      const to = goalOf(state, vm, 'live', news)
      if (to === undefined) {
        reason = `${vm.name} finds no place: ${whyNot(state, vm)}`
        break
      }
      go({ kind: 'move', vm: vm.name, from: host, to, how: 'live', hours: liveHours, mixes: state.mixes(vm, to) })
    }
    // What moves live goes first: disks are pulled when nothing else is in the way.
    if (reason === '') return [...steps.slice(ofLocal), ...steps.slice(0, ofLocal)]
  }
  return reason
}

function copyOf(spec: FleetSpec, state: GrowState): GrowState {
  const news = state.hosts.filter(({ name }) => !spec.hosts.some((host) => host.name === name)).map(({ name }) => name)
  const like = usualHost(spec.hosts, spec)
  const arrays = spec.arrays.map((array) => ({
    ...array,
    hosts: array.hosts.includes(like.name) ? [...array.hosts, ...news] : array.hosts,
  }))
  return new GrowState({ ...spec, hosts: state.hosts, vms: state.vms, arrays })
}

function whyNot(state: GrowState, vm: VmSpec): string {
  const reasons = state.hosts
    .filter(({ name }) => name !== vm.host)
    .flatMap(({ name }) => state.refusal(vm, name, 'live')?.reason ?? [])
  return reasons.join('; ')
}

/** Where it mixes no classes, is not kept in reserve, is new, and has most left, in this order. */
function goalOf(
  state: GrowState,
  vm: VmSpec,
  how: 'live' | 'cold-copy',
  news: ReadonlySet<string>,
  isMeant: (host: HostSpec) => boolean = () => true,
): string | undefined {
  const goals = state.hosts.filter((host) => isMeant(host) && state.refusal(vm, host.name, how) === undefined)
  const rank = (host: HostSpec): number[] => [
    state.mixes(vm, host.name) ? 1 : 0,
    host.role === 'reserve' ? 1 : 0,
    news.has(host.name) ? 0 : 1,
    -state.leftBytes(host.name),
  ]
  const [best] = goals.toSorted((a, b) => {
    const [x, y] = [rank(a), rank(b)]
    const place = x.findIndex((one, at) => one !== y[at])
    return place === -1 ? 0 : (x[place] ?? 0) - (y[place] ?? 0)
  })
  return best?.name
}

/** What to do with VMs on local disks: the way that keeps them down for the fewest hours in all. */
function localSteps(
  spec: FleetSpec,
  state: GrowState,
  host: string,
  local: readonly VmSpec[],
  news: ReadonlySet<string>,
): GrowStep[] {
  if (local.length === 0) return []
  const copies: GrowStep[] = []
  let apartHours = 0
  const trial = copyOf(spec, state)
  for (const vm of local) {
    // It is not copied to where it should not stay.
    const to = goalOf(trial, vm, 'cold-copy', news, (goal) => belongs(spec, vm, goal))
    const hours = copyHours(vm)
    if (to === undefined || hours > (1 - leastSaved) * memoryHours) {
      apartHours += memoryHours
      continue
    }
    apartHours += hours
    const step: GrowStep = {
      kind: 'move',
      vm: vm.name,
      from: host,
      to,
      how: 'cold-copy',
      hours,
      mixes: trial.mixes(vm, to),
    }
    if (trial.apply(step) === undefined) copies.push(step)
  }
  // VMs that are off have their disks there too, and come along.
  const onDisks = state.on(host).filter(({ storage }) => storage === 'local')
  const goal = state.hosts.find(
    ({ name, role }) =>
      name !== host &&
      role !== 'reserve' &&
      state.swapRefusal(onDisks, host, name) === undefined &&
      onDisks.every((vm) => belongs(spec, vm, state.host(name)) || !belongs(spec, vm, state.host(host))),
  )
  if (goal === undefined || swapHours * local.length > (1 - leastSaved) * apartHours) return copies
  const vms = onDisks.map(({ name }) => name)
  return [{ kind: 'disk-swap', from: host, to: goal.name, vms, disks: dataDisks(state.host(host)), hours: swapHours }]
}

/** Whether hosts of that role are for VMs of that class. */
function belongs(spec: FleetSpec, vm: VmSpec, host: HostSpec | undefined): boolean {
  if (host === undefined || host.role === 'reserve') return false
  const of = classOf(spec, vm)
  return of === undefined || (of === 'personal') === (host.role === 'personal')
}

/** VMs that are on hosts of another role go where they belong, if that is live, or if they are core VMs. */
function byRole(spec: FleetSpec, before: GrowState): GrowStep[] {
  const state = copyOf(spec, before)
  const steps: GrowStep[] = []
  for (let again = true; again;) {
    again = false
    for (const vm of state.vms.toSorted((a, b) => b.memoryBytes - a.memoryBytes)) {
      const isOnPurpose = spec.exceptions.some((one) => one.vm === vm.name && one.rule === 'reserve-host-empty')
      if (!vm.running || isOnPurpose || belongs(spec, vm, state.host(vm.host))) continue
      const how = vm.storage === 'local' ? 'cold-copy' : 'live'
      // On local disk it hurts nobody where it is.
      if (how === 'cold-copy' && classOf(spec, vm) !== 'core') continue
      const goals = state.hosts.filter(
        (host) => belongs(spec, vm, host) && state.refusal(vm, host.name, how) === undefined,
      )
      const [goal] = goals.toSorted(
        (a, b) => state.leftBytes(b.name) / b.memoryBytes - state.leftBytes(a.name) / a.memoryBytes,
      )
      if (goal === undefined) continue
      const hours = how === 'live' ? liveHours : copyHours(vm)
      const step: GrowStep = {
        kind: 'move',
        vm: vm.name,
        from: vm.host,
        to: goal.name,
        how,
        hours,
        mixes: state.mixes(vm, goal.name),
      }
      if (state.apply(step) === undefined) {
        steps.push(step)
        again = true
      }
    }
  }
  return steps
}

/** Hosts of one role are made alike, as any plan does. */
function evened(spec: FleetSpec, state: GrowState): GrowStep[] {
  const copy = copyOf(spec, state)
  const problem = fleetProblem(copy.spec, { vcpusPerCore: undefined })
  const plan = rebalance(problem, { seed: 1, mostMoves: undefined, effort: 1, leastGain: 0.02 })
  return plan.steps.flatMap(({ vm, from, to }): GrowStep[] => {
    const one = copy.vms.find(({ name }) => name === problem.vms[vm])
    const [fromName, toName] = [problem.hosts[from], problem.hosts[to]]
    if (one === undefined || fromName === undefined || toName === undefined) return []
    const how = one.storage === 'local' ? 'cold-copy' : 'live'
    const hours = how === 'live' ? liveHours : copyHours(one)
    const step: GrowStep = {
      kind: 'move',
      vm: one.name,
      from: fromName,
      to: toName,
      how,
      hours,
      mixes: copy.mixes(one, toName),
    }
    return copy.apply(step) === undefined ? [step] : []
  })
}

/** Copied while it is off, and started. */
function copyHours({ diskBytes }: VmSpec): number {
  return diskBytes / copyBytesPerSecond / 3600 + 0.05
}
