import { setTimeout as delay } from 'node:timers/promises'

import type { Findings, Trial } from './trial.js'

/** One failure and what was found after it. */
export interface Round extends Findings {
  /** What the program was doing when it failed. */
  readonly during: 'start' | 'work' | 'stop'
  /** From the beginning of that until the failure. */
  readonly afterMs: number
}

/** How long a program is left to start, to work and to stop before it fails; each takes a random number below 1. */
export type Pace = Readonly<Record<Round['during'], (chance: number) => number>>

const startWithinMs = 60_000

/** Lets a program fail at random moments, in a row on the same data, and looks after each failure. */
export async function* chainOfRounds(
  trial: Trial,
  count: number,
  pace: Pace,
  random: () => number,
): AsyncGenerator<Round, void> {
  const before = await lookedAt(trial)
  if (before.faults.length > 0) throw new Error(`not even a first start is right: ${before.faults.join('; ')}`)
  for (let index = 0; index < count; index += 1) {
    const during = kindOf(random())
    const afterMs = Math.round(pace[during](random()))
    const workMs = during === 'work' ? afterMs : pace.work(random())
    await failAtWork(trial, workMs, during === 'stop' ? afterMs : undefined)
    if (during === 'start') await failAtStart(trial, afterMs)
    yield { during, afterMs, ...(await lookedAt(trial)) }
  }
}

function kindOf(chance: number): Round['during'] {
  if (chance < 0.15) return 'start'
  return chance < 0.3 ? 'stop' : 'work'
}

async function failAtStart(trial: Trial, afterMs: number): Promise<void> {
  // Ready before its time is up: it fails all the same.
  const start = trial.start().then(
    () => undefined,
    () => undefined,
  )
  await delay(afterMs)
  await trial.fail()
  await start
}

async function failAtWork(trial: Trial, workMs: number, stopMs: number | undefined): Promise<void> {
  const end = new AbortController()
  const work = trial.work(end.signal)
  // Seen below.
  work.catch(() => undefined)
  await Promise.race([delay(workMs), work])
  if (stopMs !== undefined) {
    trial.interrupt()
    await delay(stopMs)
  }
  end.abort()
  const failed = trial.fail()
  await Promise.all([failed, work])
}

/** A program that does not start, or does not answer, has not kept its promise either. */
async function lookedAt(trial: Trial): Promise<Findings> {
  try {
    await started(trial)
    return await trial.look()
  } catch (error) {
    return {
      faults: [error instanceof Error ? (error.stack ?? error.message) : String(error)],
      promised: 0,
      readBack: 0,
      waiting: 0,
    }
  }
}

async function started(trial: Trial): Promise<void> {
  const late = new AbortController()
  try {
    await Promise.race([
      trial.start(),
      delay(startWithinMs, undefined, { signal: late.signal }).then(() => {
        throw new Error(`the program did not start within ${startWithinMs} ms`)
      }),
    ])
  } finally {
    late.abort()
  }
}
