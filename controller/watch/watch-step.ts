import {
  noChanges,
  type AgentTally,
  type Reboot,
  type RecentChanges,
  type Redefinition,
} from '../model/recent-changes.js'
import type { FleetEvent, Snapshot, Vm } from '../model/snapshot.js'
import {
  definitionOf,
  differences,
  freshRedefinitions,
  isMadeOfTheSame,
  withChange,
  type Definition,
} from './definitions.js'
import { grown } from './increase.js'
import { freshEnds, missingAfter, toldEnds, type ToldEnd } from './missing-vms.js'

/** All that is remembered from look to look. */
export interface Watched {
  readonly snapshot: Snapshot
  readonly changes: RecentChanges
  /** Ends of VMs that were told of late, by UUID. */
  readonly ends: ReadonlyMap<string, ToldEnd>
  /** What VMs were made of when that was known last, by UUID. */
  readonly definitions: ReadonlyMap<string, Definition>
  /** Changes that gave way because there were too many, in all. */
  readonly dropped: number
}

export const tallyWindowMs = 600_000
const rebootKeptMs = 7 * 86_400_000

/** Nothing is a change to what is there at first. */
export function beginWatch(snapshot: Snapshot, kept: RecentChanges = noChanges): Watched {
  return { snapshot, changes: kept, ends: new Map(), definitions: definitionsOf(snapshot), dropped: 0 }
}

/** The next look at the fleet, and what was told since the one before. What did not change stays the same object. */
export function watchStep(watched: Watched, snapshot: Snapshot, events: readonly FleetEvent[]): Watched {
  const { changes, snapshot: before } = watched
  const told = toldEnds({ missing: changes.missing, ends: watched.ends }, events)
  const { missing, dropped } = missingAfter(told, before, snapshot)
  const { definitions, redefined } = redefinitions(watched, snapshot)
  const fresh = freshRedefinitions(redefined, snapshot.at)
  const now: RecentChanges = {
    missing,
    redefined: fresh.redefined,
    reboots: rebootsAfter(changes.reboots, before, snapshot),
    agents: talliesAfter(changes.agents, before, snapshot),
  }
  const isSame =
    now.missing === changes.missing &&
    now.redefined === changes.redefined &&
    now.reboots === changes.reboots &&
    now.agents === changes.agents
  return {
    snapshot,
    changes: isSame ? changes : now,
    ends: freshEnds(told.ends, snapshot.at),
    definitions,
    dropped: watched.dropped + dropped + fresh.dropped,
  }
}

function definitionsOf(snapshot: Snapshot): ReadonlyMap<string, Definition> {
  return new Map(Array.from(snapshot.vms.values(), (vm) => [vm.uuid, definitionOf(vm, snapshot)]))
}

function redefinitions(
  { snapshot: before, definitions: known, changes: { redefined } }: Watched,
  now: Snapshot,
): { readonly definitions: ReadonlyMap<string, Definition>; readonly redefined: ReadonlyMap<string, Redefinition> } {
  if (before.vms === now.vms) return { definitions: known, redefined }
  const definitions = new Map<string, Definition>()
  const found = new Map<string, Redefinition>()
  for (const vm of now.vms.values()) {
    const was = known.get(vm.uuid)
    const former = before.vms.get(vm.uuid)
    const isSame = former === vm || (former !== undefined && isMadeOfTheSame(former, before.disks, vm, now.disks))
    if (was !== undefined && isSame) {
      definitions.set(vm.uuid, was)
      continue
    }
    const is = definitionOf(vm, now)
    const changes = was === undefined ? [] : differences(was, is)
    if (changes.length > 0) found.set(vm.uuid, withChange(redefined.get(vm.uuid), changes, now.at))
    definitions.set(vm.uuid, { ...was, ...is })
  }
  const isNothingNew = found.size === 0 && [...redefined.keys()].every((uuid) => isThere(now, uuid))
  if (isNothingNew) return { definitions, redefined }
  const left = [...redefined].filter(([uuid]) => isThere(now, uuid))
  return { definitions, redefined: new Map([...left, ...found]) }
}

function isThere({ vms }: Snapshot, uuid: Vm['uuid']): boolean {
  return vms.has(uuid)
}

/** A boot is seen where a host that was known has another boot id. */
function rebootsAfter(
  reboots: ReadonlyMap<string, Reboot>,
  before: Snapshot,
  now: Snapshot,
): ReadonlyMap<string, Reboot> {
  const next = new Map([...reboots].filter(([id, { atMs }]) => now.hosts.has(id) && now.at - atMs <= rebootKeptMs))
  let isSame = next.size === reboots.size
  for (const host of before.hosts === now.hosts ? [] : now.hosts.values()) {
    const was = before.hosts.get(host.id)?.bootId ?? ''
    if (was === '' || host.bootId === '' || was === host.bootId) continue
    next.set(host.id, { atMs: now.at })
    isSame = false
  }
  return isSame ? reboots : next
}

function talliesAfter(
  agents: ReadonlyMap<string, AgentTally>,
  before: Snapshot,
  now: Snapshot,
): ReadonlyMap<string, AgentTally> {
  let isSame = agents.size === now.agents.size
  const next = new Map<string, AgentTally>()
  for (const agent of now.agents.values()) {
    const was = agents.get(agent.id)
    // What it counted while it was away is not of now; what it dropped meanwhile is lost all the same.
    const isBack = agent.connected && before.agents.get(agent.id)?.connected !== true
    const skippedTicks = grown(isBack ? undefined : was?.skippedTicks, agent.skippedTicks, now.at, tallyWindowMs)
    const droppedReports = grown(was?.droppedReports, agent.droppedReports, now.at, tallyWindowMs)
    const tally =
      was?.skippedTicks === skippedTicks && was.droppedReports === droppedReports
        ? was
        : { skippedTicks, droppedReports }
    next.set(agent.id, tally)
    if (tally !== was) isSame = false
  }
  return isSame ? agents : next
}
