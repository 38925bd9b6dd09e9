import { expect, it } from 'vitest'

import type { ExportObservation } from '../model/observation.js'
import { Contradictions } from './contradictions.js'
import { ExportFigures } from './export-figures.js'

const box = 'iscsi:iqn.box'
const hello = (support: 'yes' | 'no') => ({
  hostId: 'h',
  name: 'h',
  kind: 'kvm' as const,
  bootId: 'b',
  simulated: false,
  capabilities: [{ name: 'storage-exports', support, reason: '' }],
})
const session = (name: string, writeBytes: number, more: Partial<ExportObservation> = {}): ExportObservation => ({
  arrayKey: box,
  lun: '1',
  session: name,
  initiator: `iqn.${name}`,
  address: '10.0.0.1',
  backing: '/dev/vg/lun',
  totals: { writeBytes, readBytes: 0 },
  inFlight: 1,
  ...more,
})
const at = (seconds: number) => ({ hello: hello('yes'), bootId: 'b', at: 1_700_000_000_000 + seconds * 1000 })

it('adds up by address what is done to an array, by sessions that are over too', () => {
  const figures = new ExportFigures(new Contradictions())
  const told = (seconds: number, ...sessions: readonly ExportObservation[]): unknown => {
    figures.observe(sessions, at(seconds))
    return figures.served?.map((one) => [one.address, one.at - at(seconds).at, one.exchanged])
  }
  const far = { address: '10.0.0.2' }
  expect(told(0, session('a', 1000), session('c', 7, far))).toBeUndefined()
  told(1, session('a', 1500), session('b', 100), session('c', 7, far))
  const idle = ['10.0.0.2', 0, { readBytes: 0, writeBytes: 0 }]
  const active = { readBytes: 0, writeBytes: 800, activeSeconds: 2 }
  // Two at a time take no longer than one.
  expect(told(2, session('b', 300), session('c', 7, far))).toEqual([['10.0.0.1', 0, active], idle])
  expect(told(3)).toEqual([['10.0.0.1', 0, active], idle])
})

it('adds up the sessions of a LUN; one that is new began at 0, one that is gone takes nothing back', () => {
  const figures = new ExportFigures(new Contradictions())
  const told = (seconds: number, ...sessions: readonly ExportObservation[]): unknown =>
    figures.observe(sessions, at(seconds)).map(({ entity, fields }) => [entity.id, fields])
  const writes = (): unknown => figures.inSnapshot?.[0]?.sessions.map((one) => one.writeBytesPerSecond)
  expect(figures.inSnapshot).toBeUndefined()
  // Since when the first ones are there is not known.
  expect(told(0, session('a', 1000))).toEqual([['h/lun/iscsi:iqn.box/1', { inFlight: 1 }]])
  expect(told(10, session('a', 2000), session('b', 500))).toEqual([
    ['h/lun/iscsi:iqn.box/1', { readBytesPerSecond: 0, writeBytesPerSecond: 150, inFlight: 2 }],
  ])
  expect(writes()).toEqual([100, 50])
  expect(figures.inSnapshot?.[0]).toMatchObject({
    arrayKey: box,
    lun: '1',
    backing: '/dev/vg/lun',
    metrics: { writeRequestsPerSecond: { absent: 'not read yet' } },
    sessions: [{ initiator: 'iqn.a' }, { initiator: 'iqn.b' }],
  })
  // `a` is gone, `b` began anew.
  told(20, session('b', 100))
  expect(writes()).toEqual([10])
  told(30)
  expect(figures.inSnapshot).toEqual([])
  told(40, session('a', 400))
  expect(writes()).toEqual([40])
  // Its number stands for another volume now: that one's totals began at 0, and are not compared with the old one's.
  told(50, session('a', 500, { backing: '/dev/vg/other' }))
  expect(writes()).toEqual([50])
  // After a long silence nothing is known of when it began.
  told(50 + 3600, session('c', 1e9))
  expect(writes()).toEqual([undefined])
})

it('a host that says it exports nothing is not believed', () => {
  const contradictions = new Contradictions()
  const figures = new ExportFigures(contradictions)
  expect(figures.observe([session('a', 1)], { ...at(0), hello: hello('no') })).toEqual([])
  expect(figures.inSnapshot).toBeUndefined()
  figures.observe([session('a', 1)], at(1))
  figures.forget()
  expect(figures.inSnapshot).toBeUndefined()
})
