import { describe, expect, it, test } from 'vitest'

import { recorded } from '../fixtures/xen/recorded-host.js'
import { payloadOf } from './bz-image.js'
import { hereOf } from './dom0-clock.js'
import { parseCandidates } from './dom0-image.js'
import { parseXlInfo, parseXlList } from './dom0-witness.js'
import { parseVirshEvents } from './virsh-events.js'

describe('recorded', () => {
  it('xl list', () => {
    expect([...parseXlList(recorded('xl-list.txt'))]).toEqual([
      ['Domain-0', { id: 0, memoryMiB: 640, cpuSeconds: 77.2 }],
      ['pv1', { id: 1, memoryMiB: 128, cpuSeconds: 17.2 }],
    ])
  })

  it('xl info', () => {
    expect(parseXlInfo(recorded('xl-info.txt'))).toEqual({ version: '4.17.7', totalMiB: 1023, freeMiB: 242 })
    expect(() => parseXlInfo('xen_version : 4.17.7\n')).toThrow('xl info has no total_memory')
  })
})

describe('hand-written', () => {
  it('virsh event', () => {
    const text = [
      "2026-11-28 09:31:01.866+0000: event 'lifecycle' for domain 'two': Suspended Paused",
      "2026-11-28 09:31:02.001+0000: event 'balloon-change' for domain 'two': 81920KiB",
      "2026-11-28 09:31:03.500+0000: event 'lifecycle' for domain 'two': Stopped Destroyed",
      'event loop interrupted',
    ].join('\n')
    expect(parseVirshEvents(text)).toEqual([
      { atMs: Date.UTC(2026, 10, 28, 9, 31, 1, 866), vmName: 'two', what: 'Suspended Paused' },
      { atMs: Date.UTC(2026, 10, 28, 9, 31, 3, 500), vmName: 'two', what: 'Stopped Destroyed' },
    ])
  })

  it('apt-cache policy: a package without a candidate is none', () => {
    const text = `mmdebstrap:
  Installed: (none)
  Candidate: 1.3.5-7
  Version table:
     1.3.5-7 500
        500 http://deb.debian.org/debian bookworm/main amd64 Packages
gone:
  Installed: 1.0
  Candidate: (none)
`
    expect(parseCandidates(text)).toEqual({ mmdebstrap: '1.3.5-7' })
  })

  it('a bzImage: what is compressed in it lies where its header says', () => {
    const image = Buffer.alloc(4096)
    image.writeUInt8(3, 0x1f1)
    image.write('HdrS', 0x202, 'latin1')
    image.writeUInt16LE(0x20f, 0x206)
    image.writeUInt32LE(0x10, 0x248)
    image.writeUInt32LE(7 + 4, 0x24c)
    image.write('payload', 4 * 512 + 0x10, 'latin1')
    expect(payloadOf(image)?.toString('latin1')).toBe('payload')
    image.write('nope', 0x202, 'latin1')
    expect(payloadOf(image)).toBeUndefined()
    expect(payloadOf(Buffer.alloc(10))).toBeUndefined()
  })

  test.each([
    ['one reading', [{ aheadMs: 100, errorMs: 10 }], { atMs: 900, errorMs: 10 }],
    [
      'a clock that drifts: anywhere in between',
      [
        { aheadMs: 100, errorMs: 10 },
        { aheadMs: 160, errorMs: 20 },
      ],
      { atMs: 865, errorMs: 45 },
    ],
  ])("a moment by dom0's clock, %s", (_, readings, here) => {
    expect(hereOf(1000, readings)).toEqual(here)
  })
})
