import type { ArrayModel } from './cached-array.js'
import type { ArraySpec } from '../../../common/fleet-file/fleet-spec.js'

/** A RAID box behind one gigabit link. */
export function modelOf(spec: ArraySpec): ArrayModel {
  const writeBack = spec.cacheMode === 'write-back'
  return {
    cacheBytes: writeBack ? spec.writeCacheBytes : 0,
    drainBytesPerSecond: writeBack ? spec.drainBytesPerSecond : spec.writeThroughBytesPerSecond,
    wireBytesPerSecond: 100e6,
    readBytesPerSecond: 80e6,
    seekSeconds: 0.002,
    baseReadSeconds: 0.004,
    // Without the cache a write waits for the disks, parity included.
    baseWriteSeconds: writeBack ? 0.0015 : 0.012,
    freezes: spec.freezes && writeBack,
  }
}

/** One SATA disk with its own cache. */
export const localDisk: ArrayModel = {
  cacheBytes: 64 * 2 ** 20,
  drainBytesPerSecond: 60e6,
  wireBytesPerSecond: 150e6,
  readBytesPerSecond: 90e6,
  seekSeconds: 0.007,
  baseReadSeconds: 0.006,
  baseWriteSeconds: 0.0008,
  freezes: false,
}
