import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

import { z } from 'zod'

import { alertView, arrayView, fleetView, seriesView, vmView } from '../../../controller/api/views.js'
import { startFleetOnLab, type AgentKeys, type FleetOnLab } from '../../support/fleet-on-lab.js'
import { waitFor } from '../../support/wait-for.js'
import type { ArrayControl } from '../array/array-truth.js'
import { attachLun, type HostLun } from '../host-lun.js'
import type { Lab, LabArray } from '../lab.js'
import { performJob, type JobWorld } from './perform-job.js'
import {
  diskFields,
  type RecordedCanary,
  type RecordedDisk,
  type RecordedHead,
  type RecordedLine,
  type RecordedSaid,
  type Recording,
} from './recording.js'
import type { ArrayScenario, Job } from './scenario.js'

const truthEveryMs = 200
const lunsEveryMs = 1000
const saidEveryMs = 1000
/** The last points have to get into the series. */
const settleMs = 3000

const vmList = z.object({ vms: z.array(vmView) })
const alertList = z.object({ alerts: z.array(alertView) })

export interface RoundOrder {
  readonly lab: Lab
  readonly round: string
  readonly scenario: ArrayScenario
  readonly hostLunMiB: number
  /** Whose LUN is the canary's: that host does nothing else with it. Default: no canary. */
  readonly canaryHost?: string
  /** What is done, by what is seen of the array. Default: the scenario's jobs and changes by the clock. */
  readonly perform?: (world: RoundWorld) => Promise<void>
}

/** What a course is given: it may look at the truth, and tells what it does. */
export interface RoundWorld extends JobWorld {
  readonly control: ArrayControl
  note(line: RecordedLine): void
}

/**
 * One scenario on the lab's first array, with a new controller and new agents, from an empty cache on. The array keeps what the scenario
 * made of it.
 */
export async function recordRound(order: RoundOrder): Promise<Recording> {
  const { lab, round, scenario, hostLunMiB, canaryHost } = order
  const [array] = lab.arrays
  const control = array?.control
  if (array === undefined || control === undefined) throw new Error('the first array of the lab is no write-back one')
  await emptyCache(control)
  await control.set(scenario.parameters)
  const data = await mkdtemp(path.join(tmpdir(), 'headroom-arrays-'))
  const hostLuns = new Map<string, HostLun>()
  let fleet: FleetOnLab | undefined
  try {
    for (const host of lab.hosts) {
      const own = array.luns.find(({ owner }) => owner === host.name)
      const name = host.name === canaryHost ? canaryFile : undefined
      if (own !== undefined) hostLuns.set(host.name, await attachLun(host, array.iqn, own.lun, name))
    }
    fleet = await startFleetOnLab(lab, data, {}, agentKeys(canaryHost, hostLuns, array, lab))
    await allKnown(fleet, lab)
    const at = Date.now()
    const head = await headOf(lab, array, { round, scenario, at })
    const lines: RecordedLine[] = []
    const over = new AbortController()
    const seen = fleet
    const watching = Promise.all([
      every(truthEveryMs, over.signal, async () => lines.push({ line: 'truth', ...(await control.truth()) })),
      every(lunsEveryMs, over.signal, async () => lines.push(...(await lunLines(lab, array)))),
      every(saidEveryMs, over.signal, async () => lines.push(...(await saidLines(seen, head.arrayKey)))),
    ])
    let failure: unknown
    watching.catch((error: unknown) => {
      failure = error
      over.abort()
    })
    const note = (line: RecordedLine): void => {
      // What is not looked at any more need not go on.
      if (failure !== undefined) throw failure
      lines.push(line)
    }
    const world = { lab, hostLuns, hostLunMiB, control, note }
    try {
      await (order.perform ?? byTheClock(scenario, at))(world)
    } finally {
      over.abort()
      await watching
    }
    const endedAt = Date.now()
    await delay(settleMs)
    for (const { name, uuid } of head.vms) lines.push(...(await diskLines(fleet, name, uuid, at, endedAt)))
    if (canaryHost !== undefined) lines.push(...(await canaryLines(fleet, head.arrayKey, at, endedAt)))
    return { head, lines: lines.toSorted((a, b) => a.at - b.at) }
  } finally {
    await fleet?.stop()
    for (const lun of hostLuns.values()) await lun.stop()
    await rm(data, { recursive: true, force: true })
  }
}

