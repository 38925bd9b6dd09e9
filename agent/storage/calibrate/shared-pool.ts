import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

import { errorCode } from '../../../common/error-code.js'

/** Suffixes of device-mapper's ids of pools out of which LVM gives volumes their space when they are written to. */
const poolId = /^LVM-\w+-(?:tpool|vpool)$/
/** Devices that lie on each other. */
const deepest = 16

/**
 * The pool that gives a device its space as it is written to, and other devices too: thin volumes, and those that are deduplicated. Undefined:
 * none, as far as the kernel tells.
 * @param deviceNumber as stat has it
 * @returns its name
 */
export function sharedPoolOf(deviceNumber: number, sysRoot = '/sys'): string | undefined {
  return poolBelow(join(sysRoot, 'dev/block', numberText(deviceNumber)), deepest)
}

function poolBelow(device: string, levels: number): string | undefined {
  if (poolId.test(textOf(join(device, 'dm/uuid')))) return textOf(join(device, 'dm/name')) || 'a pool'
  if (levels === 0) return undefined
  for (const name of namesIn(join(device, 'slaves'))) {
    const pool = poolBelow(join(device, 'slaves', name), levels - 1)
    if (pool !== undefined) return pool
  }
  return undefined
}

/** As Linux packs it (`new_encode_dev` of kdev_t.h). */
function numberText(deviceNumber: number): string {
  const major = Math.floor(deviceNumber / 256) % 4096
  const minor = (deviceNumber % 256) + Math.floor(deviceNumber / 2 ** 20) * 256
  return `${major}:${minor}`
}

function textOf(path: string): string {
  return ifThere(() => readFileSync(path, 'utf8').trim(), '')
}

function namesIn(path: string): readonly string[] {
  return ifThere(() => readdirSync(path), [])
}

function ifThere<T>(read: () => T, otherwise: T): T {
  try {
    return read()
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return otherwise
    throw error
  }
}
