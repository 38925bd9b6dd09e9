import { readFileSync } from 'node:fs'

import { describe, expect, it } from 'vitest'

import { FromAgent } from '../../proto/gen/headroom/v1/agent.js'
import { Report } from '../../proto/gen/headroom/v1/report.js'
import { recordedMessages } from '../../test/fixtures/wire/messages.js'
import { hasFewParts, partsOfMessage } from './message-parts.js'

const bytesOf = (report: object): Uint8Array =>
  FromAgent.encode({ message: { $case: 'report', value: Report.fromJSON(report) } }).finish()

describe('hasFewParts', () => {
  it('lets every recorded message through, and counts its parts', async () => {
    const messages = await recordedMessages()
    expect([...messages.values()].every((bytes) => hasFewParts(bytes, 200))).toBe(true)
    expect([...messages.values()].some((bytes) => !hasFewParts(bytes, 10))).toBe(true)
  })

  it.each([
    ['VMs', { vms: Array.from({ length: 100 }, () => ({})) }],
    ['disks of a VM', { vms: [{ disks: Array.from({ length: 99 }, () => ({})) }] }],
    [
      'interfaces of many VMs',
      { vms: Array.from({ length: 10 }, () => ({ nics: Array.from({ length: 9 }, () => ({})) })) },
    ],
    ['disks of the host', { host: { disks: Array.from({ length: 99 }, () => ({})) } }],
    ['events', { events: Array.from({ length: 100 }, () => ({})) }],
  ])('counts %s', (_what, report) => {
    const bytes = bytesOf(report)
    expect([hasFewParts(bytes, 100), hasFewParts(bytes, 101)]).toEqual([false, true])
  })

  it('takes a full report, and refuses 4 MiB of nothing', () => {
    const vms = Array.from({ length: 4096 }, () => ({
      disks: Array.from({ length: 20 }, () => ({})),
      nics: Array.from({ length: 8 }, () => ({})),
    }))
    expect(hasFewParts(bytesOf({ vms }))).toBe(true)
    // Report, 4 MiB long: a VM of no bytes again and again.
    const bomb = Buffer.concat([Buffer.from([0x1a, 0x80, 0x80, 0x80, 0x02]), Buffer.alloc(4 * 2 ** 20)])
    for (let at = 5; at < bomb.length; at += 2) bomb[at] = 0x4a
    expect(hasFewParts(bomb)).toBe(false)
  })

  it.each([
    ['cut off', [0x1a, 0x05, 0x4a], 'longer than what it is part of'],
    ['a part that is longer than the whole', [0x1a, 0x02, 0x4a, 0x7f], 'longer than what it is part of'],
    ['no tag', [0xff, 0xff, 0xff, 0xff, 0xff, 0xff], /varint|premature|tag/],
  ])('throws at %s', (_what, bytes, message) => {
    expect(() => hasFewParts(Buffer.from(bytes))).toThrow(message)
  })
})

it('knows every message of the contract', () => {
  expect(partsOfMessage).toEqual(partsInContract('FromAgent'))
})

interface Parts {
  [field: number]: Parts
}

/** The same table, from the text of the contract. */
function partsInContract(message: string): Parts {
  const text = ['agent', 'report', 'inventory', 'command']
    .map((name) => readFileSync(new URL(`../../proto/headroom/v1/${name}.proto`, import.meta.url), 'utf8'))
    .join('\n')
  const isMessage = (name: string): boolean => text.includes(`\nmessage ${name} {`)
  const body = new RegExp(`^message ${message} \\{(.*?)^\\}`, 'ms').exec(text)?.[1] ?? ''
  const parts: Parts = {}
  for (const [, repeated, type = '', number] of body.matchAll(/^\s+(repeated )?(?:optional )?(\w+) \w+ = (\d+)/gm)) {
    if (isMessage(type)) parts[Number(number)] = partsInContract(type)
    else if (repeated !== undefined && type === 'string') parts[Number(number)] = {}
  }
  return parts
}
