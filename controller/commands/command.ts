import type { Move } from './migration.js'
import { isEnd, type CommandState, type Verdict } from '../../common/verbs.js'
import type { RemedyMark } from '../remedies/remedy-mark.js'
import type { Bulk } from './admission.js'
import type { Approval } from './approval.js'

/** A command as the controller keeps it. Times are on its clock, milliseconds since the epoch. */
export interface Command {
  readonly id: string
  /** In the order in which they were asked for. */
  readonly number: number
  readonly verb: string
  readonly args: Readonly<Record<string, string>>
  readonly hostId: string
  readonly hostName: string
  readonly vmUuid: string
  readonly vmName: string
  readonly dryRun: boolean
  readonly actor: string
  /** Why, in the words of who asked. */
  readonly note?: string | undefined
  readonly state: CommandState
  /** Why it ended so; empty if there is nothing to say. */
  readonly reason: string
  readonly createdAt: number
  /** Later it is not begun any more. */
  readonly startBefore: number
  readonly timeoutMs: number
  readonly sentAt?: number | undefined
  /** The agent that it was sent to. */
  readonly sentTo?: string | undefined
  /** When the agent began. */
  readonly begunAt?: number | undefined
  readonly endedAt?: number | undefined
  /** Of what the agent told last; 0: nothing yet. */
  readonly revision: number
  readonly verdicts: readonly Verdict[]
  /** What it said; the last of it, if that is much. */
  readonly output: string
  /** Up to which byte of its output that is. */
  readonly outputEnd: number
  /** How far it is, bytes; absent: that is not known. */
  readonly progress?: Progress | undefined
  readonly cancelledBy?: string | undefined
  /** It needs a second person, or had one. */
  readonly approval?: Approval | undefined
  /** The controller gave up waiting for the agent's word: it still counts when it comes. */
  readonly gaveUp?: boolean | undefined
  /** Of one that moves its VM. */
  readonly move?: Move | undefined
  /** The command of which this is a step. */
  readonly stepOf?: string | undefined
  /** What the agent is sent to keep. */
  readonly definition?: string | undefined
  /** Of a limit that an alert proposed. */
  readonly remedy?: RemedyMark | undefined
  /** Of one that reads or writes much: it waits for its turn at the arrays of its VM. */
  readonly bulk?: Bulk | undefined
}

export interface Progress {
  readonly doneBytes: number
  readonly totalBytes: number
}

/** What an agent tells of a command, its fields checked. */
export interface CommandUpdate {
  readonly id: string
  readonly revision: number
  readonly state: CommandState
  readonly reason: string
  readonly verdicts: readonly Verdict[]
  readonly output: string
  readonly outputOffset: number
  readonly outputBytes: number
  readonly progress?: Progress | undefined
}

export function isOver({ state }: Command): boolean {
  return isEnd(state)
}

const mostOutput = 65_536
/** After it must have ended, so long is waited for an agent that is away. */
const waitForWordMs = 3_600_000

/** What an update makes of a command; undefined: it says nothing new. */
export function told(command: Command, update: CommandUpdate, now: number): Command | undefined {
  const isTrueEnd = isOver(command) && command.gaveUp !== true
  // An agent counts on as long as it has a record: one that counts anew and knows nothing of it has lost what it had.
  const isNews = update.revision > command.revision || update.state === 'unknown'
  if (isTrueEnd || !isNews) return undefined
  const { state, reason, revision } = update
  return {
    ...command,
    // Queued at the agent is sent for us.
    state: state === 'queued' ? 'sent' : state,
    reason,
    revision,
    verdicts: [
      ...command.verdicts.filter(({ check }) => !check.startsWith('agent: ')),
      ...update.verdicts.map(ofAgent),
    ],
    ...withOutput(command, update),
    gaveUp: undefined,
    progress: update.progress ?? command.progress,
    ...(state === 'running' && command.begunAt === undefined && { begunAt: now }),
    ...(isEnd(state) && { endedAt: now }),
  }
}

function ofAgent({ check, ...rest }: Verdict): Verdict {
  return { check: `agent: ${check}`, ...rest }
}

