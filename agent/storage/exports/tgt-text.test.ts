import { describe, expect, it } from 'vitest'

import { parseTgtStat, parseTgtTargets, type TgtRow } from './tgt-text.js'

/** Recorded from tgt 1.0.85 of Debian 12, LUN 2 and the second target left out where they say nothing new. */
const targets = `Target 1: iqn.2026-01.test:box
    System information:
        Driver: iscsi
        State: ready
    I_T nexus information:
        I_T nexus: 1
            Initiator: iqn.2008-11.org.linux-kvm alias: none
            Connection: 0
                IP Address: 127.0.0.1
        I_T nexus: 3
            Initiator: iqn.2008-11.org.linux-kvm:guest alias: guest
            Connection: 0
                IP Address: 10.0.0.7
            Connection: 1
                IP Address: 10.0.0.8
    LUN information:
        LUN: 0
            Type: controller
            SCSI ID: IET     00010000
            Size: 0 MB, Block size: 1
            Backing store type: null
            Backing store path: None
            Backing store flags: 
        LUN: 1
            Type: disk
            Size: 17 MB, Block size: 512
            Backing store type: rdwr
            Backing store path: /srv/with: colon
            Backing store flags: 
    Account information:
    ACL information:
        ALL
Target 12: iqn.2026-01.test:other
    LUN information:
        LUN: 1
            Backing store path: /dev/vg/b
`
const heading = 'tgt lun sid rd_subm(bytes,cmds) rd_done(bytes,cmds) wr_subm(bytes,cmds) wr_done(bytes,cmds) errs'

const statOf = (text: string): TgtRow[] => parseTgtStat(Buffer.from(text))

describe("tgtd's text", () => {
  it('targets with their sessions and what is behind their LUNs', () => {
    expect(parseTgtTargets(targets)).toEqual([
      {
        tid: 1,
        iqn: 'iqn.2026-01.test:box',
        backing: new Map([[1, '/srv/with: colon']]),
        sessions: new Map([
          [1, { initiator: 'iqn.2008-11.org.linux-kvm', address: '127.0.0.1' }],
          [3, { initiator: 'iqn.2008-11.org.linux-kvm:guest', address: '10.0.0.7' }],
        ]),
      },
      { tid: 12, iqn: 'iqn.2026-01.test:other', backing: new Map([[1, '/dev/vg/b']]), sessions: new Map() },
    ])
    expect(parseTgtTargets('')).toEqual([])
    expect(() => parseTgtTargets('Target x\n')).not.toThrow()
    expect(() => parseTgtTargets('Target 1: two words\n')).toThrow("expected a target's number and name")
  })

  it('statistics: what is done, and what is under way', () => {
    const rows = `  1   0   1            0      0            0      0            0      0            0      0    0
  1   1   1        66285     10        66285     10      1048576      5       524288      3    1
`
    const nothing = { readBytes: 0, readRequests: 0, writeBytes: 0, writeRequests: 0, inFlight: 0 }
    expect(statOf(`${heading}\n${rows}`)).toEqual([
      { tid: 1, lun: 0, session: 1, ...nothing },
      {
        tid: 1,
        lun: 1,
        session: 1,
        readBytes: 66_285,
        readRequests: 10,
        writeBytes: 524_288,
        writeRequests: 3,
        inFlight: 2,
      },
    ])
    expect(statOf(`${heading}\n`)).toEqual([])
  })

  it.each([
    ['', 'expected the heading'],
    ['tgtadm: unknown', 'expected the heading'],
    [`${heading}\n1 2 3`, 'expected twelve whole numbers'],
    [`${heading}\n1 1 1 0 0 0 0 0 0 0 0 0 0`, 'expected twelve whole numbers, got "1 1 1 0 0 0 0 0 0 0 0 0 0"'],
    [`${heading}\n\n1 1 1 0 0 0 0 0 0 0 0 0`, 'expected twelve whole numbers, got ""'],
    [`${heading}\n1 1 1 0 0 0 0 0 0 -5 0 0`, 'expected twelve whole numbers'],
    [`${heading}\n1 1 1 0 0 0 0 0 0 99999999999999999999 0 0`, 'expected twelve whole numbers'],
    [`${heading}\n${'1 1 1 0 0 0 0 0 0 0 0 0\n'.repeat(5000)}`, 'more than 4096'],
  ])('%j is refused', (text, message) => expect(() => statOf(text)).toThrow(message))
})
