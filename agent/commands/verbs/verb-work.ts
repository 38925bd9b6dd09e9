import type { Verdict } from '../../../common/verbs.js'
import type { WorkProgress, VmControl, VmNow } from '../../hypervisor/hypervisor.js'
import type { DefinitionArchive } from '../definition-archive.js'
import type { ExecEntry } from '../exec-entry.js'
import type { LimitKeeper } from '../limit-keeper.js'
import type { MoveMarks } from '../move-marks.js'

/** What the work of a verb is given. */
export interface VerbContext {
  readonly commandId: string
  readonly hostId: string
  readonly vmUuid: string
  readonly args: Readonly<Record<string, string>>
  /** The VM as it was when the command began. */
  readonly before: VmNow
  readonly control: VmControl
  readonly limits: LimitKeeper
  /** That the agent's configuration lists. */
  readonly programs: readonly ExecEntry[]
  /** Aborts when its time is over, when it is cancelled, and when the agent stops. */
  readonly signal: AbortSignal
  /** Ends early, without an error, when the signal aborts. */
  readonly pause: (ms: number) => Promise<void>
  /** A line of what it does, for who waits. */
  readonly say: (line: string) => void
  readonly archive: Pick<DefinitionArchive, 'keep' | 'keepIncoming'>
  /** Of moves that this agent has a part in. */
  readonly marks: Pick<MoveMarks, 'of' | 'put' | 'remove'>
  /** As the controller sent it, of a VM that is to come. */
  readonly definition: string | undefined
  /** Resolves when the controller keeps what was said. @throws ActionRefused if it does not within half a minute */
  readonly held: () => Promise<void>
  /** How far it is, for who waits. */
  readonly progress: (done: WorkProgress) => void
}

/** What its checks are given. */
export type CheckContext = Pick<
  VerbContext,
  | 'hostId'
  | 'vmUuid'
  | 'args'
  | 'before'
  | 'control'
  | 'limits'
  | 'programs'
  | 'archive'
  | 'marks'
  | 'definition'
  | 'signal'
>

/** What is known of a command's end. */
export type Outcome =
  | { readonly state: 'succeeded'; readonly reason?: string }
  | { readonly state: 'failed' | 'unknown'; readonly reason: string }

/** How a verb is done. One file each; what may be asked of it is in `common/verbs.ts`. */
export interface VerbWork {
  /** Why it is not to be done with this VM, beyond what the verb table says of its state. */
  readonly refuses?: (vm: VmNow) => string | undefined
  /** Looks at more than the VM's state, and changes nothing. Asked once all other checks are passed. */
  readonly checks?: (context: CheckContext) => Promise<readonly Verdict[]>
  /**
   * Does it.
   * @throws ActionRefused if nothing was done; any other error, its signal's included: then `seen` is asked
   */
  run(context: VerbContext): Promise<Outcome>
  /**
   * What can be seen of it by looking, after it was broken off: by an error, by the end of its time, or by the end of the agent, with another
   * one looking now. It changes nothing. May wait a while for what is on its way.
   * @throws Error if the VM cannot be looked at
   */
  seen(context: VerbContext): Promise<Outcome>
  /** Has what is under way given up, where another life of the agent has begun it. Throws nothing of what it is refused. */
  breakOff?(context: VerbContext): Promise<void>
}

/** The hypervisor is still at work on it: it is looked at again for as long as that lasts. */
export class StillGoesOn extends Error {
  override readonly name = 'StillGoesOn'
}

/** Looks until it is as wanted, at most some seconds. @returns as it was last seen; undefined: it is not there */
export async function lookUntil(
  { control, vmUuid, signal, pause }: Pick<VerbContext, 'control' | 'vmUuid' | 'signal' | 'pause'>,
  wanted: (vm: VmNow) => boolean,
  tries: number,
): Promise<VmNow | undefined> {
  for (let left = tries; ; left -= 1) {
    const vm = await control.look(vmUuid, signal)
    if (vm === undefined || wanted(vm) || left <= 1) return vm
    await pause(lookEveryMs)
  }
}

const lookEveryMs = 500
/** How often it is looked at before what is not there counts as not coming: a call that was on its way is answered by then. */
export const tries = 20

/** Nothing of it runs. One that crashed may be kept as it was then, with its process. */
export const isOff = ({ state, runId }: VmNow): boolean => state === 'shutoff' || (state === 'crashed' && runId === '')
/** Why one that crashed and is kept with its process, for somebody to look into, is not off. */
export const keptAfterCrash = (vm: VmNow): string | undefined =>
  vm.state === 'crashed' && !isOff(vm)
    ? 'it crashed and is kept as it was then, with its process: destroy it first'
    : undefined
export const isRunning = ({ state }: VmNow): boolean => state === 'running' || state === 'blocked'

export const gone = 'the VM is not on this host any more'

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
