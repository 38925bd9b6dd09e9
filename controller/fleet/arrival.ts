import type { VmObservation } from '../model/observation.js'
import type { Point } from '../store/time-series.js'
import type { Readings } from './absence.js'
import { afterMove } from './counted.js'
import type { Arrival, Departure, Passage } from './passage.js'
import { merged, pointOf } from './part-store.js'
import { shortestIntervalMs, type Interval } from './rates.js'
import { ioReadings, sum } from './readings.js'
import type { CopyContext } from './vm-copy.js'

/**
 * The first intervals that a sample completes, of a VM that came; none of another.
 * @param before where it came from, as far as that is known by now
 */
export function completedFirsts(
  passage: Passage,
  { at, disks }: VmObservation,
  before: (arrival: Arrival) => Departure | undefined,
): ReadonlyMap<string, Interval> {
  const { arriving } = passage
  if (arriving === undefined || disks.length === 0 || at - arriving.cameAt < shortestIntervalMs) return new Map()
  const first = { at, disks: new Map(disks.map(({ target, totals }) => [target, totals])) }
  passage.settle(first)
  return firstIntervals({ ...arriving, first }, before(arriving))
}

/** The VM's own figures from those of its disks that were read at one moment. */
export function sumOfDisks(intervals: Iterable<Interval>): Readings {
  const all = sum([...intervals])
  if (all === undefined) return {}
  const { outOfSlotsPerSecond: _ofDisksOnly, ...readings } = ioReadings(all)
  return readings
}

/** The points of the first intervals, once more is known of the departure: they take the place of those stored before. */
export function firstPoints(arrival: Arrival, departure: Departure, context: CopyContext): Point[] {
  const intervals = firstIntervals(arrival, departure)
  const at = arrival.first?.at ?? arrival.cameAt
  const point = (kind: 'vm' | 'disk', id: string, readings: Readings): Point[] =>
    pointOf(kind, id, at, merged(kind, {}, readings, at, context).stored)
  return [
    ...[...intervals].flatMap(([target, of]) => point('disk', `${context.seriesId}/${target}`, ioReadings(of))),
    ...point('vm', context.seriesId, sumOfDisks(intervals.values())),
  ]
}

/**
 * The first interval of each disk after a move, by target. It goes on where the host that the VM came from left off, and
 * holds what was written there since; if that is not known, or in this host's future, it begins with the arrival.
 */
function firstIntervals(
  { cameAt, first }: Pick<Arrival, 'cameAt' | 'first'>,
  departure: Departure | undefined,
): ReadonlyMap<string, Interval> {
  const intervals = new Map<string, Interval>()
  if (first === undefined) return intervals
  for (const [target, totals] of first.disks) {
    const left = departure?.disks.get(target)
    const of = (left && afterMove(first.at, totals, left)) ?? afterMove(first.at, totals, { at: cameAt, owed: {} })
    if (of !== undefined) intervals.set(target, of)
  }
  return intervals
}
