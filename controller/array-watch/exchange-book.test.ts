import { describe, expect, it } from 'vitest'

import { buildSnapshot, builtAt, hostIdOf, uuidOf } from '../../test/support/snapshot-builder.js'
import type { Exchanged, Snapshot, StorageArray } from '../model/snapshot.js'
import { servedOf } from '../arrays/served.js'
import { ExchangeBook, type Grown } from './exchange-book.js'

const lun = 'iscsi:box'
const group = 'lvm:vg0'
const own = 'local:store:md0'
const boxId = 'joined:box'

/** Hosts `a` and `store`; a VM on the volume group of `a`, and what each counts. */
interface Counted {
  readonly vm?: Exchanged
  /** What `store` counts of those who reach its LUNs from an address; those of `addresses` are of the VM. */
  readonly served?: Readonly<Record<string, Exchanged>>
  readonly servedAt?: number
  readonly arrays: Readonly<Record<string, Readonly<Record<string, Exchanged>>>>
}

const vmAddress = '10.0.0.1'

function snapshotOf({ vm, arrays, served = {}, servedAt = builtAt }: Counted): Snapshot {
  const base = buildSnapshot({
    hosts: ['a', 'b', 'store'].map((name) => ({ name, memoryMiB: 1024 })),
    vms: [{ name: 'p1', host: 'a', memoryMiB: 1024, array: group }],
    arrays: [lun, group, own].map((key) => ({ key, name: key, kind: '' })),
  })
  const disks = new Map([...base.disks].map(([id, disk]) => [id, { ...disk, exchanged: vm }]))
  const counted = [...base.arrays.values()].map((array): StorageArray => ({
    ...array,
    hostIds: Object.keys(arrays[array.key] ?? {}).map(hostIdOf),
    exchanges: Object.entries(arrays[array.key] ?? {}).map(([host, exchanged]) => ({
      hostId: hostIdOf(host),
      at: builtAt,
      exchanged,
    })),
  }))
  const initiator = `iqn.2008-11.org.linux-kvm:${uuidOf('p1')}`
  const hosts = new Map(
    [...base.hosts].map(([id, host]) => {
      if (host.name !== 'store') return [id, host]
      const told = Object.entries(served).map(([address, exchanged]) => {
        return { arrayKey: lun, address, at: servedAt, exchanged }
      })
      const unknown = { readBytesPerSecond: undefined, writeBytesPerSecond: undefined }
      const rates = { ...unknown, readRequestsPerSecond: undefined, writeRequestsPerSecond: undefined }
      const sessions = [{ session: '1', initiator, address: vmAddress, ...rates, inFlight: undefined }]
      return [id, { ...host, served: told, exports: [{ arrayKey: lun, lun: '1', backing: '', metrics: {}, sessions }] }]
    }),
  )
  return { ...base, hosts, disks, arrays: new Map(counted.map((array) => [array.key, array])) }
}

/** What `store` counts of its own disk: as many bytes as requests, each of a second. */
function ownOf(bytes: number): Record<string, Exchanged> {
  return { store: { writeBytes: bytes, writeRequests: bytes, writeSeconds: bytes } }
}

function grown(...looks: readonly Counted[]): Grown {
  const book = new ExchangeBook()
  let last: Grown | undefined
  for (const look of looks) {
    const snapshot = snapshotOf(look)
    const arrays = [...snapshot.arrays.values()].filter(({ key }) => look.arrays[key] !== undefined)
    last = book.look(snapshot, new Map([[boxId, arrays]]), servedOf(snapshot, 1000)).get(boxId)
  }
  if (last === undefined) throw new Error('nothing was looked at')
  return last
}

