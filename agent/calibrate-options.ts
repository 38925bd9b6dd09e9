import { parseArgs } from 'node:util'

import { GiB, parseDurationMs, parseRateBytesPerSecond, parseSizeBytes } from '../common/units.js'
import type { RampBounds } from './storage/calibrate/ramp.js'
import type { ScratchPlace } from './storage/calibrate/scratch.js'

export const calibrateUsage = `Usage: headroom-agent calibrate (--file FILE | --device DEVICE) [options]

Learns how much the write cache of an array takes and how fast it drains, without an accident: it fills the cache with a
scratch file until writes become slow, stops at once, and looks how much drains. Small writes beside it watch over the
neighbours: where they take 3 times as long as in quiet, nothing is written any more. Choose a quiet time all the same:
what others write meanwhile makes the cache look smaller and slower than it is. The agent tells the controller the result.

  --file FILE       a file on the array that is not there yet; nothing of it is left, however this ends
  --device DEVICE   instead of a file: a logical volume on the array that holds nothing, or what a calibration left
  --array KEY       the array, where this machine does not see what the file lies on: see 'headroom array list --json'
  --size 2GiB       of the file: twice what the cache may hold
  --most 8GiB       bytes that are written in all
  --within 10m      the longest that it takes
  --rate 200MB/s    the fastest that it writes
  --config FILE     the agent's configuration (agent.yaml)
  --dry-run         says what it would do, and writes nothing
  --forget KEY      takes back what was learnt of an array so, and does nothing else

Exit code 1: nothing was learnt; 2: it was not asked for rightly, or that is no place for it.
`

/** It cannot be done as asked; nothing was done. */
export class NotCalibrated extends Error {
  override readonly name = 'NotCalibrated'
}

export interface CalibrateOptions {
  readonly place: ScratchPlace
  readonly arrayKey: string | undefined
  readonly bounds: Omit<RampBounds, 'mostFillBytes'>
  readonly configFile: string | undefined
  readonly dryRun: boolean
}

/** @throws NotCalibrated */
export function calibrateOptions(
  args: readonly string[],
): CalibrateOptions | { readonly forget: string; readonly configFile: string | undefined } {
  const values = parsed(args)
  const { file, device, forget, config: configFile } = values
  if (forget !== undefined) return { forget, configFile }
  if ((file === undefined) === (device === undefined)) throw new NotCalibrated('--file or --device: give one of them')
  const path = file ?? device ?? ''
  if (!path.startsWith('/'))
    throw new NotCalibrated(`--${file === undefined ? 'device' : 'file'}: expected an absolute path, got ${path}`)
  if (device !== undefined && !device.startsWith('/dev/'))
    throw new NotCalibrated(`--device: expected a path in /dev, got ${device}`)
  const sizeBytes = read('size', values.size, parseSizeBytes, 'a size such as 2GiB') ?? 2 * GiB
  return {
    place: file === undefined ? { kind: 'device', path } : { kind: 'file', path, sizeBytes },
    arrayKey: values.array,
    bounds: {
      mostBytes: read('most', values.most, parseSizeBytes, 'a size such as 8GiB') ?? 8 * GiB,
      mostSeconds: (read('within', values.within, parseDurationMs, 'a duration such as 10m') ?? 600_000) / 1000,
      mostBytesPerSecond: read('rate', values.rate, parseRateBytesPerSecond, 'a rate such as 200MB/s') ?? 200e6,
    },
    configFile,
    dryRun: values['dry-run'] === true,
  }
}

function parsed(args: readonly string[]) {
  const text = { type: 'string' } as const
  try {
    return parseArgs({
      args: [...args],
      options: {
        file: text,
        device: text,
        array: text,
        size: text,
        most: text,
        within: text,
        rate: text,
        config: text,
        forget: text,
        'dry-run': { type: 'boolean' },
      },
    }).values
  } catch (error) {
    throw new NotCalibrated(error instanceof Error ? error.message : String(error))
  }
}

function read(
  name: string,
  text: string | undefined,
  parse: (text: string) => number | undefined,
  expected: string,
): number | undefined {
  if (text === undefined) return undefined
  const value = parse(text)
  if (value === undefined || value <= 0) throw new NotCalibrated(`--${name}: expected ${expected}, got ${text}`)
  return value
}
