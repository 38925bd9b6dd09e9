import { once } from 'node:events'
import { createInterface } from 'node:readline'

import type { XenHost } from './boot-xen.js'

/** How far dom0's clock was ahead of this machine's when it was asked. */
export interface ClockReading {
  readonly aheadMs: number
  /** At most so much is `aheadMs` wrong: half the way of question and answer. */
  readonly errorMs: number
}

const tries = 20

/** Asks dom0 for the time; the fastest of some answers counts. */
export async function measureClock(xen: XenHost): Promise<ClockReading> {
  // The shell answers by itself: a program would take longer to start than the answer needs.
  const shell = xen.start('while read -r _; do echo "$EPOCHREALTIME"; done')
  const lines = createInterface({ input: shell.stdout })
  const readings: ClockReading[] = []
  for (let count = 0; count < tries; count += 1) {
    const askedAt = Date.now()
    const answered = once(lines, 'line')
    shell.stdin.write('\n')
    const [text] = await answered
    const errorMs = (Date.now() - askedAt) / 2
    readings.push({ aheadMs: Number(text) * 1000 - (askedAt + errorMs), errorMs })
  }
  shell.stdin.end()
  return readings.reduce((best, reading) => (reading.errorMs < best.errorMs ? reading : best))
}

/** A moment of dom0 by this machine's clock, after readings before and after it. */
export function hereOf(
  there: number,
  readings: readonly ClockReading[],
): { readonly atMs: number; readonly errorMs: number } {
  const aheads = readings.flatMap(({ aheadMs, errorMs }) => [aheadMs - errorMs, aheadMs + errorMs])
  const [least, most] = [Math.min(...aheads), Math.max(...aheads)]
  return { atMs: there - (least + most) / 2, errorMs: (most - least) / 2 }
}
