import { describe, expect, it } from 'vitest'

import type { DiskLimits } from '../hypervisor/hypervisor.js'
import { areSameLimits, limited, type AskedLimit } from './disk-limits.js'

const nothing: AskedLimit = {
  readBytes: undefined,
  writeBytes: undefined,
  readRequests: undefined,
  writeRequests: undefined,
  cpuPercent: undefined,
}
const free: DiskLimits = {
  total_bytes_sec: 0,
  read_bytes_sec: 0,
  write_bytes_sec: 0,
  total_iops_sec: 0,
  read_iops_sec: 0,
  write_iops_sec: 0,
  write_bytes_sec_max: 0,
}

describe('a limit beside what holds already', () => {
  it.each<readonly [string, DiskLimits, Partial<AskedLimit>, DiskLimits]>([
    ['nothing', {}, { writeBytes: 5 }, { write_bytes_sec: 5 }],
    ['of requests', {}, { readRequests: 7, writeRequests: 8 }, { read_iops_sec: 7, write_iops_sec: 8 }],
    ['a lower one stays', { write_bytes_sec: 3 }, { writeBytes: 5 }, { write_bytes_sec: 3 }],
    ['a higher one gives way', { write_bytes_sec: 9 }, { writeBytes: 5 }, { write_bytes_sec: 5 }],
    ['the other direction stays', { read_bytes_sec: 4 }, { writeBytes: 5 }, { read_bytes_sec: 4, write_bytes_sec: 5 }],
    [
      'a total becomes one of each direction',
      { total_bytes_sec: 6 },
      { writeBytes: 5 },
      { total_bytes_sec: 0, read_bytes_sec: 6, write_bytes_sec: 5 },
    ],
    [
      'a total that is lower',
      { total_bytes_sec: 4, total_iops_sec: 9 },
      { writeBytes: 5 },
      { total_bytes_sec: 0, read_bytes_sec: 4, write_bytes_sec: 4, total_iops_sec: 9 },
    ],
    [
      'bursts of the direction go, others stay',
      { write_bytes_sec: 9, write_bytes_sec_max: 90, read_bytes_sec: 4, read_bytes_sec_max: 40 },
      { writeBytes: 5 },
      { write_bytes_sec: 5, write_bytes_sec_max: 0, read_bytes_sec: 4, read_bytes_sec_max: 40 },
    ],
  ])('%s', (_what, old, asked, expected) => {
    const before = { ...free, ...old }
    expect(limited(before, { ...nothing, ...asked })).toEqual({ ...free, ...expected })
  })

  it('asks for no field that the hypervisor does not know', () => {
    const old = { read_bytes_sec: 0, write_bytes_sec: 0 }
    expect(limited(old, { ...nothing, writeBytes: 5 })).toEqual({ read_bytes_sec: 0, write_bytes_sec: 5 })
  })
})

it('compares what holds back, not how long a burst may be', () => {
  expect(areSameLimits({ write_bytes_sec: 5, write_bytes_sec_max_length: 1 }, { write_bytes_sec: 5 })).toBe(true)
  expect(areSameLimits({ write_bytes_sec: 5 }, {})).toBe(false)
  expect(areSameLimits({ read_bytes_sec: 0 }, {})).toBe(true)
})
