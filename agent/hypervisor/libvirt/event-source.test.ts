import { beforeEach, describe, expect, it } from 'vitest'

import { createLog } from '../../../common/log.js'
import type { HypervisorEvent } from '../hypervisor.js'
import type { Caller } from './connection.js'
import { listedDomain } from './domain-state.js'
import { EventSource } from './event-source.js'
import { eventId, getDomainStats, procedure, statsGroup, type DomainRef } from './procedures.js'
import { errorCode, LibvirtError } from './rpc-error.js'
import { XdrError, XdrReader, XdrWriter } from './xdr.js'

const a: DomainRef = { name: 'a', uuid: '81829711-6d74-402e-a757-2a5ddac00a2e', id: 1 }
const b: DomainRef = { name: 'b', uuid: 'e4d9b1da-e974-4b6f-b438-8a47c2c8dc65', id: 2 }

function putDomain(writer: XdrWriter, { name, uuid, id }: DomainRef): XdrWriter {
  return writer
    .string(name)
    .opaque(Buffer.from(uuid.replaceAll('-', ''), 'hex'))
    .int(id)
}

type Row = readonly [domain: DomainRef, state: number, reason: number]

/** Lists these domains, and answers a registration with the event's number plus 100. */
function daemonWith(rows: readonly Row[], refused: readonly number[] = []): Caller {
  return {
    call: (number, args) => {
      if (number === procedure.eventRegister) {
        const event = new XdrReader(args).int()
        if (refused.includes(event)) return Promise.reject(new LibvirtError(errorCode.noSupport, 'no support'))
        return Promise.resolve(new XdrReader(new XdrWriter().int(event + 100).bytes()))
      }
      const list = new XdrWriter().array(rows, (writer, [domain, state, reason]) =>
        putDomain(writer, domain)
          .uint(2)
          .string('state.state')
          .int(1)
          .int(state)
          .string('state.reason')
          .int(1)
          .int(reason),
      )
      return Promise.resolve(new XdrReader(list.bytes()))
    },
  }
}

let clock: number
let events: HypervisorEvent[]
let changed: string[]
let source: EventSource
beforeEach(() => {
  clock = 5
  events = []
  changed = []
  source = new EventSource({
    now: () => clock,
    log: createLog('test', 'silent'),
    onEvent: (event) => events.push(event),
    onChange: (uuid) => changed.push(uuid),
  })
})

const lifecycle = (domain: DomainRef, event: number, detail: number): XdrReader =>
  new XdrReader(putDomain(new XdrWriter().int(100), domain).int(event).int(detail).bytes())

describe('messages', () => {
  it('become events that say which VM, what and why', async () => {
    await source.follow(daemonWith([]))
    source.receive(procedure.eventLifecycle, lifecycle(a, 5, 1))
    expect(events).toEqual([{ atMs: 5, kind: 'stopped', reason: 'destroyed', vmUuid: a.uuid, vmName: 'a' }])
    expect(changed).toEqual([a.uuid])
  })

  it('about the balloon say how large it is now', async () => {
    await source.follow(daemonWith([]))
    const payload = putDomain(new XdrWriter().int(113), a).unsignedHyper(98_304n).bytes()
    source.receive(procedure.eventBalloonChange, new XdrReader(payload))
    expect(events).toMatchObject([{ kind: 'balloon-changed', vmUuid: a.uuid, message: '98304 KiB' }])
    expect(changed).toEqual([])
  })

  it('about devices only make the definition stale', async () => {
    await source.follow(daemonWith([]))
    const payload = putDomain(new XdrWriter().int(100 + eventId.deviceAdded), b)
      .string('virtio-disk1')
      .bytes()
    source.receive(354, new XdrReader(payload))
    expect([events, changed]).toEqual([[], [b.uuid]])
  })

  it('that nobody asked for, or of unknown meaning, are passed over', async () => {
    await source.follow(daemonWith([]))
    source.receive(999, new XdrReader(new XdrWriter().int(7).bytes()))
    source.receive(procedure.eventLifecycle, lifecycle(a, 99, 0))
    expect([events, changed]).toEqual([[], []])
  })

  it('that are cut short are refused', () => {
    expect(() => source.receive(procedure.eventLifecycle, new XdrReader(new XdrWriter().int(1).bytes()))).toThrow(
      XdrError,
    )
  })
})

