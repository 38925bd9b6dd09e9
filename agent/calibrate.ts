import { formatBytes, formatDuration, formatRate } from '../common/units.js'
import { calibrateOptions, NotCalibrated, type CalibrateOptions } from './calibrate-options.js'
import type { AgentConfig } from './config.js'
import { asOwnerOf } from './data-owner.js'
import { createLocalFiles } from './host/local-files.js'
import { createArrayResolver } from './storage/array-resolver.js'
import { keepCalibration } from './storage/calibrate/kept-calibrations.js'
import { runCalibration, type CalibrationRun } from './storage/calibrate/run-calibration.js'
import { checkScratch, openScratch } from './storage/calibrate/scratch.js'

export interface CalibrateShell {
  readonly config: (file: string | undefined) => Promise<AgentConfig>
  readonly print: (text: string) => void
  readonly now: () => number
  readonly monotonicMs: () => number
  readonly signal: AbortSignal
}

/**
 * `headroom-agent calibrate`: fills and drains the write cache of an array, and keeps what it learns for the agent, which tells it.
 * @returns whether something was learnt. @throws NotCalibrated, NotForScratch, ConfigError, or the file system's error
 */
export async function calibrate(args: readonly string[], shell: CalibrateShell): Promise<boolean> {
  const options = calibrateOptions(args)
  const { print, now } = shell
  const config = await shell.config(options.configFile)
  if ('forget' in options) {
    await asOwnerOf(config.data, [], () => keepCalibration(config.data, options.forget, undefined))
    print(`What was learnt of ${options.forget} by calibration is forgotten.`)
    return true
  }
  const { place } = options
  const { sizeBytes } = checkScratch(place)
  const bounds = { ...options.bounds, mostFillBytes: sizeBytes / 2 }
  const key = await arrayOf(options, config, now)
  print(
    `${options.dryRun ? 'Would write' : 'Writing'} to ${place.path} on ${key}: at most ${formatBytes(bounds.mostBytes)} within ` +
      `${formatDuration(bounds.mostSeconds * 1000)}, ${formatRate(bounds.mostBytesPerSecond)} at the fastest, ${formatBytes(bounds.mostFillBytes)} at a time.`,
  )
  if (options.dryRun) return true
  const scratch = openScratch(place)
  let run: CalibrationRun
  try {
    if (!scratch.isDirect) print('Writes go through the page cache here: each is waited for all the same.')
    run = await runCalibration({ ...shell, scratch, bounds, onPhase: (text) => print(`${text} …`) })
  } finally {
    scratch.close()
  }
  const { result } = run
  const neighbours = `Small writes took ${run.calmMs?.toFixed(1) ?? '?'} ms in quiet, and much longer for ${(run.longestWaitMs / 1000).toFixed(1)} s at most.`
  print(`Wrote ${formatBytes(run.writtenBytes)} in ${formatDuration(run.seconds * 1000)}. ${neighbours}`)
  switch (result.outcome) {
    case 'aborted':
      print(`Nothing was learnt: ${result.reason}.`)
      return false
    case 'never-full':
      print(
        `It never was full: its cache is larger than ${formatBytes(bounds.mostFillBytes)}, or it drains as fast as was written. --size, --most and --rate allow more.`,
      )
      return false
    case 'learnt': {
      const { overflows: _overflows, outcome: _outcome, ...learnt } = result
      await asOwnerOf(config.data, [], () => keepCalibration(config.data, key, { atMs: now(), ...learnt }))
      const within = (spread: number): string => `${Math.round(100 * (Math.exp(1.28 * spread) - 1))}%`
      print(
        `The write cache of ${key} takes ${formatBytes(result.capacityBytes)} (within ${within(result.capacitySpread)}) ` +
          `and drains ${formatRate(result.drainBytesPerSecond)} (within ${within(result.drainSpread)}). The agent tells the controller within a minute.`,
      )
      return true
    }
  }
}

/** @throws NotCalibrated where nobody knows */
async function arrayOf({ place, arrayKey }: CalibrateOptions, config: AgentConfig, now: () => number): Promise<string> {
  const { proc: procRoot, sys: sysRoot, dev: devRoot, root: rootFs } = config.paths
  const files = createLocalFiles()
  const resolve = createArrayResolver({ files, procRoot, sysRoot, devRoot, rootFs, hostId: '', now })
  // The file is not there yet: what its directory lies on is what it will lie on.
  const source = place.kind === 'device' ? place.path : place.path.replace(/[^/]+$/, '.')
  const { key, array } = await resolve({ type: place.kind === 'device' ? 'block' : 'file', source })
  const isShared = array !== undefined && !key.startsWith('local:') && !key.startsWith('fuse')
  if (arrayKey === undefined) {
    if (isShared) return key
    throw new NotCalibrated(
      `${place.path} lies on ${array?.name ?? 'something unknown'}, which is no array that hosts share: name it by --array if it is one`,
    )
  }
  if (isShared && key !== arrayKey)
    throw new NotCalibrated(`--array: expected ${key}, on which ${place.path} lies, got ${arrayKey}`)
  return arrayKey
}
