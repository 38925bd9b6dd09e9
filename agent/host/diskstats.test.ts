import { describe, expect, test } from 'vitest'

import { isWholeDisk, parseDiskstats } from './diskstats.js'

const all = () => true

describe('parseDiskstats', () => {
  test('20 columns: with flushes (Linux 5.5)', () => {
    const text =
      ' 254 0 vda 43392 12226 3331346 13309 16444 34564 3533976 10611 3 7880 25092 13721 48 304168 1063 2477 107\n'
    expect(parseDiskstats(text, all)).toEqual([
      {
        device: 'vda',
        readRequests: 43392,
        readBytes: 3331346 * 512,
        readSeconds: 13.309,
        writeRequests: 16444,
        writeBytes: 3533976 * 512,
        writeSeconds: 10.611,
        inFlight: 3,
        busySeconds: 7.88,
        flushRequests: 2477,
        flushSeconds: 0.107,
      },
    ])
  })

  test.each([
    ['14 columns', '8 0 sda 1 2 3 4 5 6 7 8 9 10 11'],
    ['18 columns: discards (4.18)', '8 0 sda 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15'],
  ])('%s: no flushes', (_name, text) => {
    expect(parseDiskstats(text, all)[0]).toEqual({
      device: 'sda',
      readRequests: 1,
      readBytes: 1536,
      readSeconds: 0.004,
      writeRequests: 5,
      writeBytes: 3584,
      writeSeconds: 0.008,
      inFlight: 9,
      busySeconds: 0.01,
    })
  })

  test.each([
    ['-1', 0],
    ['4294967295', 0],
    ['32', 32],
  ])('in flight %s', (inFlight, expected) => {
    expect(parseDiskstats(`8 0 sda 1 2 3 4 5 6 7 8 ${inFlight} 10 11`, all)[0]?.inFlight).toBe(expected)
  })

  test('nothing there is no disk; devices not wanted are not looked at', () => {
    expect(parseDiskstats('', all)).toEqual([])
    // partitions of Linux before 2.6.25 have four counts
    expect(parseDiskstats('8 1 sda1 1 2 3 4\n7 0 loop0 x\n', () => false)).toEqual([])
  })

  test.each([
    ['8 0', '/proc/diskstats:1: expected major, minor, device, got "8 0"'],
    ['\n8 0 sda 1 2 3 4', '/proc/diskstats:2: expected at least 13 columns'],
    ['8 0 sda 1 2 3 4 -5 6 7 8 9 10 11', 'expected a count in column 8, got "-5"'],
    ['8 0 sda 1 2 9007199254740991 4 5 6 7 8 9 10 11', 'expected fewer bytes in column 6'],
    ['8 0 sda 1 2 garbage 4 5 6 7 8 9 10 11', 'expected a count in column 6, got "garbage"'],
  ])('%j is refused', (text, message) => {
    expect(() => parseDiskstats(text, all)).toThrow(message)
  })
})

describe('isWholeDisk', () => {
  const blockDevices = new Set([
    'sda',
    'vda',
    'nvme0n1',
    'cciss/c0d0',
    'md0',
    'mmcblk0',
    'loop0',
    'dm-0',
    'ram0',
    'zram0',
  ])

  test.each(['sda', 'vda', 'nvme0n1', 'cciss/c0d0', 'md0', 'mmcblk0'])('%s is', (device) => {
    expect(isWholeDisk(device, blockDevices)).toBe(true)
    expect(isWholeDisk(device, undefined)).toBe(true)
  })

  test.each([
    'sda1',
    'vda15',
    'xvda2',
    'nvme0n1p2',
    'cciss/c0d0p1',
    'md0p1',
    'mmcblk0p1',
    'loop0',
    'ram3',
    'zram0',
    'dm-0',
    'sr0',
    'fd0',
    'nvme0c0n1',
  ])('%s is not', (device) => {
    expect(isWholeDisk(device, blockDevices)).toBe(false)
    expect(isWholeDisk(device, undefined)).toBe(false)
  })
})