/** Whatever the array is just now: faster than any disk until nothing is dirty. */
async function emptyCache(control: ArrayControl): Promise<void> {
  await control.set('write_through=0,rebuild=0,destage=always,partial_ms=0,drain=1e12')
  await waitFor(10_000, 'an empty cache', async () => (await control.truth()).fillBytes === 0)
}

async function allKnown(fleet: FleetOnLab, lab: Lab): Promise<void> {
  await waitFor(60_000, 'rates of all disks', async () => {
    const { vms } = vmList.parse(await fleet.api('/api/v1/vms'))
    const known = vms.filter(({ disks }) => disks.some(({ metrics }) => metrics['writeBytesPerSecond'] !== undefined))
    return known.length === lab.guests.length
  })
}

async function headOf(
  lab: Lab,
  array: LabArray,
  { round, scenario, at }: Pick<RecordedHead, 'round' | 'at'> & { readonly scenario: ArrayScenario },
): Promise<RecordedHead> {
  const { changes, jobs, ...facts } = scenario
  const plain = { changes: [...changes], jobs: jobs.map((job) => ({ ...job, actors: [...job.actors] })) }
  return {
    line: 'head',
    source: 'recorded from the lab array',
    version: 1,
    round,
    at,
    arrayKey: `iscsi:${array.iqn}`,
    scenario: { ...facts, ...plain },
    vms: await Promise.all(
      lab.guests.map(async (guest) => {
        const { name, uuid, disks } = guest
        return { name, uuid, host: (await guest.host()).name, lun: disks[0]?.lun ?? 0 }
      }),
    ),
    hostLuns: array.luns.flatMap(({ owner, lun }) =>
      lab.hosts.some(({ name }) => name === owner) ? [{ host: owner, lun }] : [],
    ),
  }
}

const canaryFile = 'headroom-canary'

/** The canary goes through initiator and target, as guests do. The same host plays the storage server: its agent reads the target's statistics. */
function agentKeys(
  host: string | undefined,
  hostLuns: ReadonlyMap<string, HostLun>,
  array: LabArray,
  lab: Lab,
): AgentKeys {
  const file = host === undefined ? undefined : hostLuns.get(host)?.file
  if (host === undefined || file === undefined) return {}
  return { [host]: { canary: [{ on: `iscsi:${array.iqn}`, file }], exports: { tgt: lab.iscsi.socketFile } } }
}

/** The scenario's jobs and changes, each when its time has come. */
function byTheClock({ jobs: all, changes, seconds }: ArrayScenario, at: number): (world: RoundWorld) => Promise<void> {
  return async (world) => {
    await Promise.all([
      ...queues(all).map((jobs) => inTurn(world, jobs, at)),
      ...changes.map(async ({ atSeconds, parameters }) => {
        await delay(Math.max(0, at + atSeconds * 1000 - Date.now()))
        await world.control.set(parameters)
        world.note({ line: 'change', at: Date.now(), parameters })
      }),
      delay(seconds * 1000),
    ])
  }
}

/** Those of one actor come one after the other, however long each takes to end. */
function queues(jobs: readonly Job[]): Job[][] {
  const byActors = new Map<string, Job[]>()
  for (const job of jobs) {
    const single = job.actors.map((actor) => ({ ...job, actors: [actor] }))
    for (const one of single) byActors.set(one.actors.join(), [...(byActors.get(one.actors.join()) ?? []), one])
  }
  return [...byActors.values()]
}

async function inTurn(world: RoundWorld, jobs: readonly Job[], at: number): Promise<void> {
  for (const job of jobs) {
    await delay(Math.max(0, at + job.fromSeconds * 1000 - Date.now()))
    const seconds = job.toSeconds - (Date.now() - at) / 1000
    if (seconds < 1) continue
    const { kind } = job
    world.note({ line: 'job', at: Date.now(), kind, actors: [...job.actors], phase: 'begin' })
    await performJob(world, job, seconds)
    world.note({ line: 'job', at: Date.now(), kind, actors: [...job.actors], phase: 'end' })
  }
}

/** Until it is over, and once more then. */
async function every(ms: number, over: AbortSignal, look: () => Promise<unknown>): Promise<void> {
  while (!over.aborted) {
    const began = performance.now()
    await look()
    await delay(Math.max(0, ms - (performance.now() - began)))
  }
  await look()
}

