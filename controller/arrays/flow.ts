import type { LoadClass } from '../model/array-condition.js'

/** What was written for a while, under one kind of load. */
export interface Flow {
  readonly bytes: number
  readonly seconds: number
  readonly loadClass: LoadClass
}

/** Bytes a second, of all or the last ones; undefined: nothing is known. */
export function meanFlow(flows: readonly Flow[], last = flows.length): number | undefined {
  let bytes = 0
  let seconds = 0
  for (let index = Math.max(0, flows.length - last); index < flows.length; index += 1) {
    bytes += flows[index]?.bytes ?? 0
    seconds += flows[index]?.seconds ?? 0
  }
  return seconds > 0 ? bytes / seconds : undefined
}