describe('following', () => {
  it('says whether there will be events', async () => {
    expect(await source.follow(daemonWith([], [eventId.metadataChange]))).toBe(true)
    expect(await source.follow(daemonWith([], [eventId.lifecycle]))).toBe(false)
  })

  it('tells nothing of VMs that ran before it began', async () => {
    await source.follow(
      daemonWith([
        [a, 1, 1],
        [b, 5, 1],
      ]),
    )
    expect(events).toEqual([])
  })

  it.each<[string, Row[], [string, string, string][]]>([
    [
      'nothing',
      [
        [a, 1, 1],
        [b, 5, 0],
      ],
      [],
    ],
    [
      'one crashed',
      [
        [a, 5, 3],
        [b, 5, 0],
      ],
      [['a', 'crashed', 'crashed']],
    ],
    [
      'one was shut down, another started',
      [
        [a, 5, 1],
        [b, 1, 1],
      ],
      [
        ['a', 'stopped', 'shutdown'],
        ['b', 'started', 'booted'],
      ],
    ],
    ['a transient one is gone', [[b, 5, 0]], [['a', 'stopped', 'unknown']]],
  ])('a new connection tells what happened meanwhile: %s', async (_, after, told) => {
    await source.follow(
      daemonWith([
        [a, 1, 1],
        [b, 5, 0],
      ]),
    )
    await source.follow(daemonWith(after))
    expect(events.map(({ vmName, kind, reason }) => [vmName, kind, reason])).toEqual(told)
  })

  it('counts what events said in between', async () => {
    await source.follow(daemonWith([[a, 1, 1]]))
    source.receive(procedure.eventLifecycle, lifecycle(a, 5, 0))
    source.receive(procedure.eventLifecycle, lifecycle(b, 2, 0))
    events.length = 0
    await source.follow(
      daemonWith([
        [a, 5, 1],
        [b, 1, 1],
      ]),
    )
    expect(events).toEqual([])
  })
})

describe('lists that come by', () => {
  const observe = async (rows: readonly Row[], atMs: number): Promise<void> => {
    clock = atMs
    source.observe((await getDomainStats(daemonWith(rows), [], statsGroup.state)).map(listedDomain))
  }
  const told = (): unknown[] => events.map(({ vmName, kind, reason }) => [vmName, kind, reason])

  it('tell what no event told, once, after a second', async () => {
    await source.follow(daemonWith([[a, 1, 1]]))
    await observe([[a, 5, 3]], 1000)
    await observe([[a, 5, 3]], 1999)
    expect(told()).toEqual([])
    await observe([[a, 5, 3]], 2000)
    await observe([[a, 5, 3]], 9000)
    expect(told()).toEqual([['a', 'crashed', 'crashed']])
    expect(changed).toEqual([a.uuid])
    await observe([], 10_000)
    await observe([[b, 1, 1]], 11_000)
    await observe([[b, 1, 1]], 12_000)
    expect(told().slice(1)).toEqual([['b', 'started', 'booted']])
  })

  it('leave it to the event if that comes in time', async () => {
    await source.follow(daemonWith([[a, 1, 1]]))
    await observe([[a, 5, 2]], 1000)
    source.receive(procedure.eventLifecycle, lifecycle(a, 5, 1))
    await observe([[a, 5, 2]], 5000)
    expect(told()).toEqual([['a', 'stopped', 'destroyed']])
  })

  it('do not announce a VM that is only being started or received', async () => {
    await source.follow(daemonWith([]))
    for (const atMs of [1000, 5000])
      await observe(
        [
          [a, 3, 11],
          [b, 3, 2],
        ],
        atMs,
      )
    expect(told()).toEqual([])
  })

  it('do not take a resumed VM for a started one', async () => {
    await source.follow(daemonWith([[a, 3, 1]]))
    for (const atMs of [1000, 5000]) await observe([[a, 1, 5]], atMs)
    expect(told()).toEqual([])
  })

  it('tell of a transient VM that is gone', async () => {
    await source.follow(daemonWith([[a, 1, 1]]))
    for (const atMs of [1000, 5000]) await observe([], atMs)
    expect(told()).toEqual([['a', 'stopped', 'unknown']])
  })
})