function withOutput(
  command: Command,
  { output, outputOffset, outputBytes }: CommandUpdate,
): Pick<Command, 'output' | 'outputEnd'> {
  const end = outputOffset + outputBytes
  if (end <= command.outputEnd) return { output: command.output, outputEnd: command.outputEnd }
  const known = Math.max(0, command.outputEnd - outputOffset)
  const fresh = Buffer.from(output).subarray(known).toString()
  const gap = outputOffset > command.outputEnd && command.output !== '' ? '[… some of it was lost]\n' : ''
  return { output: `${command.output}${gap}${fresh}`.slice(-mostOutput), outputEnd: end }
}

/**
 * Whether one that was sent before may be sent again as one to begin. What the agent told of has begun or waits there: it knows it. Another agent of
 * the host cannot know whether the one before began it; what is cancelled is not to begin at all.
 */
export function mayBegin({ begunAt, gaveUp, sentTo, cancelledBy }: Command, agentId: string): boolean {
  return begunAt === undefined && gaveUp !== true && sentTo === agentId && cancelledBy === undefined
}

export function over(command: Command, state: CommandState, reason: string, now: number): Command {
  return { ...command, state, reason, endedAt: now }
}

/** When it is over, whatever is known of it then: no step of it begins later. A move past the point of no return gets the time to come to its end. */
export function endsBy({ startBefore, timeoutMs, move }: Command): number {
  return Math.max(startBefore + timeoutMs, move?.leftAt ?? 0) + waitForWordMs
}

/** What the passing of time makes of it; undefined: nothing. */
export function aged(command: Command, now: number): Command | undefined {
  if (isOver(command)) return undefined
  const waits = command.state === 'queued' || command.state === 'pending-approval'
  if (waits) {
    const reason = command.state === 'queued' ? 'it was not begun in time' : 'nobody approved it in time'
    return now < command.startBefore ? undefined : over(command, 'expired', reason, now)
  }
  if (now < endsBy(command)) return undefined
  const { move } = command
  if (move?.hasLeft === true) {
    const why = `it is off on ${move.fromHostName}, and whether it goes on on ${move.toHostName} was not told in time`
    return over(command, 'unknown', why, now)
  }
  const reason = 'its agent has not told what came of it'
  return { ...over(command, 'unknown', reason, now), gaveUp: true }
}

export interface Caps {
  readonly perHost: number
  readonly fleet: number
}

/** Those that are to be sent now, oldest first: one for a VM, so many at once for a host and for all whose agents are there. */
export function nextToSend(
  commands: Iterable<Command>,
  isReachable: (hostId: string) => boolean,
  { perHost, fleet }: Caps,
  isAdmitted: (command: Command) => boolean = () => true,
): readonly Command[] {
  const open = [...commands].filter((command) => !isOver(command)).toSorted((a, b) => a.number - b.number)
  const active = open.filter(({ state }) => state === 'sent' || state === 'running')
  // A step goes with its command, which counts for both of its hosts.
  const counted = active.filter(({ stepOf }) => stepOf === undefined)
  const vms = new Set(counted.map(({ vmUuid }) => vmUuid))
  const ofHost = new Map<string, number>()
  const take = (command: Command): void => {
    for (const id of hostsOf(command)) ofHost.set(id, (ofHost.get(id) ?? 0) + 1)
  }
  for (const command of counted) take(command)
  const atAll = counted.filter(({ hostId }) => isReachable(hostId)).length
  const chosen: Command[] = []
  for (const command of open) {
    const { hostId, vmUuid, state, stepOf, move } = command
    if (state !== 'queued') continue
    if (stepOf !== undefined) {
      if (isReachable(hostId)) chosen.push(command)
      continue
    }
    const isFull = hostsOf(command).some((id) => (ofHost.get(id) ?? 0) >= perHost)
    // What waits for its array holds nothing else of its VM up.
    if (!isAdmitted(command)) continue
    const waits = vms.has(vmUuid)
    // What is behind it on the same VM waits for it, whatever it waits for.
    vms.add(vmUuid)
    if (waits || isFull || atAll + chosen.length >= fleet || !isReachable(hostId)) continue
    // Its first steps come before it.
    if (move !== undefined && move.isReady !== true) continue
    take(command)
    chosen.push(command)
  }
  return chosen
}

/** Whose places it takes. */
function hostsOf({ hostId, move }: Command): readonly string[] {
  return move === undefined ? [hostId] : [...new Set([hostId, move.fromHostId, move.toHostId])]
}
