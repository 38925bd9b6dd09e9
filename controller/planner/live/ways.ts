import type { MemoryLedger } from '../../checks/memory-ledger.js'
import { hypervisorOf } from '../../checks/host-failure.js'
import type { Policy } from '../../model/policy.js'
import type { Host, Snapshot } from '../../model/snapshot.js'
import { policyIndex } from '../../policy/policy-index.js'
import type { MoveKind, Problem, Refusal, Way } from '../problem.js'
import type { RuleName } from '../rules.js'
import type { FleetFacts, PlanScope } from './facts.js'
import type { Mover } from './movers.js'

type Ways = Pick<Problem, 'vmKind' | 'hostKind' | 'ways'>

/**
 * Who may go where, and how. VMs that are alike in that are of one kind, and so are hosts; so a fleet of thousands has few kinds.
 * @param hosts undefined: where VMs are that are not there yet
 */
export function waysOf(
  hosts: readonly (Host | undefined)[],
  movers: readonly Mover[],
  ledgers: ReadonlyMap<string, MemoryLedger>,
  facts: FleetFacts,
  scope: PlanScope,
): Ways {
  const used = new Set(movers.flatMap(({ reach }) => reach.map(({ arrayKey }) => arrayKey)))
  const { arrays } = facts.snapshot
  const single = new Set(
    movers.flatMap(({ reach, hostId, cameFrom }) => [
      ...(reach.some(({ local }) => local) ? [hostId] : []),
      ...(cameFrom === undefined ? [] : [cameFrom]),
    ]),
  )
  const goals = hosts.map((host) => goalOf(host, ledgers, facts, scope))
  const vmKeys = movers.map(({ stays, hypervisor, kind, reach, class: vmClass, cameFrom, hostId }) =>
    JSON.stringify([stays, hypervisor, kind, reach, vmClass, cameFrom, reach.some(({ local }) => local) ? hostId : '']),
  )
  const hostKeys = goals.map(({ host, refusal, role }) =>
    JSON.stringify([
      refusal,
      host && hypervisorOf(host),
      host?.kind,
      role,
      host !== undefined && single.has(host.id) ? host.id : '',
      host === undefined ? [] : [...used].filter((key) => arrays.get(key)?.hostIds.includes(host.id) === true),
    ]),
  )
  const vmKinds = kindsOf(vmKeys)
  const hostKinds = kindsOf(hostKeys)
  return {
    vmKind: vmKinds.kindOf,
    hostKind: hostKinds.kindOf,
    ways: vmKinds.samples.map((vm) =>
      hostKinds.samples.map((host): Way => {
        const [mover, goal] = [movers[vm], goals[host]]
        if (mover === undefined || goal === undefined) return { rule: 'host-up', reason: 'it is not known' }
        return wayOf(mover, goal, arrays, scope)
      }),
    ),
  }
}

interface Kinds {
  readonly kindOf: Int32Array
  /** First index of each kind. */
  readonly samples: readonly number[]
}

function kindsOf(keys: readonly string[]): Kinds {
  const places = new Map<string, number>()
  const samples: number[] = []
  const kindOf = Int32Array.from(keys, (key, at) => {
    const known = places.get(key)
    if (known !== undefined) return known
    places.set(key, samples.length)
    samples.push(at)
    return samples.length - 1
  })
  return { kindOf, samples }
}

interface Goal {
  readonly host: Host | undefined
  /** Why it takes nobody. */
  readonly refusal: Refusal | undefined
  readonly role: Policy['hosts'][number]['role']
}

function goalOf(
  host: Host | undefined,
  ledgers: ReadonlyMap<string, MemoryLedger>,
  { policy, maintenance }: FleetFacts,
  { leaving, mayUseReserve = false, ignored }: PlanScope,
): Goal {
  if (host === undefined) return { host, refusal: { rule: 'drained', reason: 'it is no host' }, role: undefined }
  const role = policyIndex(policy).hostRule(host.name)?.rule.role
  const balance = ledgers.get(host.id)?.balance
  const why = maintenance.get(host.id)
  const refusals: (Refusal | undefined)[] = [
    host.status === 'up' ? undefined : { rule: 'host-up', reason: `the host is ${host.status}` },
    balance !== undefined && 'absent' in balance ? { rule: 'host-up', reason: balance.absent } : undefined,
    host.id === leaving ? { rule: 'drained', reason: 'it is to be empty' } : undefined,
    why === undefined ? undefined : { rule: 'maintenance', reason: why },
    role === 'reserve' && !mayUseReserve ? { rule: 'reserve-host-empty', reason: 'it is kept in reserve' } : undefined,
  ]
  return { host, role, refusal: refusals.find((one) => one !== undefined && ignored?.has(one.rule) !== true) }
}

function wayOf(mover: Mover, { host, refusal, role }: Goal, arrays: Snapshot['arrays'], scope: PlanScope): Way {
  const { ignored, kinds, hasFailed = false } = scope
  const isAsked = (rule: RuleName): boolean => ignored?.has(rule) !== true
  if (mover.stays !== undefined) return mover.stays
  if (refusal !== undefined || host === undefined) return refusal ?? { rule: 'host-up', reason: 'it is not known' }
  const vmClass = mover.class
  if (
    isAsked('host-role') &&
    ((role === 'core' && vmClass === 'personal') || (role === 'personal' && vmClass === 'core'))
  )
    return { rule: 'host-role', reason: `it is for ${role} VMs, and this one is ${vmClass}` }
  // One that is not there yet has neither disks nor a hypervisor.
  if (mover.hostId === '') return { kind: 'live' }
  if (host.id === mover.hostId) return { kind: 'live' }
  if (isAsked('straight-back') && host.id === mover.cameFrom)
    return { rule: 'straight-back', reason: 'it came from there within a day' }
  const isSame = mover.hypervisor !== undefined && mover.hypervisor === hypervisorOf(host)
  if (isAsked('same-hypervisor')) {
    if (mover.kind !== host.kind)
      return {
        rule: 'same-hypervisor',
        reason: `from ${mover.kind ?? 'unknown'} to ${host.kind}: definition and disks would have to be converted`,
      }
    if (!isSame && !kinds.has('cold-restart'))
      return {
        rule: 'same-hypervisor',
        reason: `from ${mover.hypervisor ?? 'an unknown version'} to ${hypervisorOf(host) ?? 'an unknown version'}: only a restart carries it over`,
      }
  }
  const missing = mover.reach.find((need) => !reaches(host, need, arrays))
  if (missing !== undefined && isAsked('storage-reach')) {
    const reason = missing.local
      ? `a disk of it is on ${missing.name}, which only its own host reaches`
      : `a disk of it is on ${missing.name}, which the host does not reach`
    return kinds.has('cold-copy') ? { kind: 'cold-copy' } : { rule: 'storage-reach', reason }
  }
  return { kind: hasFailed || !isSame ? 'cold-restart' : ('live' satisfies MoveKind) }
}

function reaches(host: Host, need: Mover['reach'][number], arrays: Snapshot['arrays']): boolean {
  if (need.networked) return true
  return !need.local && arrays.get(need.arrayKey)?.hostIds.includes(host.id) === true
}
