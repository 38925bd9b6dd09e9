import type { Right } from '../access/caller.js'
import type { Command } from '../commands/command.js'
import { isOver } from '../commands/command.js'
import type { Role } from '../../common/verbs.js'
import { isRunning, type Snapshot } from '../model/snapshot.js'
import type { Plan, PlannedMove } from '../planner/live/plan.js'
import type { Refusal } from '../planner/problem.js'

/** A plan that was kept to be applied, and how far it is. Times are milliseconds since the epoch. */
export interface KeptPlan {
  readonly number: number
  readonly kind: Plan['kind']
  readonly subject: string
  readonly says: string
  readonly createdAt: number
  readonly createdBy: string
  /** `stopped`: something was not as it should be; it can be resumed. */
  readonly state: 'proposed' | 'applying' | 'stopped' | 'done' | 'cancelled'
  /** Why it stopped or was cancelled; empty if there is nothing to say. */
  readonly reason: string
  /** Who let it go on last, and as what: every move is asked for by that one. */
  readonly approved?: Approved | undefined
  /** A line of the policy let it go on, and nobody else. */
  readonly automatic: boolean
  readonly endedAt?: number | undefined
  readonly moves: readonly KeptMove[]
}

/** `tokenHash`: of the token by which it was said; undefined: by a user who had logged in, or by the policy. */
export interface Approved extends Right {
  readonly role: Role
  readonly at: number
}

export interface KeptMove extends PlannedMove {
  readonly state: 'waiting' | 'moving' | 'by-person' | 'done'
  readonly commandId?: string | undefined
  readonly commandNumber?: number | undefined
  readonly begunAt?: number | undefined
  readonly endedAt?: number | undefined
  /** When its command failed, or did not bring the VM over; the last 20. Those are no hits, whatever comes of it later. */
  readonly missedAt?: readonly number[] | undefined
  /** What came of it, beside what was foretold (`times`, `source.after`, `target.after`). */
  readonly observed?: Observed | undefined
}

export interface Observed {
  readonly durationMs: number
  /** Configured memory of the VMs of both hosts afterwards, as the ledgers have it; undefined: not known. */
  readonly sourceMemoryBytes: number | undefined
  readonly targetMemoryBytes: number | undefined
  /** It took no longer than twice what was foretold at most, and memory is as foretold; where memory is not known it is no hit. */
  readonly hit: boolean
}

/** What is known as the next thing is decided. */
export interface ApplyWorld {
  readonly snapshot: Pick<Snapshot, 'vms' | 'hosts'>
  readonly commands: readonly Command[]
  readonly configuredBytes: (hostId: string) => number | undefined
  readonly now: number
}

export type NextStep =
  /** Nothing to do yet. */
  | { readonly step: 'wait' }
  | { readonly step: 'change'; readonly plan: KeptPlan }
  /** The rules are to be asked, and then the command. */
  | { readonly step: 'check'; readonly at: number; readonly move: KeptMove }

/** How long after its command a VM may take to show on its new host. */
const showsWithinMs = 120_000
const mostMisses = 20

/** What is to be done next for a plan that is applied: one move at a time, in its order. Pure. */
export function nextStep(plan: KeptPlan, world: ApplyWorld): NextStep {
  if (plan.state !== 'applying') return { step: 'wait' }
  const at = plan.moves.findIndex(({ state }) => state !== 'done')
  const move = plan.moves[at]
  if (move === undefined) return change({ ...plan, state: 'done', reason: '', endedAt: world.now })
  const vm = world.snapshot.vms.get(move.vmUuid)
  if (vm === undefined) {
    // Who carries a VM over by hand may undefine it on the one host before it is defined on the other.
    return move.state === 'by-person' ? { step: 'wait' } : change(stopped(plan, `${move.vm} is gone`))
  }
  const isThere = vm.hostId === move.toHostId
  const hostName = (id: string): string => world.snapshot.hosts.get(id)?.name ?? id
  switch (move.state) {
    case 'waiting':
      if (isThere) return change(withMove(plan, at, { ...move, state: 'done', endedAt: world.now }))
      if (vm.hostId !== move.fromHostId)
        return change(stopped(plan, `${move.vm} is on ${hostName(vm.hostId)}, not on ${move.from} any more`))
      return { step: 'check', at, move }
    case 'by-person':
      if (!isThere && vm.hostId !== move.fromHostId)
        return change(stopped(plan, `${move.vm} is on ${hostName(vm.hostId)}, not on ${move.to}`))
      if (!isThere || !isRunning(vm.state)) return { step: 'wait' }
      return change(withMove(plan, at, ended(move, world)))
    case 'moving':
      return afterCommand(plan, at, move, isThere && isRunning(vm.state), world)
    case 'done':
      return { step: 'wait' }
  }
}

