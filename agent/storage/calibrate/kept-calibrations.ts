import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

import { makeDirectoryDurably, writeDurably } from '../../../common/durable-file.js'
import { errorCode } from '../../../common/error-code.js'
import type { Calibration } from '../../hypervisor/hypervisor.js'

/** By key of the array. */
export type Calibrations = ReadonlyMap<string, Calibration>

const mostKept = 64

function fileIn(dataDir: string): string {
  return join(dataDir, 'calibrations.json')
}

/** What `headroom-agent calibrate` has found. None if there is no file. @throws Error that says what is wrong with it */
export async function readCalibrations(dataDir: string): Promise<Calibrations> {
  const path = fileIn(dataDir)
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    if (errorCode(error) === 'ENOENT') return undefined
    throw error
  })
  if (text === undefined) return new Map()
  const content: unknown = JSON.parse(text)
  if (!isRecord(content) || content['version'] !== 1 || !isRecord(content['arrays'])) {
    throw new Error(`${path}: expected calibrations of version 1`)
  }
  const found = Object.entries(content['arrays']).slice(0, mostKept)
  return new Map(found.map(([key, value]) => [key, calibrationOf(value, `${path}: ${key}`)]))
}

/** Adds one to those that are kept, or takes it away. @throws as reading does, or the file system's error */
export async function keepCalibration(dataDir: string, key: string, one: Calibration | undefined): Promise<void> {
  const kept = new Map(await readCalibrations(dataDir))
  kept.delete(key)
  if (one !== undefined) kept.set(key, one)
  makeDirectoryDurably(dataDir)
  const arrays = Object.fromEntries([...kept].slice(-mostKept))
  // No secret: whoever runs the agent reads it.
  await writeDurably(fileIn(dataDir), `${JSON.stringify({ version: 1, arrays }, undefined, 2)}\n`, 0o644)
}

function calibrationOf(value: unknown, where: string): Calibration {
  const number = (name: keyof Calibration): number => {
    const found = isRecord(value) ? value[name] : undefined
    if (typeof found === 'number' && Number.isFinite(found) && found > 0) return found
    throw new Error(`${where}: ${name}: expected a number above 0, got ${JSON.stringify(found)}`)
  }
  return {
    atMs: number('atMs'),
    capacityBytes: number('capacityBytes'),
    capacitySpread: number('capacitySpread'),
    drainBytesPerSecond: number('drainBytesPerSecond'),
    drainSpread: number('drainSpread'),
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
