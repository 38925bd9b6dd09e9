import type { ArrayCacheState, Interval } from '../../../controller/model/array-condition.js'
import { linesOf, type Recording } from './recording.js'

/** What was said of the array at one moment: by the controller of the run, or by the model that the recording is played to. */
export interface Told {
  /** Milliseconds since 1970. */
  readonly at: number
  readonly state: ArrayCacheState
  readonly fill: Interval | undefined
  readonly capacity: Interval | undefined
  /** Of the load of then. */
  readonly drain: Interval
  readonly secondsToSaturation: Interval | undefined
  readonly secondsForTwoCopies: Interval | undefined
  /** Names, most blamed first. */
  readonly culprits: readonly string[]
  readonly victims: readonly string[]
  readonly hasBurstFinding: boolean
}

/** By the controller of the run. */
export function toldLive(recording: Recording): Told[] {
  return linesOf(recording, 'said').map(({ line: _line, fill, capacity, ...said }) => ({
    ...said,
    fill,
    capacity,
    secondsToSaturation: said.secondsToSaturation,
    secondsForTwoCopies: said.secondsForTwoCopies,
  }))
}
