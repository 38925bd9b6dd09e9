import { formatDuration, formatRate } from '../../common/units.js'
import type { ArrayCondition } from '../model/array-condition.js'
import type { Command } from './command.js'

/** What a bulk command is for the arrays that it works on: one that reads or writes much. */
export interface Bulk {
  /** Boxes that its VM lies on. */
  readonly boxes: readonly { readonly id: string; readonly name: string }[]
  /** Its place in the queue: the lowest goes first. */
  readonly place: number
  /** What it was told to keep to when it went; undefined: nobody knew the array well enough to say. */
  readonly bytesPerSecond?: number | undefined
  /** Of one that was sent: so long it may wait for its turn again, milliseconds since the epoch. */
  readonly until?: number | undefined
  /** How often it was sent, with those before it; absent: once at most. */
  readonly tries?: number | undefined
  /** Id of the command that was sent and not begun, for which this one waits again. */
  readonly insteadOf?: string | undefined
}

export type ConditionOf = (boxId: string) => ArrayCondition | 'not-yet' | undefined

export type Admission =
  | { readonly admitted: true; readonly bytesPerSecond: number | undefined }
  | { readonly admitted: false; readonly why: string }

/** Of what drains at least: the rest is for what nobody expects. */
const givenAway = 0.8
/** Less is no use: it waits until others do less. */
const leastBytesPerSecond = 1e6
/** An interval whose ends are farther apart than this, as a factor, is not known. */
const roughly = 5
/** After an array overflowed or stood still. */
export const calmMs = 30_000

/**
 * Which of the bulk commands that wait may go now, and at what rate. One at a time works on a box. It goes when the box is well and bears it: then what
 * it writes and what all others write together is less than what drains at least, so that the cache cannot fill. Those behind one that waits for its box wait
 * too, those of other boxes do not. Pure.
 * @param waiting bulk commands that have not been sent
 * @param active bulk commands that have, and have not ended
 * @param conditionOf what is known of a box; `not-yet`: after a start nothing is; undefined: nobody watches it
 * @returns by id of the command
 */
export function admissions(
  waiting: readonly Command[],
  active: readonly Command[],
  conditionOf: ConditionOf,
  now: number,
): ReadonlyMap<string, Admission> {
  const takenBy = new Map<string, string>()
  for (const { bulk, number, verb } of active)
    for (const { id } of bulk?.boxes ?? []) takenBy.set(id, `${verb} has its place, as command ${number}`)
  const all = new Map<string, Admission>()
  for (const command of inOrder(waiting)) {
    const boxes = command.bulk?.boxes ?? []
    const admission = admissionOf(boxes, takenBy, conditionOf, now)
    all.set(command.id, admission)
    // A box that it may take is taken; one that it waits for is kept for it.
    const by = admission.admitted ? 'goes' : 'waits'
    for (const { id } of boxes) if (!takenBy.has(id)) takenBy.set(id, `command ${command.number} ${by} before it`)
  }
  return all
}

export function inOrder<T extends Pick<Command, 'bulk' | 'number'>>(commands: readonly T[]): T[] {
  const placeOf = ({ bulk, number }: T): number => bulk?.place ?? number
  return commands.toSorted((a, b) => placeOf(a) - placeOf(b) || a.number - b.number)
}

function admissionOf(
  boxes: Bulk['boxes'],
  takenBy: ReadonlyMap<string, string>,
  conditionOf: ConditionOf,
  now: number,
): Admission {
  let bytesPerSecond: number | undefined
  for (const { id, name } of boxes) {
    const taken = takenBy.get(id)
    if (taken !== undefined) return { admitted: false, why: `${name}: ${taken}` }
    const condition = conditionOf(id)
    if (condition === undefined) continue
    if (condition === 'not-yet') return { admitted: false, why: `${name}: what it does is not known yet` }
    const why = whyNot(condition, now)
    if (why !== undefined) return { admitted: false, why: `${name}: ${why}` }
    const rate = spareOf(condition)
    if (rate !== undefined && rate < leastBytesPerSecond)
      return { admitted: false, why: `${name}: others leave ${formatRate(Math.max(0, rate))} of what it drains` }
    if (rate !== undefined) bytesPerSecond = Math.min(bytesPerSecond ?? Infinity, Math.floor(rate))
  }
  return { admitted: true, bytesPerSecond }
}

function whyNot(condition: ArrayCondition, now: number): string | undefined {
  const { state, since, inflowBytesPerSecond } = condition
  switch (state) {
    case 'saturated':
      return 'its write cache is full'
    case 'near-full':
      return 'its write cache is nearly full'
    case 'stalled':
      return 'it stands still'
    case 'draining': {
      const leftMs = since + calmMs - now
      return leftMs > 0 ? `its write cache empties; in ${formatDuration(leftMs)} at the soonest` : undefined
    }
    default:
      // What it bears was learnt or told: that is no use without what others write.
      return isDrainKnown(condition) && inflowBytesPerSecond === undefined
        ? 'what others write to it is not known now'
        : undefined
  }
}

/** What drains at least and others do not write; undefined: that is not known. */
function spareOf(condition: ArrayCondition): number | undefined {
  const { drain, inflowBytesPerSecond: inflow } = condition
  return isDrainKnown(condition) && inflow !== undefined ? givenAway * drain.low - inflow : undefined
}

function isDrainKnown({ drain }: Pick<ArrayCondition, 'drain'>): boolean {
  return drain.basis !== 'assumed' && drain.high <= roughly * drain.low
}
