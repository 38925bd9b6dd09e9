import { createHash } from 'node:crypto'

import type { VerbName, Verdict } from '../../common/verbs.js'
import { endsBy, isOver, over, type Command } from './command.js'

/**
 * A migration by steps, each a command of its own to one agent, so that it goes on over any crash. Pure.
 *
 * offer (the old host: may it leave? its definition) → receive (the new one: can it come? keeps the definition) → migrate (the old host moves it: off
 * here, halted there) → arrive (the new host lets it go on, and sees it run; asked for again where that was refused) → discard (the old host forgets it). A VM is let go on only where its
 * other copy was seen to be off: a lost answer leaves it halted, and a person says where it goes on (`resolve`).
 */

/** The hosts of a move. */
export interface Move {
  readonly toHostId: string
  readonly toHostName: string
  /** The other one: that the VM leaves, or whose copy ends. */
  readonly fromHostId: string
  readonly fromHostName: string
  /** All that has to be before the move is there. */
  readonly isReady?: boolean
  /** The old host says that it is off there. */
  readonly hasLeft?: boolean
  /** When it said so; the controller's clock, milliseconds since the epoch. */
  readonly leftAt?: number
  /** Of a resolve: the command that moved it, by which agents know their part of it. */
  readonly moveId?: string
  /** It started with its old host, and is to start with the new one. */
  readonly autostart?: boolean
  /** Of a resolve: the copy that is kept runs already. */
  readonly runs?: boolean
}

/** What a step is made from; the desk gives it its id and number. */
export interface NewStep {
  readonly verb: VerbName
  readonly hostId: string
  readonly hostName: string
  readonly args: Readonly<Record<string, string>>
  readonly definition?: string
  readonly dryRun?: boolean
  readonly startWithinMs: number
}

export type Change =
  | { readonly change: 'step'; readonly of: Command; readonly step: NewStep }
  | { readonly change: 'command'; readonly command: Command; readonly event: string | undefined }

const minute = 60_000
/** Agents take commands that may wait for less than a day. */
const longMs = 20 * 60 * minute
/** An arrival that was turned away is asked for again: the VM is off on its old host. */
const againMs = { first: 5000, most: 5 * minute } as const
const mostFailures = 3

/** What is to be done next for all moves. */
export function migrationChanges(commands: readonly Command[], now: number): readonly Change[] {
  const moves = commands.filter(
    (command) => command.move !== undefined && !isOver(command) && command.state !== 'pending-approval',
  )
  if (moves.length === 0) return []
  return moves.flatMap((command) => {
    const steps = commands.filter(({ stepOf }) => stepOf === command.id)
    const move = command.move
    if (move === undefined) return []
    return command.verb === 'resolve' ? resolveNext(command, move, steps, now) : migrateNext(command, move, steps, now)
  })
}

/**
 * Why it cannot be cancelled any more; undefined if it can. Past its first step that changes anything on a host, a guest could stay halted for good. The
 * move itself can be given up while it lasts: its agent knows how far it is.
 */
export function pastCancelling({ id, stepOf, verb, move }: Command, commands: readonly Command[]): string | undefined {
  if (stepOf !== undefined) return `it is a step of command ${commands.find((one) => one.id === stepOf)?.number ?? ''}`
  if (move?.hasLeft === true) return `the VM is off on ${move.fromHostName}: it has to go on on ${move.toHostName}`
  const hasBegun = verb === 'resolve' && commands.some((one) => one.stepOf === id && !one.dryRun)
  return hasBegun ? 'the other copy is being ended: this one has to go on' : undefined
}

/** The old host has told that it is off there: the command goes on until it runs on the new one. */
export function afterWord(command: Command, now: number): Command {
  const { verb, state, dryRun, move, reason } = command
  if (move?.hasLeft === true && isOver(command)) return { ...command, state: 'running', reason: '', endedAt: undefined }
  if (verb !== 'migrate' || state !== 'succeeded' || dryRun || move === undefined) return command
  const said = `${command.output}${move.fromHostName}: ${reason}\n`
  return {
    ...command,
    state: 'running',
    reason: '',
    output: said,
    move: { ...move, hasLeft: true, leftAt: now },
    endedAt: undefined,
  }
}

