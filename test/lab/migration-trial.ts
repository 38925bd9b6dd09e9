import { createHash } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'

import { z } from 'zod'

import { seriesView, vmView } from '../../controller/api/views.js'
import type { FleetOnLab } from '../support/fleet-on-lab.js'
import { waitFor } from '../support/wait-for.js'
import { LunTotals } from './iscsi-target.js'
import type { LabGuest } from './lab-guest.js'
import type { LabHost } from './lab-host.js'
import type { Lab } from './lab.js'
import type { Migration } from './migrate.js'

export interface TrialOptions {
  readonly count: number
  /** Which host is next follows from it. */
  readonly seed: string
  readonly kibPerSecond: number
  /** From a VM's arrival to its next departure. */
  readonly restMs: number
}

export interface Trial {
  readonly migrations: readonly (Migration & {
    /** From virsh's end to the VM's being on the new host, running, on the API. */
    readonly appearedAfterMs: number
  })[]
  /** Largest distance of two points of the VM's write rate during the load. */
  readonly largestGapMs: number
  readonly points: number
  /** What the guest says that it wrote. */
  readonly writtenBytes: number
  /** What the target says that arrived; less what a session did between the last look at it and its end. */
  readonly arrivedBytes: number
  /** Sum of each rate times the time since the point before it. */
  readonly integralBytes: number
  /** Integral against what the guest wrote. */
  readonly relativeError: number
  /** Points that the controller kept apart because two hosts told of a running VM at once. */
  readonly pointsApart: number
  /** The series, and beside it what had arrived at the target at each look: to find where the two part. */
  readonly trace: { readonly rates: readonly Row[]; readonly arrived: readonly Row[] }
}

type Row = readonly [atMs: number, value: number]

const vmList = z.object({ vms: z.array(vmView) })

const lookEveryMs = 100
/** The end of the load has to show in the series. */
const settleWithinMs = 15_000

/** Moves a guest from host to host while it writes, and compares what the controller made of it with what was written. */
export async function migrationTrial(
  lab: Lab,
  fleet: FleetOnLab,
  guest: LabGuest,
  { count, seed, kibPerSecond, restMs }: TrialOptions,
): Promise<Trial> {
  const [disk] = guest.disks
  const tid = lab.arrays.find(({ iqn }) => iqn === disk?.iqn)?.tid
  if (disk === undefined || tid === undefined) throw new Error(`${guest.name} has no disk`)
  const arrived: Row[] = []
  const witness = await watchLuns(lab, (totals) => arrived.push([Date.now(), totals.writeBytes(tid, disk.lun)]))
  try {
    await waitFor(30_000, 'a write rate', async () => (await viewOf(fleet, guest))?.writeBytesPerSecond !== undefined)
    const fromMs = Date.now()
    const before = witness.totals.writeBytes(tid, disk.lun)
    await guest.load('write', disk.target, kibPerSecond)
    const migrations: Trial['migrations'][number][] = []
    await delay(restMs)
    for (let index = 0; index < count; index += 1) {
      const to = nextHost(lab.hosts, await guest.host(), `${seed} ${index}`)
      const migration = await lab.migrate(guest, to)
      const ended = performance.now()
      await waitFor(30_000, `${guest.name} on ${to.name}`, async () => {
        const vm = await viewOf(fleet, guest)
        return vm?.host === to.name && vm.state === 'running'
      })
      migrations.push({ ...migration, appearedAfterMs: Math.round(performance.now() - ended) })
      await delay(restMs)
    }
    const writtenBytes = await guest.unload(disk.target)
    const unloadedAt = Date.now()
    const read = (): Promise<Row[]> => writeRates(fleet, `vm:${guest.uuid}`, fromMs - 15_000, Date.now())
    let rows: Row[] = []
    await waitFor(settleWithinMs, 'the end of the load in the series', async () => {
      rows = await read()
      return rows.some(([at, rate]) => at > unloadedAt && rate === 0)
    })
    const during = rows.filter(([at]) => at >= fromMs && at <= unloadedAt)
    const apart = await Promise.all(
      lab.hosts.map((host) => writeRates(fleet, `vm:${guest.uuid}@${host.hostUuid}`, fromMs, Date.now())),
    )
    const integralBytes = integral(rows, fromMs)
    return {
      migrations,
      largestGapMs: largestGap(during),
      points: during.length,
      writtenBytes,
      arrivedBytes: witness.totals.writeBytes(tid, disk.lun) - before,
      integralBytes: Math.round(integralBytes),
      relativeError: integralBytes / writtenBytes - 1,
      pointsApart: apart.flat().length,
      trace: { rates: rows, arrived },
    }
  } finally {
    await witness.stop()
  }
}

/** Bytes: each rate holds since the point before it. Points up to `fromMs` only begin the first interval. */
export function integral(rows: readonly Row[], fromMs: number): number {
  let bytes = 0
  for (const [index, [at, rate]] of rows.entries()) {
    const before = rows[index - 1]
    if (before !== undefined && at > fromMs) bytes += (rate * (at - before[0])) / 1000
  }
  return bytes
}

export function largestGap(rows: readonly Row[]): number {
  return Math.max(0, ...rows.map(([at], index) => at - (rows[index - 1]?.[0] ?? at)))
}

/** Any other host than the present one. */
function nextHost(hosts: readonly LabHost[], now: LabHost, seed: string): LabHost {
  const others = hosts.filter((host) => host !== now)
  const chosen = others[createHash('sha256').update(seed).digest().readUInt32BE() % others.length]
  if (chosen === undefined) throw new Error('a lab of one host has no other')
  return chosen
}

/** Undefined while no agent has told of it. */
async function viewOf(fleet: FleetOnLab, guest: LabGuest): Promise<z.output<typeof vmView> | undefined> {
  const { vms } = vmList.parse(await fleet.api('/api/v1/vms'))
  return vms.find(({ uuid }) => uuid === guest.uuid)
}

async function writeRates(fleet: FleetOnLab, entity: string, fromMs: number, toMs: number): Promise<Row[]> {
  const fields = 'fields=writeBytesPerSecond'
  const path = `/api/v1/series?entity=${encodeURIComponent(entity)}&${fields}&from=${fromMs}&to=${toMs}&step=0`
  return seriesView
    .parse(await fleet.api(path))
    .rows.flatMap(([at, value]): Row[] => (typeof at === 'number' && typeof value === 'number' ? [[at, value]] : []))
}

/** Looks at the target often enough to see sessions before they end. */
async function watchLuns(
  lab: Lab,
  onLook: (totals: LunTotals) => void,
): Promise<{ readonly totals: LunTotals; stop(): Promise<void> }> {
  const totals = new LunTotals()
  const stopped = new AbortController()
  totals.add(await lab.iscsi.sessions())
  const look = async (): Promise<void> => {
    while (!stopped.signal.aborted) {
      totals.add(await lab.iscsi.sessions())
      onLook(totals)
      await delay(lookEveryMs)
    }
    totals.add(await lab.iscsi.sessions())
  }
  const looking = look()
  // Reported by whoever stops it.
  looking.catch(() => undefined)
  return {
    totals,
    stop: async () => {
      stopped.abort()
      await looking
    },
  }
}
