import { describe, expect, it } from 'vitest'

import type { Capability } from '../model/snapshot.js'
import { merge } from './absence.js'
import type { Interval } from './rates.js'
import { idleReadings, ioReadings } from './readings.js'

const device = { deviceReadRequests: 20, deviceReadSeconds: 0.1, deviceWriteRequests: 0, deviceWriteSeconds: 0 }

describe('latency', () => {
  it.each<[string, Interval['delta'], Record<string, number | null | undefined>]>([
    ['of the disk itself', { readRequests: 10, readSeconds: 0.5 }, { readLatencyMs: 50 }],
    ['of the device beneath, by its own requests', { readRequests: 10, ...device }, { readLatencyMs: 5 }],
    ['none without requests of the device', { writeRequests: 10, ...device }, { writeLatencyMs: null }],
    ['of the disk, if both are known', { readRequests: 10, readSeconds: 0.5, ...device }, { readLatencyMs: 50 }],
    ['of neither', { readRequests: 10 }, { readLatencyMs: undefined }],
  ])('%s', (_, delta, expected) => {
    expect(ioReadings({ seconds: 10, delta })).toMatchObject(
      Object.fromEntries(Object.entries(expected).filter(([, value]) => value !== undefined)),
    )
    for (const [name, value] of Object.entries(expected)) expect(ioReadings({ seconds: 10, delta })[name]).toBe(value)
  })

  it('is none while nothing moves', () => {
    expect(idleReadings({ readRequests: 1, ...device })).toEqual({
      readRequestsPerSecond: 0,
      readLatencyMs: null,
      writeLatencyMs: null,
    })
  })

  it.each([
    ['degraded', 'device'],
    ['yes', 'hypervisor'],
  ] as const)('shows whose it is: %s is by %s', (support, source) => {
    const capabilities: Capability[] = ['disk-latency', 'disk-bytes'].map((name) => ({ name, support, reason: '' }))
    const readings = { readLatencyMs: 5, readBytesPerSecond: 1 }
    const { metrics } = merge('disk', {}, readings, 7, { capabilities, defaultSource: 'hypervisor' })
    expect(metrics).toEqual({
      readLatencyMs: { value: 5, at: 7, source },
      readBytesPerSecond: { value: 1, at: 7, source: 'hypervisor' },
    })
  })
})
