import { ActionRefused, HypervisorDenied, HypervisorUnavailable } from '../hypervisor.js'
import { endOf, LocalTool, ToolFailure, type ToolAnswer } from '../../host/local-tool.js'
import { mostToolBytes } from './xen-tools.js'

/**
 * What is done with one domain by Xen's own tools. It is named by its number, which is never used twice while the host is up, or by its UUID: what
 * somebody has called a VM never gets near a command.
 */
export type XenAct =
  | { readonly act: 'pause' | 'unpause' | 'shutdown' | 'reboot' | 'destroy'; readonly id: number }
  /** One that is off, which only xend knows of. */
  | { readonly act: 'start'; readonly uuid: string }
  | { readonly act: 'mem-set'; readonly id: number; readonly mebibytes: number }
  /** Tells the cap, or sets it: percent of one CPU, 0: none. */
  | { readonly act: XenScheduler; readonly id: number; readonly capPercent?: number }

export const xenSchedulers = { credit: 'sched-credit', credit2: 'sched-credit2' } as const
type XenScheduler = (typeof xenSchedulers)[keyof typeof xenSchedulers]

export interface XenActor {
  /**
   * Does it, and gives what the tool printed.
   * @throws ActionRefused if the tool says that it did not; any other error: it is not known
   */
  do(act: XenAct, signal: AbortSignal): Promise<string>
}

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/**
 * The words that are given to xl or xm: exactly these, and to no shell. deploy/remote/headroom-reader.sh lets the same pass.
 * @throws ActionRefused if it names dom0, or nothing that there can be
 */
export function wordsOf(act: XenAct): readonly string[] {
  switch (act.act) {
    case 'start':
      if (!uuid.test(act.uuid)) throw new ActionRefused(`${JSON.stringify(act.uuid.slice(0, 40))} is no UUID`)
      return ['start', act.uuid]
    case 'mem-set':
      return ['mem-set', guestId(act.id), `${count(act.mebibytes)}m`]
    case 'sched-credit':
    case 'sched-credit2': {
      const told = [act.act, '-d', guestId(act.id)]
      return act.capPercent === undefined ? told : [...told, '-c', count(act.capPercent)]
    }
    default:
      return [act.act, guestId(act.id)]
  }
}

function guestId(id: number): string {
  if (!(Number.isInteger(id) && id > 0 && id < 65_536)) throw new ActionRefused(`${id} is no number of a guest`)
  return String(id)
}

function count(value: number): string {
  if (!(Number.isInteger(value) && value >= 0 && value < 1e9)) throw new ActionRefused(`${value} is no count`)
  return String(value)
}

/** Why a tool that failed leaves it open whether something was done: it ends the domain first. */
export function isUnsureIfFailed({ act }: XenAct): boolean {
  return act === 'destroy'
}

const usual: readonly string[] = ['/usr/sbin/xl', '/usr/sbin/xm']
const deadlineMs = 120_000

/** By xl or xm of the dom0 that this program runs in. */
export class LocalXenActor implements XenActor {
  readonly #tool: LocalTool

  constructor(programs: readonly string[] = usual) {
    this.#tool = new LocalTool({ programs, deadlineMs, mostBytes: mostToolBytes })
  }

  async do(act: XenAct, signal: AbortSignal): Promise<string> {
    let answer: ToolAnswer
    try {
      answer = await this.#tool.run(wordsOf(act), signal)
    } catch (error) {
      if (!(error instanceof ToolFailure) || error.kind === 'failed') throw error
      const Kind = error.kind === 'denied' ? HypervisorDenied : HypervisorUnavailable
      throw new ActionRefused(error.message, { cause: new Kind(error.message, { cause: error }) })
    }
    if (answer.status === 0) return answer.stdout
    throw failureOf(act, endOf(answer))
  }
}

export function failureOf(act: XenAct, says: string): Error {
  return isUnsureIfFailed(act) ? new Error(says) : new ActionRefused(says)
}
