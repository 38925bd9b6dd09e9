import fc from 'fast-check'

import type { ReportObservation, VmObservation } from '../../controller/model/observation.js'
import { t0, uuid, type Told } from '../support/move-world.js'
import { routeOf, totalAt, type Hop, type Route, type Stay } from './route.js'

/** A VM that goes from host to host while it writes, as the hosts' agents tell of it. Milliseconds since `t0`. */
export interface Journey {
  readonly hosts: readonly string[]
  /** Its first reading, before any host is away. */
  readonly begin: Told
  /** By host, in the order in which its agent tells. */
  readonly told: readonly (readonly Told[])[]
  readonly lastHost: string
  /** Of the last reading. */
  readonly endMs: number
  /** Bytes that it has written by then. */
  readonly written: number
  /** Each host read the disks once more after it had let the VM go: nothing of what was written is a guess. */
  readonly isAllRead: boolean
}

const hops: fc.Arbitrary<Hop> = fc.record({
  runMs: fc.integer({ min: 3000, max: 6000 }),
  suspendedMs: fc.integer({ min: 20, max: 1500 }),
  prepareMs: fc.integer({ min: 100, max: 900 }),
  kind: fc.oneof(
    { weight: 3, arbitrary: fc.constant('live' as const) },
    fc.constant('failed' as const),
    fc.constant('post-copy' as const),
  ),
  lastReadingsMs: fc.oneof(
    { weight: 5, arbitrary: fc.array(fc.integer({ min: 10, max: 900 }), { minLength: 1, maxLength: 2 }) },
    fc.constant([]),
  ),
  followMs: fc.integer({ min: 10, max: 90 }),
})

/** @param skewMs how far each host's clock may be from ours */
export function journeys(skewMs = 0): fc.Arbitrary<Journey> {
  return fc
    .record({
      hosts: fc.integer({ min: 2, max: 3 }),
      hops: fc.array(hops, { minLength: 1, maxLength: 4 }),
      fastPhasesMs: fc.array(fc.nat(999), { minLength: 3, maxLength: 3 }),
      statePhasesMs: fc.array(fc.nat(2999), { minLength: 3, maxLength: 3 }),
      delaysMs: fc.array(fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.nat(900)), {
        minLength: 1,
        maxLength: 7,
      }),
      skewsMs: fc.array(fc.integer({ min: -skewMs, max: skewMs }), { minLength: 3, maxLength: 3 }),
      pace: fc.array(fc.oneof(fc.constant(0), fc.nat(5000)), { minLength: 1, maxLength: 10 }),
      definedEverywhere: fc.boolean(),
    })
    .map(journeyOf)
}

interface Terms {
  readonly hosts: number
  readonly hops: readonly Hop[]
  /** By host, when its lanes beat. */
  readonly fastPhasesMs: readonly number[]
  readonly statePhasesMs: readonly number[]
  /** How long what is read at one beat after the other takes to be told: a pass waits for its slowest VM. */
  readonly delaysMs: readonly number[]
  readonly skewsMs: readonly number[]
  /** Bytes a millisecond, second by second. */
  readonly pace: readonly number[]
  /** Hosts keep a definition of a VM that is not there. */
  readonly definedEverywhere: boolean
}

const fastMs = 1000
const stateMs = 3000

type Lane = ReportObservation['lane']

interface Report {
  readonly host: number
  readonly toldMs: number
  readonly report: Told['report']
}

function journeyOf(terms: Terms): Journey {
  const hosts = Array.from({ length: terms.hosts }, (_, n) => `hv${n}`)
  const route = routeOf(terms.hops, terms.hosts)
  const reports = [...eventsOf(route), ...readingsOf(route, terms)].toSorted((a, b) => a.toldMs - b.toldMs)
  const skewOf = (host: number): number => terms.skewsMs[host] ?? 0
  const told = hosts.map((host, index) =>
    reports
      .filter((one) => one.host === index)
      .map(({ toldMs, report }): Told => ({ host, arrivesMs: toldMs + 5, report: shifted(report, skewOf(index)) })),
  )
  const last = route.stays.find(({ goneMs }) => goneMs === undefined)?.host ?? 0
  const [first] = route.stays
  const vms = first === undefined ? [] : [sampleOf(first, 0, terms.pace, true)]
  return {
    hosts,
    begin: { host: 'hv0', arrivesMs: 5, report: { atMs: 0, lane: 'state', vms } },
    told,
    lastHost: hosts[last] ?? '',
    endMs: route.endMs + skewOf(last),
    written: route.stays.reduce((sum, stay) => sum + totalAt(stay, route.endMs, terms.pace), 0),
    isAllRead: route.stays.every((stay) => stay.leftMs === undefined || isReadSince(stay.leftMs, stay, reports)),
  }
}

