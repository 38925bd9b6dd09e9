import { isEnd, type CommandState, type Verdict } from '../../common/verbs.js'
import type { WorkProgress, VmNow } from '../hypervisor/hypervisor.js'

/** A command as the controller sent it. Nothing of it is believed before it was checked. */
export interface CommandSpec {
  readonly id: string
  readonly hostId: string
  readonly verb: string
  readonly vmUuid: string
  readonly args: Readonly<Record<string, string>>
  /** The controller's clock, milliseconds since the epoch: later it is not begun any more. */
  readonly startBeforeMs: number
  /** From its beginning; 0: as the verb table says. */
  readonly timeoutMs: number
  readonly actor: string
  readonly dryRun: boolean
  /** It may have been begun before: it is told what is known of it, and never begun. */
  readonly onlyReport: boolean
  /** Of a VM that is to come here, without secrets. */
  readonly definition?: string
}

export type RecordState = Exclude<CommandState, 'pending-approval' | 'sent'>

/** A command and what has become of it. */
export interface CommandRecord {
  readonly spec: CommandSpec
  readonly state: RecordState
  /** Counts up with everything that is told of it; the controller acks it. */
  readonly revision: number
  readonly ackedRevision: number
  /** Why it ended so; empty if there is nothing to say. */
  readonly reason: string
  /** When it came into this state; the controller's clock. */
  readonly atMs: number
  /** The VM as it was at the beginning. */
  readonly before: VmNow | undefined
  readonly verdicts: readonly Verdict[]
  /** How far it is; absent: that is not known. */
  readonly progress?: WorkProgress | undefined
  /** What it said since `outputStart`, bytes of its whole output; at most `mostOutputBytes` are kept. */
  readonly output: string
  readonly outputStart: number
}

/** A life of the agent tells less than this of one command: the next one counts on from there, so that nothing new looks old. */
const lifeStep = 2 ** 20
const mostOutputBytes = 65_536
/** A command that was sent twice may come again as long as it could be begun; clocks are no further apart than that. */
const rememberMs = 3_600_000
/** So far ahead a command may wait; it is remembered for that long. */
const mostAheadMs = 86_400_000

export function queued(spec: CommandSpec, atMs: number): CommandRecord {
  const told = { verdicts: [], output: '', outputStart: 0, reason: '', before: undefined }
  return { spec, state: 'queued', revision: 1, ackedRevision: 0, atMs, ...told }
}

/** One that had begun, and whose record is lost. It may have been asked for until a day after that was written. */
export function lost(id: string, writtenAtMs: number): CommandRecord {
  const nobody = {
    hostId: '',
    verb: '',
    vmUuid: '',
    args: {},
    timeoutMs: 0,
    actor: '',
    dryRun: false,
    onlyReport: true,
  }
  const spec = { id, ...nobody, startBeforeMs: writtenAtMs + mostAheadMs }
  const reason = 'it had begun, and the record of it is damaged'
  return { ...queued(spec, writtenAtMs), state: 'unknown', reason, revision: lifeStep }
}

export function begun(record: CommandRecord, before: VmNow, atMs: number): CommandRecord {
  return { ...record, state: 'running', before, atMs, revision: record.revision + 1 }
}

export function ended(
  record: CommandRecord,
  end: { readonly state: RecordState; readonly reason?: string; readonly verdicts?: readonly Verdict[] },
  atMs: number,
): CommandRecord {
  const { state, reason = '', verdicts = record.verdicts } = end
  return { ...record, state, reason, verdicts, atMs, revision: record.revision + 1 }
}

/** How far it is; an earlier word of that is forgotten. */
export function advanced(record: CommandRecord, progress: WorkProgress): CommandRecord {
  return isEnd(record.state) ? record : { ...record, progress, revision: record.revision + 1 }
}

export function said(record: CommandRecord, line: string): CommandRecord {
  const all = Buffer.from(`${record.output}${line}\n`)
  const kept = all.subarray(Math.max(0, all.length - mostOutputBytes))
  return {
    ...record,
    output: kept.toString(),
    outputStart: record.outputStart + all.length - kept.length,
    revision: record.revision + 1,
  }
}

export function acked(record: CommandRecord, revision: number): CommandRecord {
  const through = Math.min(revision, record.revision)
  return through <= record.ackedRevision ? record : { ...record, ackedRevision: through }
}

/** As it is when another life of the agent finds it. */
export function found(record: CommandRecord): CommandRecord {
  const outputStart = record.outputStart + Buffer.byteLength(record.output)
  // What was said between the last two writes is lost: what comes now stands apart from it.
  const output = isEnd(record.state) ? {} : { output: '', outputStart: outputStart + lifeStep }
  return { ...record, ...output, revision: record.revision + lifeStep, ackedRevision: 0 }
}

export function isOver({ state }: CommandRecord): boolean {
  return isEnd(state)
}

/** Nobody waits for it, and it cannot be begun again: its deadline has passed. */
export function isForgettable(record: CommandRecord, now: number): boolean {
  const { revision, ackedRevision, spec } = record
  const isTold = ackedRevision === revision || now > spec.startBeforeMs + 7 * mostAheadMs
  return isOver(record) && isTold && now > spec.startBeforeMs + rememberMs
}

/** Why a command that is not known yet is not taken in; undefined if it is. */
export function notAdmitted(
  spec: CommandSpec,
  now: number,
): { readonly state: 'expired' | 'refused' | 'unknown'; readonly reason: string } | undefined {
  if (spec.onlyReport)
    return { state: 'unknown', reason: 'this agent has no record of it: it was not begun here, or that was forgotten' }
  if (!(spec.startBeforeMs > now)) return { state: 'expired', reason: 'its time to begin had passed when it came' }
  if (spec.startBeforeMs > now + mostAheadMs)
    return { state: 'refused', reason: 'it may begin until more than a day from now: at most a day' }
  return undefined
}
