import { isDeepStrictEqual } from 'node:util'

import fc from 'fast-check'

import { integralOf, MoveWorld, ratesOf, read, running, type Stored, type Told } from '../support/move-world.js'
import { journeys, type Journey } from './journeys.js'

/** How the hosts' reports of a journey reach the controller. */
export interface Telling {
  readonly journey: Journey
  /** By host: its agent is away until it tells all late. */
  readonly away: readonly boolean[]
  /** Whose turn it is to tell, over and over. */
  readonly turns: readonly number[]
}

/** @param skewMs how far each host's clock may be from ours */
export function tellings(skewMs = 0): fc.Arbitrary<Telling> {
  return fc.record({
    journey: journeys(skewMs),
    away: fc.oneof(fc.constant([true, true, true]), fc.array(fc.boolean(), { minLength: 3, maxLength: 3 })),
    turns: fc.array(fc.nat(5), { minLength: 1, maxLength: 100 }),
  })
}

/** All reports, those of each host in their order. Once every host is back, what all tell of now may come between. */
export function inAnyOrder({ journey, away, turns }: Telling): Told[] {
  const areAllAway = journey.hosts.every((_, index) => away[index])
  const now = areAllAway ? presentOf(journey).map((one) => [one]) : []
  let turn = 0
  return interleaved([...journey.told, ...now], (waiting) => (turns[turn++ % turns.length] ?? 0) % waiting)
}

/** What is wrong with the VM's series: it must hold what was written, and be the same whoever tells first. */
export function faultsOf(telling: Telling): string[] {
  const { journey, away } = telling
  const { hosts, begin, told, endMs } = journey
  const inTime = new MoveWorld(hosts)
  inTime.tell(begin)
  for (const host of hosts) inTime.wasAway(host)
  inTime.deliver(told.flat())

  const mixed = new MoveWorld(hosts)
  mixed.tell(begin)
  const missing = new Set(hosts.filter((_, index) => away[index]))
  for (const host of missing) mixed.goesAway(host)
  for (const one of inAnyOrder(telling)) {
    if (missing.delete(one.host)) mixed.wasAway(one.host)
    mixed.tell(one)
  }
  const [one, other] = [seriesOf(inTime, endMs), seriesOf(mixed, endMs)]
  return [
    ...faultsOfSeries('in time', one, journey),
    ...faultsOfSeries('in another order', other, journey),
    ...differences(one, other),
  ]
}

/** What is stored of the VM up to its last reading. */
function seriesOf(world: MoveWorld, endMs: number): Stored {
  const series = [...world.stored()].map(
    ([id, rows]) => [id, new Map([...rows].filter(([at]) => at <= endMs))] as const,
  )
  return new Map(series.filter(([id, rows]) => /^(vm|disk) /.test(id) && rows.size > 0))
}

function faultsOfSeries(what: string, stored: Stored, { written, isAllRead, endMs }: Journey): string[] {
  const faults: string[] = []
  const rates = ratesOf(stored)
  const integral = integralOf(rates)
  if (isAllRead && Math.abs(integral - written) > 1) faults.push(`${what}: ${integral} bytes, ${written} were written`)
  const last = rates.at(-1)?.atMs
  if (last !== endMs) faults.push(`${what}: ends at ${last}, not ${endMs}`)
  for (const id of stored.keys()) if (id.includes('@')) faults.push(`${what}: ${id}`)
  return faults
}

function differences(one: Stored, other: Stored): string[] {
  return [...new Set([...one.keys(), ...other.keys()])].flatMap((id) => {
    const [a, b] = [one.get(id), other.get(id)]
    return [...new Set([...(a?.keys() ?? []), ...(b?.keys() ?? [])])].flatMap((at) =>
      isDeepStrictEqual(a?.get(at), b?.get(at))
        ? []
        : [`${id} at ${at}: ${JSON.stringify(a?.get(at))} in time, ${JSON.stringify(b?.get(at))} in another order`],
    )
  })
}

/** Lists merged: each keeps its order, `choose` says whose turn it is. */
function interleaved(lists: readonly (readonly Told[])[], choose: (waiting: number) => number): Told[] {
  const rest = lists.map((list) => [...list]).filter((list) => list.length > 0)
  const merged: Told[] = []
  while (rest.length > 0) {
    const index = choose(rest.length)
    const next = rest[index]?.shift()
    if (next !== undefined) merged.push(next)
    if (rest[index]?.length === 0) rest.splice(index, 1)
  }
  return merged
}

/** Everything that all hosts tell of now, once they are back. */
function presentOf({ hosts, lastHost, endMs }: Journey): Told[] {
  const atMs = endMs + 2000
  return hosts.map((host) => {
    const { report } = read(host, atMs, 7, { ...running, runId: 'as it is now' })
    const vms = host === lastHost ? (report.vms ?? []) : []
    return { host, arrivesMs: atMs, report: { ...report, lane: 'state', spoolId: 'fresh', vms } }
  })
}