function migrateNext(command: Command, move: Move, steps: readonly Command[], now: number): readonly Change[] {
  const { args, dryRun, vmName } = command
  const keep = dryRun ? 'no' : 'yes'
  const at = stepsBy(steps)
  if (move.hasLeft === true) return arriveNext(command, move, steps, now)
  if (command.sentAt !== undefined || move.isReady === true) return []
  const startWithinMs = Math.max(1000, command.startBefore - now)
  const source = { hostId: move.fromHostId, hostName: move.fromHostName, startWithinMs }
  const target = { hostId: move.toHostId, hostName: move.toHostName, startWithinMs }
  if (at.offer === undefined) return [step(command, { ...source, verb: 'offer', args: { keep } })]
  if (!isOver(at.offer)) return []
  if (at.offer.state !== 'succeeded') return [stopped(command, at.offer, now)]
  const definition = definitionIn(at.offer.output)
  if (definition === undefined)
    return [ended(over(command, 'failed', `${move.fromHostName} has told no whole definition`, now))]
  if (at.receive === undefined) {
    return [
      step(command, {
        ...target,
        verb: 'receive',
        args: { name: vmName, keep, move: moveIdOf(command, move) },
        definition,
      }),
    ]
  }
  if (!isOver(at.receive)) return []
  if (at.receive.state !== 'succeeded') return [stopped(command, at.receive, now)]
  const verdicts = [...command.verdicts, ...verdictsOf(at.offer), ...verdictsOf(at.receive)]
  if (dryRun) return [ended({ ...over(command, 'succeeded', '', now), verdicts })]
  const ready = { ...command, verdicts, args: { ...args, definition: hashOf(definition) } }
  const autostart = at.offer.verdicts.some(({ check }) => check === 'agent: autostart')
  return [{ change: 'command', command: { ...ready, move: { ...move, isReady: true, autostart } }, event: undefined }]
}

function arriveNext(command: Command, move: Move, steps: readonly Command[], now: number): readonly Change[] {
  const at = stepsBy(steps)
  const startWithinMs = restOf(command, now)
  const target = { hostId: move.toHostId, hostName: move.toHostName, startWithinMs }
  const arrival = step(command, { ...target, verb: 'arrive', args: arriveArgs(command, move) })
  if (at.arrive === undefined) return [arrival]
  if (!isOver(at.arrive)) return []
  if (at.arrive.state !== 'succeeded') {
    const { state, reason, endedAt = now } = at.arrive
    const tries = steps.filter(({ verb }) => verb === 'arrive').length
    if (mayYetArrive(at.arrive, tries)) {
      if (now < endedAt + Math.min(againMs.most, againMs.first * 2 ** Math.min(10, tries - 1))) return []
      const output = `${command.output}${move.toHostName}: arrive ${state}: ${reason}; it is asked again\n`
      return [arrival, { change: 'command', command: { ...command, output }, event: undefined }]
    }
    const why = `it is off on ${move.fromHostName}, and does not go on on ${move.toHostName}: ${at.arrive.reason}`
    return [ended(over(command, 'unknown', why, now))]
  }
  const left = { hostId: move.fromHostId, hostName: move.fromHostName, startWithinMs }
  return [
    ...(at.discard === undefined
      ? [step(command, { ...left, verb: 'discard', args: discardArgs(command, move) })]
      : []),
    ended(over(command, 'succeeded', `it runs on ${move.toHostName}`, now)),
  ]
}

/** Whether one that did not go on there may do so when it is asked once more. */
function mayYetArrive({ state, verdicts }: Command, tries: number): boolean {
  if (state === 'failed') return tries < mostFailures
  // What the agent itself sees of the VM stays so: a person has to look.
  const isSeen = verdicts.some(({ check, ok }) => !ok && ['agent: vm', 'agent: state', 'agent: move'].includes(check))
  return state !== 'refused' || !isSeen
}

/** How long its steps may wait: none of them outlives it. */
function restOf(command: Command, now: number): number {
  return Math.min(longMs, Math.max(1000, endsBy(command) - now))
}