async function lunLines(lab: Lab, array: LabArray): Promise<RecordedLine[]> {
  const [rows, initiators] = await Promise.all([lab.iscsi.sessions(), lab.iscsi.initiators()])
  const at = Date.now()
  return rows.flatMap((row): RecordedLine[] => {
    const address = initiators.get(`${row.tid} ${row.session}`)
    const host = lab.hosts.find((one) => one.address === address)
    if (row.tid !== array.tid || row.lun === 0 || host === undefined) return []
    const { lun, session, readBytes, readCommands, writeBytes, writeCommands } = row
    const did = { readBytes, readRequests: readCommands, writeBytes, writeRequests: writeCommands }
    return [{ line: 'lun', at, lun, host: host.name, session, ...did }]
  })
}

/** Nothing as long as the controller does not watch it. */
async function saidLines(fleet: FleetOnLab, arrayKey: string): Promise<RecordedSaid[]> {
  const [answer, pending, whole] = await Promise.all([
    fleet.api(`/api/v1/arrays/${encodeURIComponent(arrayKey)}`),
    fleet.api('/api/v1/alerts?phase=any&check=array-cache'),
    fleet.api('/api/v1/fleet'),
  ])
  const { cache } = arrayView.parse(answer)
  const alerts = alertList.parse(pending).alerts.filter(({ subject }) => subject.id === arrayKey)
  if (cache === undefined) return []
  const alert = alerts.find(({ part = '' }) => part === '')
  const named = (role: 'culprit' | 'victim'): string[] =>
    alert?.related.flatMap((one) => (one.role === role ? [one.name] : [])) ?? []
  return [
    {
      line: 'said',
      at: Date.now(),
      state: cache.state,
      fill: cache.fillBytes,
      capacity: cache.capacityBytes && withoutBasis(cache.capacityBytes),
      drain: withoutBasis(cache.drainBytesPerSecond),
      loadClass: cache.loadClass,
      secondsToSaturation: cache.secondsToSaturation,
      secondsForTwoCopies: cache.burst.secondsForTwoCopies,
      overflows: cache.overflows,
      culprits: named('culprit'),
      victims: named('victim'),
      hasBurstFinding: isBurstFound(fleetView.parse(whole)),
    },
  ]
}

/** It is for information, of which alerts are not made. */
function isBurstFound({ findings }: z.output<typeof fleetView>): boolean {
  return findings.some(({ check, severity, message }) => {
    return check === 'array-cache' && severity === 'info' && message.startsWith('two bulk copies')
  })
}

const withoutBasis = ({ low, likely, high }: RecordedSaid['drain']): RecordedSaid['drain'] => ({ low, likely, high })

async function diskLines(
  fleet: FleetOnLab,
  vm: string,
  uuid: string,
  from: number,
  to: number,
): Promise<RecordedDisk[]> {
  const points = await pointsOf(fleet, `disk:${uuid}/vda`, diskFields, from, to)
  return points.map((point) => ({ line: 'disk', vm, ...point }))
}

async function canaryLines(fleet: FleetOnLab, arrayKey: string, from: number, to: number): Promise<RecordedCanary[]> {
  const points = await pointsOf(fleet, `array:${arrayKey}`, ['canaryMs', 'canaryOverdueMs'], from, to)
  return points.map((point) => ({ line: 'canary', ...point }))
}

async function pointsOf<Field extends string>(
  fleet: FleetOnLab,
  entity: string,
  wanted: readonly Field[],
  from: number,
  to: number,
): Promise<({ at: number } & Partial<Record<Field, number>>)[]> {
  const place = `/api/v1/series?entity=${encodeURIComponent(entity)}&fields=${wanted.join()}&from=${from}&to=${to}&step=0`
  const { fields, rows } = seriesView.parse(await fleet.api(place))
  return rows.map(([at, ...values]) => {
    const point: { at: number } & Partial<Record<Field, number>> = Object.assign({ at: at ?? 0 })
    for (const [index, field] of fields.entries()) {
      const value = values[index]
      const known = wanted.find((one) => one === field)
      if (known !== undefined && typeof value === 'number') Object.assign(point, { [known]: value })
    }
    return point
  })
}
