import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'

import { z } from 'zod'

/** What an array of the lab knows of itself, and no product may: totals since it started, and how it is now. */
export const arrayTruth = z.object({
  /** Milliseconds since 1970. */
  at: z.number(),
  capacityBytes: z.number(),
  /** Of whole stripes; others cost more. */
  drainBytesPerSecond: z.number(),
  destage: z.enum(['always', 'watermark', 'idle', 'bursts']),
  writeThrough: z.boolean(),
  rebuildShare: z.number(),
  fillBytes: z.number(),
  /** By the hosts. */
  writtenBytes: z.number(),
  /** Into the cache, in whole blocks that were not dirty already. */
  admittedBytes: z.number(),
  /** Onto the disks. */
  drainedBytes: z.number(),
  readBytes: z.number(),
  writes: z.number(),
  reads: z.number(),
  waitingWrites: z.number(),
  inFlight: z.number(),
  /** From the first write that has to wait until half a second after the last one that had to. `overflowMs` is without that half. */
  overflowing: z.boolean(),
  overflows: z.number(),
  overflowMs: z.number(),
  frozen: z.boolean(),
  freezes: z.number(),
})
export type ArrayTruth = z.output<typeof arrayTruth>

/** The control file of an array that is mounted. */
export class ArrayControl {
  readonly #file: string

  constructor(directory: string) {
    this.#file = path.join(directory, '.array')
  }

  async truth(): Promise<ArrayTruth> {
    return arrayTruth.parse(JSON.parse(await readFile(this.#file, 'utf8')))
  }

  /** `drain=4e6,rebuild=0.5`; `freeze=5000`: nothing ends for so many milliseconds from now. @throws EINVAL if it is not understood */
  async set(parameters: string): Promise<void> {
    await writeFile(this.#file, parameters)
  }
}

/** A share of the cache above which little room is left. */
const nearFull = 0.9

export type TrueState = 'idle' | 'filling' | 'near-full' | 'saturated' | 'draining' | 'stalled' | 'write-through'

/** In which state it was from one look to the next. */
export function trueState(before: ArrayTruth, now: ArrayTruth): TrueState {
  if (now.frozen) return 'stalled'
  if (now.writeThrough) return 'write-through'
  if (now.overflowing) return 'saturated'
  if (now.fillBytes === 0 && before.fillBytes === 0) return 'idle'
  if (now.fillBytes >= nearFull * now.capacityBytes) return 'near-full'
  return now.fillBytes > before.fillBytes ? 'filling' : 'draining'
}
