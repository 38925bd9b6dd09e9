import { setTimeout as delay } from 'node:timers/promises'

/** Asks again and again until it is so. @returns milliseconds that it took @throws the error names what was waited for */
export async function waitFor(
  withinMs: number,
  what: string,
  holds: () => Promise<boolean>,
  lookEveryMs = 50,
): Promise<number> {
  const began = performance.now()
  while (!(await holds())) {
    if (performance.now() - began > withinMs) throw new Error(`waited ${withinMs} ms for ${what}`)
    await delay(lookEveryMs)
  }
  return performance.now() - began
}
