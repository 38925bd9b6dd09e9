import type { LoadClass } from '../model/array-condition.js'

/** What was written for a while, under one kind of load. */
export interface Flow {
  readonly bytes: number
  readonly seconds: number
  readonly loadClass: LoadClass
}

/** Bytes a second; undefined: nothing is known. */
export function meanFlow(flows: readonly Flow[]): number | undefined {
  let bytes = 0
  let seconds = 0
  for (const flow of flows) {
    bytes += flow.bytes
    seconds += flow.seconds
  }
  return seconds > 0 ? bytes / seconds : undefined
}