function isReadSince(fromMs: number, { host, runId }: Stay, reports: readonly Report[]): boolean {
  return reports.some(
    (one) =>
      one.host === host && one.report.atMs >= fromMs && one.report.vms?.some((vm) => vm.runId === runId) === true,
  )
}

function eventsOf({ events }: Route): Report[] {
  return events.map(({ host, atMs, kind, reason }) => {
    const event = { at: t0 + atMs, vmUuid: uuid, vmName: 'mail', kind, reason, message: '' }
    return { host, toldMs: atMs, report: { atMs, lane: 'event', events: [event] } }
  })
}

/** What the lanes and the passes after events read; the fast lane leaves out what has not moved since it was read last. */
function readingsOf({ stays, looks, endMs }: Route, terms: Terms): Report[] {
  const beats = looks.map(({ stay, atMs }) => ({ host: stay.host, atMs, lane: 'event' as Lane }))
  for (let host = 0; host < terms.hosts; host += 1) {
    const beat = (lane: Lane, phaseMs = 0, everyMs: number): void => {
      // The last reading is to give an interval.
      for (let atMs = phaseMs; atMs < endMs - 1000; atMs += everyMs) if (atMs > 0) beats.push({ host, atMs, lane })
    }
    beat('fast', terms.fastPhasesMs[host], fastMs)
    beat('state', terms.statePhasesMs[host], stateMs)
  }
  const lastRead = new Map<Stay, number>()
  let delayed = 0
  return beats
    .toSorted((a, b) => a.atMs - b.atMs)
    .map(({ host, atMs, lane }) => {
      const stay = stays.find((one) => one.host === host && atMs >= one.processMs && atMs < (one.goneMs ?? Infinity))
      const delayMs = lane === 'event' ? 0 : (terms.delaysMs[delayed++ % terms.delaysMs.length] ?? 0)
      // What is told of a VM after a list without it is not heard.
      const mostMs = terms.definedEverywhere ? Infinity : (stay?.goneMs ?? Infinity) - atMs
      const report = (...vms: VmObservation[]): Report => ({
        host,
        toldMs: atMs + Math.min(delayMs, mostMs),
        report: { atMs, lane, vms },
      })
      if (stay === undefined) return lane === 'state' && terms.definedEverywhere ? report(offAt(atMs)) : report()
      const total = totalAt(stay, atMs, terms.pace)
      const hasMoved = lastRead.get(stay) !== total
      lastRead.set(stay, total)
      return lane === 'fast' && !hasMoved ? report() : report(sampleOf(stay, atMs, terms.pace, lane !== 'fast'))
    })
}

function sampleOf(stay: Stay, atMs: number, pace: readonly number[], withState: boolean): VmObservation {
  const runs = stay.spans.some(({ fromMs, untilMs }) => atMs >= fromMs && atMs < untilMs)
  const state = runs
    ? ({ state: 'running', stateReason: 'booted' } as const)
    : ({ state: 'paused', stateReason: 'migration' } as const)
  return {
    uuid,
    runId: stay.runId,
    at: t0 + atMs,
    ...(withState ? state : { state: undefined, stateReason: 'unknown' }),
    vcpus: 1,
    totals: {},
    levels: withState ? { memoryRssBytes: 1000 + stay.host } : {},
    guestMemoryAt: undefined,
    disks: [{ target: 'vda', totals: { writeBytes: totalAt(stay, atMs, pace) } }],
    nics: [],
  }
}

/** Of a definition whose VM is elsewhere. */
function offAt(atMs: number): VmObservation {
  return {
    uuid,
    runId: '',
    at: t0 + atMs,
    state: 'shutoff',
    stateReason: 'unknown',
    vcpus: 1,
    totals: {},
    levels: {},
    guestMemoryAt: undefined,
    disks: [],
    nics: [],
  }
}

/** As a host tells it whose clock is wrong by so much. */
function shifted(report: Told['report'], byMs: number): Told['report'] {
  const { atMs, vms = [], events = [] } = report
  return {
    ...report,
    atMs: atMs + byMs,
    vms: vms.map((vm) => ({ ...vm, at: vm.at + byMs })),
    events: events.map((event) => ({ ...event, at: event.at + byMs })),
  }
}
