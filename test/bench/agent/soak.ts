import { appendFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'

import { raiseGuests } from './guests.js'
import { median } from './median.js'
import { startOurAgent } from './our-agent.js'

/**
 * One hour of the installed agent over 50 guests: its memory must stay under the bar and flat. Flat: the median of the last
 * sixth is at most 3 MiB above that of the second sixth (the first warms up).
 */
const barMiB = 60
const flatMiB = 3
const everyMs = 5000

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      guests: { type: 'string', default: '50' },
      minutes: { type: 'string', default: '60' },
      /** A libvirt that has guests already, in place of guests of its own. */
      socket: { type: 'string' },
      /** A line of `seconds MiB` for each look. */
      log: { type: 'string' },
    },
  })
  const world = values.socket === undefined ? await raiseGuests(Number(values.guests), console.log) : undefined
  try {
    const sizes = await watch(values.socket ?? world?.daemon.socket ?? '', Number(values.minutes) * 60_000, values.log)
    const sixth = Math.floor(sizes.length / 6)
    const early = median(sizes.slice(sixth, 2 * sixth))
    const late = median(sizes.slice(-sixth))
    const maxMiB = Math.max(...sizes.slice(sixth))
    const passed = maxMiB <= barMiB && late - early <= flatMiB
    const figures = {
      minutes: Number(values.minutes),
      earlyMiB: early,
      lateMiB: late,
      maxMiB,
      medianMiB: median(sizes),
    }
    console.log(JSON.stringify({ bench: 'soak', ...figures, passed }))
    process.exitCode = passed ? 0 : 1
  } finally {
    await world?.stop()
  }
}

async function watch(socket: string, durationMs: number, log: string | undefined): Promise<number[]> {
  const agent = await startOurAgent(socket)
  try {
    const sizes: number[] = []
    const beganAt = performance.now()
    while (performance.now() - beganAt < durationMs) {
      await delay(everyMs)
      const size = Number(agent.residentMiB().toFixed(1))
      sizes.push(size)
      const seconds = Math.round((performance.now() - beganAt) / 1000)
      if (log !== undefined) await appendFile(log, `${seconds} ${size}\n`)
      if (sizes.length % 60 === 0) console.log(`after ${Math.round(seconds / 60)} min: ${size} MiB`)
    }
    return sizes
  } finally {
    await agent.stop()
  }
}

await main()
