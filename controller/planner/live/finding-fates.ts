import { capacity } from '../../checks/capacity.js'
import { worstFirst } from '../../checks/fleet-findings.js'
import { placedFleet } from '../../checks/policy/placed-fleet.js'
import { policyFindings } from '../../checks/policy/policy-findings.js'
import { settle } from '../../checks/settle.js'
import { findingKey, subjectText, type Finding } from '../../model/finding.js'
import type { Policy } from '../../model/policy.js'
import type { Snapshot } from '../../model/snapshot.js'
import { afterMoves } from './after-moves.js'
import type { Cannot, FindingFate, PlannedMove } from './plan.js'

/** What checks of capacity and placement find now, and what becomes of it by the plan: the same checks, asked of the fleet as it then would be. */
export function findingFates(
  snapshot: Snapshot,
  policy: Policy,
  moves: readonly PlannedMove[],
  cannot: readonly Cannot[],
): FindingFate[] {
  const before = foundOf(snapshot, policy)
  // A policy of its own: what checks remember of the fleet as it is stays.
  const after = moves.length === 0 ? before : foundOf(afterMoves(snapshot, moves), { ...policy })
  const still = new Set(after.map(findingKey))
  const was = new Set(before.map(findingKey))
  return [
    ...before.map((one) => {
      const stays = still.has(findingKey(one))
      return fateOf(one, stays ? 'stays' : 'mended', stays ? whyItStays(one, cannot) : '')
    }),
    ...after.filter((one) => !was.has(findingKey(one))).map((one) => fateOf(one, 'new', '')),
  ]
}

function foundOf(snapshot: Snapshot, policy: Policy): readonly Finding[] {
  const placed = placedFleet(snapshot, policy)
  const { findings } = capacity(snapshot, policy, placed.occupants)
  return worstFirst(settle([...findings, ...policyFindings(placed)], snapshot, policy).stands)
}

function fateOf({ check, severity, subject, message }: Finding, fate: FindingFate['fate'], why: string): FindingFate {
  return { check, severity, subject: subjectText(subject), message, fate, why }
}

/** Why no move mends it, in words. */
function whyItStays({ check, subject }: Finding, cannot: readonly Cannot[]): string {
  const fixed = notByMoves[check]
  if (fixed !== undefined) return fixed
  const ofVm = cannot.find(({ vm }) => subject.kind === 'vm' && vm === subject.name)
  if (ofVm !== undefined) return cannotText(ofVm)
  const ofHost = cannot.filter(({ on }) => subject.kind === 'host' && on === subject.name)
  if (ofHost.length === 0) return 'no move was found that makes it better'
  return ofHost.map(cannotText).join('; ')
}

const notByMoves: Readonly<Record<string, string>> = {
  'host-failure':
    'the others lack the memory: that takes more memory or fewer VMs, moves only shift where it is missing',
  'lost-with-host': 'its disks are on this host alone: copied to shared storage they would outlive it',
  'personal-on-core-array': 'what it shares is the array: its disks have to move to another one, wherever it runs',
  'core-on-shared-storage': 'its disks have to move to shared storage, wherever it runs',
  'service-on-one-array': 'the disks of one of them have to move to another array',
  'memory-above-class-limit': 'that is what it is configured with, wherever it runs',
  'duplicate-mac': 'that is how it is configured, wherever it runs',
}

/** `maxwell cannot go to a (into-reserve: 512 MiB short on a) nor b (…)`. */
export function cannotText({ vm, why }: Cannot): string {
  if (why.length === 0) return `${vm} has nowhere to go`
  return `${vm} cannot go to ${why.map(({ host, rule, reason }) => `${host} (${rule}: ${reason})`).join(' nor to ')}`
}
