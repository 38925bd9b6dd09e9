import { pause } from '../../common/lifecycle.js'
import { withDeadline } from '../../common/deadline.js'
import { ActionRefused, type WorkProgress, type VmControl, type VmNow } from '../hypervisor/hypervisor.js'
import type { ExecEntry } from './exec-entry.js'
import type { LimitKeeper } from './limit-keeper.js'
import { messageOf, StillGoesOn, type Outcome, type VerbContext, type VerbWork } from './verbs/verb-work.js'

/** Why a run was broken off. */
export type BrokenOff = 'timeout' | 'cancelled' | 'stopping'

export interface Run {
  readonly commandId: string
  readonly work: VerbWork
  readonly hostId: string
  readonly vmUuid: string
  readonly args: Readonly<Record<string, string>>
  readonly before: VmNow
  readonly limits: LimitKeeper
  readonly programs: readonly ExecEntry[]
  readonly archive: VerbContext['archive']
  readonly marks: VerbContext['marks']
  readonly definition: VerbContext['definition']
  readonly held: () => Promise<void>
  readonly say: (line: string) => void
  readonly progress: (done: WorkProgress) => void
  /** Breaks it off, with a `BrokenOff` as its reason. */
  readonly signal: AbortSignal
  /** The agent ends: nothing more is looked at, the next life does. */
  readonly stopping: AbortSignal
  /** Of its host; undefined while that is not open. */
  readonly control: () => VmControl | undefined
}

/** How long a host may be away until a broken command counts as unknown for good. While it is at work, that time does not run. */
const lookForMs = 600_000
const lookAgainMs = 2000
const oneLookMs = 30_000
const breakOffWithinMs = 90_000

/** Does the work once. Whatever breaks it off, it is then looked at what came of it; undefined: the agent ends before that. */
export async function carryOut(run: Run, control: VmControl): Promise<Outcome | undefined> {
  try {
    return await run.work.run(contextOf(run, control, run.signal))
  } catch (error) {
    if (error instanceof ActionRefused) return { state: 'failed', reason: error.message }
    return lookAtIt(run, `broken off (${messageOf(error)})`)
  }
}

/** What came of work that was broken off. Undefined: the agent ends before it is known. */
export async function lookAtIt(
  run: Run,
  why: string,
  { forMs, againMs } = { forMs: lookForMs, againMs: lookAgainMs },
): Promise<Outcome | undefined> {
  const { stopping, signal: broken } = run
  let problem = 'its host is not open'
  let until = performance.now() + forMs
  let isBrokenOff = false
  while (performance.now() < until) {
    if (stopping.aborted) return undefined
    const control = run.control()
    if (control !== undefined) {
      try {
        if (broken.aborted && !isBrokenOff && run.work.breakOff !== undefined) {
          await withDeadline(
            breakOffWithinMs,
            stopping,
            (signal) => run.work.breakOff?.(contextOf(run, control, signal)) ?? Promise.resolve(),
          )
          isBrokenOff = true
        }
        const outcome = await withDeadline(oneLookMs, stopping, (signal) =>
          run.work.seen(contextOf(run, control, signal)),
        )
        if (!stopping.aborted)
          return { ...outcome, reason: outcome.reason === undefined ? why : `${why}; ${outcome.reason}` }
      } catch (error) {
        problem = messageOf(error)
        if (error instanceof StillGoesOn) until = performance.now() + forMs
      }
    }
    await pause(againMs, stopping)
  }
  return { state: 'unknown', reason: `${why}; the VM could not be looked at: ${problem}` }
}

function contextOf(run: Run, control: VmControl, signal: AbortSignal): VerbContext {
  const { commandId, hostId, vmUuid, args, before, limits, programs, archive, marks, definition } = run
  const { held, say, progress } = run
  const of = { commandId, hostId, vmUuid, args, before, definition }
  const known = { ...of, limits, programs, archive, marks, held, say, progress }
  return { ...known, control, signal, pause: (ms) => pause(ms, signal) }
}