function moveIdOf({ id }: Command, { moveId }: Move): string {
  return moveId ?? id
}

function arriveArgs(command: Command, move: Move): NewStep['args'] {
  return { move: moveIdOf(command, move), ...(move.autostart === true && { autostart: 'on' }) }
}

function discardArgs(command: Command, move: Move): NewStep['args'] {
  return { name: command.vmName, move: moveIdOf(command, move) }
}

/** The copy that goes on is looked at before the other one is ended. */
function resolveNext(command: Command, move: Move, steps: readonly Command[], now: number): readonly Change[] {
  // It has begun: its time to begin is over, and the time that it may take counts.
  if (command.state === 'queued')
    return [{ change: 'command', command: { ...command, state: 'running' }, event: 'running' }]
  const kept = {
    hostId: move.toHostId,
    hostName: move.toHostName,
    verb: 'arrive',
    args: arriveArgs(command, move),
    startWithinMs: minute,
  } as const
  const other = { hostId: move.fromHostId, hostName: move.fromHostName, startWithinMs: minute }
  const arrivals = steps.filter(({ verb }) => verb === 'arrive')
  const probe = arrivals.find(({ dryRun }) => dryRun)
  const arrive = arrivals.find(({ dryRun }) => !dryRun)
  const discard = stepsBy(steps).discard
  if (move.runs !== true) {
    if (probe === undefined) return [step(command, { ...kept, dryRun: true })]
    if (!isOver(probe)) return []
    if (probe.state !== 'succeeded') return [stopped(command, probe, now)]
  }
  if (command.dryRun) return [ended(over(command, 'succeeded', '', now))]
  if (discard === undefined) return [step(command, { ...other, verb: 'discard', args: discardArgs(command, move) })]
  if (!isOver(discard)) return []
  if (discard.state !== 'succeeded') return [stopped(command, discard, now)]
  const says = `it goes on on ${move.toHostName}; the copy on ${move.fromHostName} is gone`
  if (move.runs === true) return [ended(over(command, 'succeeded', says, now))]
  if (arrive === undefined) return [step(command, { ...kept, startWithinMs: restOf(command, now) })]
  if (!isOver(arrive)) return []
  if (arrive.state !== 'succeeded') return [stopped(command, arrive, now)]
  return [ended(over(command, 'succeeded', says, now))]
}

type Steps = Partial<Record<VerbName, Command>>

/** The newest of each verb. */
function stepsBy(steps: readonly Command[]): Steps {
  const byVerb: Steps = {}
  for (const one of steps.toSorted((a, b) => a.number - b.number)) {
    const verb = stepVerbs.find((name) => name === one.verb)
    if (verb !== undefined) byVerb[verb] = one
  }
  return byVerb
}

const stepVerbs = ['offer', 'receive', 'arrive', 'discard'] as const satisfies VerbName[]

function step(of: Command, made: NewStep): Change {
  return { change: 'step', of, step: made }
}

function ended(command: Command): Change {
  return { change: 'command', command, event: command.state }
}

/** A step was not done, so that what follows is not. */
function stopped(command: Command, failed: Command, now: number): Change {
  const { verb, hostName, state, reason } = failed
  const end = state === 'refused' || state === 'unknown' ? state : 'failed'
  const verdicts = [...command.verdicts, ...verdictsOf(failed)]
  return ended({
    ...over(command, end, `${hostName}: ${verb} ${state}${reason === '' ? '' : `: ${reason}`}`, now),
    verdicts,
  })
}

function verdictsOf({ hostName, verdicts }: Command): readonly Verdict[] {
  return verdicts.map(({ check, ...rest }) => ({ check: `${hostName}: ${check.replace(/^agent: /, '')}`, ...rest }))
}

/** Whole, or undefined. */
function definitionIn(output: string): string | undefined {
  return /<domain[\s>][\s\S]*<\/domain>/.exec(output)?.[0]
}

/** As the agent's `migrate` compares it. */
export function hashOf(definition: string): string {
  return createHash('sha256').update(definition.trimEnd()).digest('hex')
}