function afterCommand(plan: KeptPlan, at: number, move: KeptMove, runsThere: boolean, world: ApplyWorld): NextStep {
  const command = world.commands.find(({ id }) => id === move.commandId)
  const again = { ...move, state: 'waiting', commandId: undefined } as const
  if (command === undefined) return change(stopped(withMove(plan, at, again), 'its command is not kept any more'))
  if (!isOver(command)) return { step: 'wait' }
  if (command.state !== 'succeeded') {
    const why = `${move.vm}: command ${command.number} ${command.state}${command.reason === '' ? '' : `: ${command.reason}`}`
    const isMiss = command.state === 'failed' || command.state === 'unknown'
    return change(stopped(withMove(plan, at, isMiss ? missed(again, command.endedAt ?? world.now) : again), why))
  }
  if (runsThere) {
    const begun = command.begunAt ?? command.sentAt ?? command.createdAt
    const end = command.endedAt ?? world.now
    return change(withMove(plan, at, ended({ ...move, begunAt: begun }, { ...world, now: end })))
  }
  if (world.now - (command.endedAt ?? world.now) < showsWithinMs) return { step: 'wait' }
  return change(
    stopped(
      withMove(plan, at, missed(again, world.now)),
      `${move.vm} was moved, and is not seen running on ${move.to}`,
    ),
  )
}

function missed(move: KeptMove, at: number): KeptMove {
  return { ...move, missedAt: [...(move.missedAt ?? []), at].slice(-mostMisses) }
}

function ended(move: KeptMove, { now, configuredBytes }: ApplyWorld): KeptMove {
  const durationMs = now - (move.begunAt ?? now)
  const sourceMemoryBytes = configuredBytes(move.fromHostId)
  const targetMemoryBytes = configuredBytes(move.toHostId)
  const isAs = (foretold: number, seen: number | undefined): boolean =>
    seen !== undefined && Math.abs(seen - foretold) <= 0.1 * Math.max(foretold, move.memoryBytes)
  const hit =
    durationMs <= 2 * move.times.duration.mostMs &&
    isAs(move.source.after.memoryBytes, sourceMemoryBytes) &&
    isAs(move.target.after.memoryBytes, targetMemoryBytes)
  return { ...move, state: 'done', endedAt: now, observed: { durationMs, sourceMemoryBytes, targetMemoryBytes, hit } }
}

/** The plan once rules and hosts were asked about its next move; `command`: what was asked for. */
export function afterCheck(
  plan: KeptPlan,
  at: number,
  found:
    | { readonly refusals: readonly Refusal[] }
    | { readonly byPerson: true }
    | { readonly command: Command | undefined },
  now: number,
): KeptPlan {
  const move = plan.moves[at]
  if (move === undefined) return plan
  if ('refusals' in found) {
    const why = found.refusals.map(({ rule, reason }) => `${reason} (${rule})`).join('; ')
    return stopped(plan, `${move.vm} may not go to ${move.to} any more: ${why}`)
  }
  if ('byPerson' in found) return withMove(plan, at, { ...move, state: 'by-person', begunAt: now })
  const { command } = found
  if (command === undefined) return stopped(plan, 'as many commands as there may be have not ended')
  if (command.state === 'refused') return stopped(plan, `${move.vm}: ${command.reason}`)
  return withMove(plan, at, {
    ...move,
    state: 'moving',
    commandId: command.id,
    commandNumber: command.number,
    begunAt: now,
  })
}

export function stopped(plan: KeptPlan, reason: string): KeptPlan {
  return { ...plan, state: 'stopped', reason }
}

function withMove(plan: KeptPlan, at: number, move: KeptMove): KeptPlan {
  return { ...plan, moves: plan.moves.map((one, place) => (place === at ? move : one)) }
}

function change(plan: KeptPlan): NextStep {
  return { step: 'change', plan }
}

/** The move of a plan that is under way; a plan that is stopped may have one still. */
export function underWay({ moves }: Pick<KeptPlan, 'moves'>, commands: readonly Command[]): Command | undefined {
  const ids = new Set(moves.flatMap(({ state, commandId }) => (state === 'moving' ? [commandId] : [])))
  return commands.find((command) => ids.has(command.id) && !isOver(command))
}

/** Share of the last moves by command that came as foretold, and how many that were: those whose command failed are among them. */
export function hitRate(plans: readonly KeptPlan[], last = 20): { readonly moves: number; readonly rate: number } {
  const seen = plans
    .flatMap(({ moves }) => moves)
    .filter(({ by }) => by === 'command')
    .flatMap(({ missedAt = [], observed, endedAt = 0 }) => [
      ...missedAt.map((at) => ({ at, hit: false })),
      ...(observed === undefined ? [] : [{ at: endedAt, hit: observed.hit }]),
    ])
    .toSorted((a, b) => b.at - a.at)
    .slice(0, last)
  const hits = seen.filter(({ hit }) => hit).length
  return { moves: seen.length, rate: seen.length === 0 ? 1 : hits / seen.length }
}
