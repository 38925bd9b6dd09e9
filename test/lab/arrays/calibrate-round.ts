import { execFileSync } from 'node:child_process'
import path from 'node:path'

import { agentConfigSchema } from '../../../agent/config.js'
import { calibrate } from '../../../agent/calibrate.js'
import { startCanaryThread } from '../../../agent/storage/canary/canary-thread.js'
import { readCalibrations } from '../../../agent/storage/calibrate/kept-calibrations.js'
import { temporaryDirectory } from '../../support/running-product.js'
import { mountArray } from '../array/mounted-array.js'

/** What a calibration of an array of the lab came to: against the truth, and by a neighbour of its own with another LUN. */
export interface CalibrateRound {
  readonly learnt: boolean
  /** Relative; positive: said too large. */
  readonly capacityError: number | undefined
  readonly drainError: number | undefined
  readonly neighbour: NeighbourFigures
  readonly overflows: number
  readonly overflowSeconds: number
  readonly seconds: number
  readonly said: readonly string[]
}

export interface NeighbourFigures {
  /** Of its small writes before anything was written, and in all. */
  readonly calmMs: number
  readonly mostMs: number
  /** The longest time in which each took more than three times as long as then; and more than 5 ms besides. */
  readonly longestWaitSeconds: number
  readonly longestNoticedSeconds: number
}

const arrayKey = 'iscsi:iqn.2011-04.lab:box1'
const scratchBytes = 2 * 2 ** 30
const neighbourEveryMs = 50
const quietMs = 5000
const waitFactor = 3
const noticedMs = 5

/** The agent's own program beside a small writer, on an array that does nothing else; its device is a loop over a file there. */
export async function calibrateRound(parameters: string, cacheBytes: number): Promise<CalibrateRound> {
  const directory = await temporaryDirectory('lab-calibrate-')
  const luns = { 'scratch.img': scratchBytes, 'headroom-canary': 2 ** 20 }
  const array = await mountArray(path.join(directory.path, 'array'), parameters, luns)
  let loop: string | undefined
  try {
    loop = execFileSync('losetup', ['--find', '--show', '--direct-io=on', array.lun('scratch.img')], {
      encoding: 'utf8',
    }).trim()
    const data = path.join(directory.path, 'data')
    const neighbour = await startNeighbour(array.lun('headroom-canary'))
    const began = performance.now()
    const said: string[] = []
    const learnt = await calibrate(['--device', loop, '--array', arrayKey], {
      config: async () => agentConfigSchema.parse({ data }),
      print: (line) => said.push(line),
      now: () => Date.now(),
      monotonicMs: () => performance.now(),
      signal: new AbortController().signal,
    })
    const seconds = (performance.now() - began) / 1000
    const kept = (await readCalibrations(data)).get(arrayKey)
    const { drainBytesPerSecond, overflows, overflowMs } = await array.control.truth()
    const errorOf = (told: number | undefined, truth: number): number | undefined =>
      told === undefined ? undefined : told / truth - 1
    return {
      learnt,
      capacityError: errorOf(kept?.capacityBytes, cacheBytes),
      drainError: errorOf(kept?.drainBytesPerSecond, drainBytesPerSecond),
      neighbour: await neighbour.stop(),
      overflows,
      overflowSeconds: overflowMs / 1000,
      seconds,
      said,
    }
  } finally {
    if (loop !== undefined) execFileSync('losetup', ['--detach', loop])
    await array.stop()
    await directory.remove()
  }
}

/** Writes 4 KiB in a thread of its own; ready when it is known how long that takes in quiet. */
async function startNeighbour(file: string): Promise<{ stop(): Promise<NeighbourFigures> }> {
  const thread = startCanaryThread(file)
  const took: { readonly atMs: number; readonly ms: number }[] = []
  let isBusy = false
  const timer = setInterval(() => {
    const end = isBusy ? thread.ended() : undefined
    if (isBusy && end === undefined) return
    if (end !== undefined && 'seconds' in end) took.push({ atMs: performance.now(), ms: end.seconds * 1000 })
    thread.begin()
    isBusy = true
  }, neighbourEveryMs)
  await new Promise((done) => setTimeout(done, quietMs))
  const calmMs = took.map(({ ms }) => ms).toSorted((a, b) => a - b)[Math.floor(took.length / 2)] ?? Number.NaN
  return {
    async stop() {
      clearInterval(timer)
      await thread.stop()
      const longest = (limitMs: number): number => {
        let sinceMs: number | undefined
        let longestMs = 0
        for (const { atMs, ms } of took) {
          if (ms <= limitMs) sinceMs = undefined
          else longestMs = Math.max(longestMs, atMs - (sinceMs ??= atMs - ms))
        }
        return longestMs / 1000
      }
      return {
        calmMs,
        mostMs: Math.max(...took.map(({ ms }) => ms)),
        longestWaitSeconds: longest(waitFactor * calmMs),
        longestNoticedSeconds: longest(Math.max(noticedMs, waitFactor * calmMs)),
      }
    },
  }
}