describe('what grew between two looks', () => {
  it('is counted once where one layer lies on another', () => {
    const at = (bytes: number): Counted => ({
      vm: { writeBytes: bytes },
      arrays: {
        [lun]: { a: { writeBytes: 2 * bytes }, b: { writeBytes: bytes } },
        [group]: { a: { writeBytes: 2 * bytes } },
        [own]: { store: { writeBytes: 3 * bytes } },
      },
    })
    const { total, vms, hostsThemselves } = grown(at(0), at(10))
    expect(total.writeBytes).toBe(30)
    expect(vms.get(uuidOf('p1'))?.writeBytes).toBe(10)
    expect(Object.fromEntries([...hostsThemselves].map(([id, { writeBytes }]) => [id, writeBytes]))).toEqual({
      [hostIdOf('a')]: 10,
      [hostIdOf('b')]: 10,
    })
  })

  describe.each<[string, (bytes: number) => Partial<Counted>, Partial<Grown>]>([
    [
      'before any client has an agent',
      (bytes) => ({ served: { '10.0.0.9': { writeBytes: bytes } }, arrays: { [lun]: {}, [own]: ownOf(bytes) } }),
      { total: { writeBytes: 10 }, timed: { writeRequests: 10, writeSeconds: 10 } },
    ],
    [
      'with a client that counts',
      (bytes) => ({
        served: { '10.0.0.9': { writeBytes: bytes } },
        arrays: {
          [lun]: { b: { writeBytes: bytes, writeRequests: bytes, writeSeconds: 2 * bytes } },
          [own]: ownOf(bytes),
        },
      }),
      { total: { writeBytes: 10 }, timed: { writeRequests: 10, writeSeconds: 20 } },
    ],
    [
      'before its server was seen to serve',
      (bytes) => ({ arrays: { [lun]: {}, [own]: ownOf(bytes) } }),
      {
        total: { writeBytes: 10, writeRequests: 10, writeSeconds: 10 },
        timed: { writeRequests: 10, writeSeconds: 10 },
      },
    ],
  ])("of a server's own disk joined with what it exports of it, %s", (_, at, expected) => {
    it('is counted once', () => {
      const counted = (bytes: number): Counted => ({ arrays: {}, ...at(bytes) })
      expect(grown(counted(0), counted(10))).toMatchObject(expected)
      expect(grown(counted(0), counted(10)).total).toEqual(expected.total)
    })
  })

  it('is of own disks where nobody reaches them from afar', () => {
    const at = (bytes: number): Counted => ({ arrays: { [own]: { store: { writeBytes: bytes } } } })
    expect(grown(at(0), at(7)).total.writeBytes).toBe(7)
  })

  it('is of a layer what it grew by since the look before, once what lies on it is gone', () => {
    const at = (bytes: number): Counted['arrays'] => ({ [own]: { store: { writeBytes: 1e15 + bytes } } })
    const far = { [lun]: { a: { writeBytes: 5 } } }
    expect(grown({ arrays: { ...at(0), ...far } }, { arrays: { ...at(1), ...far } }, { arrays: at(8) }).total).toEqual({
      writeBytes: 7,
    })
  })

  it('is timed only as far as somebody tells times', () => {
    const at = (count: number): Counted => ({
      arrays: { [lun]: { a: { writeRequests: count, writeSeconds: count / 100 }, b: { writeRequests: 9 * count } } },
    })
    const { total, timed } = grown(at(0), at(10))
    expect(total.writeRequests).toBe(100)
    expect(timed).toEqual({ writeRequests: 10, writeSeconds: 0.1 })
  })

  it('is all that the server of an array counts, and of a host by itself what its VMs did not do', () => {
    const at = (bytes: number, more: Partial<Counted> = {}): Counted => ({
      vm: { writeBytes: bytes, writeRequests: bytes, writeSeconds: bytes / 100 },
      served: { [vmAddress]: { writeBytes: 3 * bytes }, '10.0.0.9': { writeBytes: 4 * bytes } },
      arrays: { [lun]: {} },
      ...more,
    })
    const { total, timed, hostsThemselves } = grown(at(0), at(10))
    expect(total).toEqual({ writeBytes: 70 })
    expect(timed).toEqual({})
    expect([...hostsThemselves]).toEqual([[hostIdOf('a'), { writeBytes: 30 }]])
    // Those with counters of their own tell whose it is, not how much it is.
    const own = (bytes: number): Counted =>
      at(bytes, { arrays: { [lun]: { b: { writeBytes: bytes, writeSeconds: 1 } } } })
    expect(grown(own(0), own(10)).total.writeBytes).toBe(70)
    // What was told long ago says nothing, and what it grew by meanwhile is not counted afterwards.
    const late = { servedAt: builtAt - 6000, arrays: { [lun]: { b: { writeBytes: 5 } } } }
    expect(grown(at(0), at(0, late), at(10)).total.writeBytes).toBeUndefined()
  })

  it('is what a server told two beats ago, however long they are', () => {
    const at = (bytes: number): Counted => ({
      served: { [vmAddress]: { writeBytes: bytes } },
      servedAt: builtAt - 20_000,
      arrays: { [lun]: {} },
    })
    const snapshots = [at(0), at(10)].map(snapshotOf)
    const totals = [1000, 4000, 10_000].map((fastMs) => {
      const book = new ExchangeBook()
      const [, last] = snapshots.map((snapshot) =>
        book.look(snapshot, new Map([[boxId, [...snapshot.arrays.values()]]]), servedOf(snapshot, fastMs)).get(boxId),
      )
      return last?.total.writeBytes
    })
    expect(totals).toEqual([undefined, undefined, 10])
  })

  it('went over as long as the one told of who was silent for longest', () => {
    const at = (a: number, b: number): Counted => ({
      arrays: { [lun]: { a: { writeBytes: a, activeSeconds: a }, b: { writeBytes: b, activeSeconds: b } } },
    })
    expect(grown(at(0, 0), at(1, 600)).spanSeconds).toBe(600)
  })
})
