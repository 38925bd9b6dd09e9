import { Fleet } from '../../controller/fleet/fleet.js'
import type { FleetInput, ReportObservation, VmObservation } from '../../controller/model/observation.js'
import type { Point } from '../../controller/store/time-series.js'

/** A fleet in which one VM moves from host to host, and what reaches the store of it. Times in milliseconds since `t0`. */

export const uuid = '11111111-2222-4333-8444-555555555555'
export const t0 = 1_700_000_000_000

const capabilities = ['cpu', 'disk-bytes', 'disk-requests'].map((name) => ({
  name,
  support: 'yes' as const,
  reason: '',
}))

/** One report of one host, and when it reaches the controller. */
export interface Told {
  readonly host: string
  readonly arrivesMs: number
  readonly report: Partial<ReportObservation> & { readonly atMs: number }
}

export const running = { state: 'running', stateReason: 'booted' } as const
export const leaving = { state: 'paused', stateReason: 'migration' } as const

export function event(host: string, atMs: number, kind: string, reason: string, lateMs = 5): Told {
  const events = [{ at: t0 + atMs, vmUuid: uuid, vmName: 'mail', kind, reason, message: '' }]
  return { host, arrivesMs: atMs + lateMs, report: { atMs, lane: 'event', events } }
}

/** A reading of the VM: what its one disk wrote in this run. */
export function read(
  host: string,
  atMs: number,
  writeBytes: number,
  part: Partial<VmObservation> = {},
  lateMs = 5,
): Told {
  const sample: VmObservation = {
    uuid,
    runId: `run on ${host}`,
    at: t0 + atMs,
    state: undefined,
    stateReason: 'unknown',
    vcpus: 1,
    totals: {},
    levels: {},
    guestMemoryAt: undefined,
    disks: [{ target: 'vda', totals: { writeBytes, writeRequests: writeBytes / 4096 } }],
    nics: [],
    ...part,
  }
  return { host, arrivesMs: atMs + lateMs, report: { atMs, vms: [sample] } }
}

/** By entity, then by time. */
export type Stored = ReadonlyMap<string, ReadonlyMap<number, Readonly<Record<string, number>>>>

export interface Rate {
  readonly atMs: number
  /** Bytes written a second. */
  readonly rate: number
}

export class MoveWorld {
  readonly fleet = new Fleet()
  /** As they were given, not as they are stored. */
  points: Point[] = []
  readonly #late = new Set<string>()

  constructor(readonly hosts: readonly string[]) {
    for (const host of hosts) {
      this.#connect(host, 'early', [])
      this.tell({ host, arrivesMs: 0, report: { atMs: 0, lane: 'state' } })
    }
  }

  /** The host's agent is away from now on. */
  goesAway(host: string): void {
    this.fleet.apply({ type: 'agent-disconnected', agentId: host }, t0)
  }

  /** The host's agent was away: what it tells from now on of the past comes out of its backlog. */
  wasAway(host: string): void {
    this.#connect(host, 'fresh', ['early'])
    this.#late.add(host)
  }

  tell({ host, arrivesMs, report: { atMs, ...part } }: Told): void {
    const isLate = this.#late.has(host) && part.spoolId !== 'fresh'
    const base: ReportObservation = {
      spoolId: 'early',
      seq: 1,
      hostId: host,
      bootId: 'boot',
      at: t0 + atMs,
      lane: 'fast',
      gaps: [],
      host: undefined,
      vms: [],
      arrays: [],
      collectors: [],
      events: [],
      agent: undefined,
    }
    const report = { ...base, ...part }
    this.points.push(...this.fleet.apply({ type: 'report', agentId: host, report, isLate }, t0 + arrivesMs).points)
  }

  /** Everything in the order in which it arrives; one host's own reports never overtake each other. */
  deliver(told: readonly Told[]): void {
    for (const one of told.toSorted((a, b) => a.arrivesMs - b.arrivesMs)) this.tell(one)
  }

  /** What a store holds: by entity, then by time, the fields of later points over those of earlier ones. */
  stored(): Stored {
    const series = new Map<string, Map<number, Record<string, number>>>()
    for (const { entity, atMs, fields } of this.points) {
      const id = `${entity.kind} ${entity.id}`
      const rows = series.get(id) ?? new Map<number, Record<string, number>>()
      series.set(id, rows.set(atMs - t0, { ...rows.get(atMs - t0), ...fields }))
    }
    return series
  }

  /** Rates of the VM's own series, by time. */
  rates(): Rate[] {
    return ratesOf(this.stored())
  }

  /** Bytes: each rate holds since the one before it, the first since 0. */
  integral(untilMs = Infinity): number {
    return integralOf(this.rates(), untilMs)
  }

  #connect(hostId: string, spoolId: string, backlog: readonly string[]): void {
    const host = { hostId, name: hostId, kind: 'kvm' as const, bootId: 'boot', simulated: false, capabilities }
    const input: FleetInput = {
      type: 'agent-connected',
      agentId: hostId,
      name: hostId,
      version: '1',
      hosts: [host],
      clockOffsetMs: 0,
      spoolId,
      backlog,
    }
    this.fleet.apply(input, t0)
  }
}

/** Rates of the VM's own series, by time. */
export function ratesOf(stored: Stored): Rate[] {
  return [...(stored.get(`vm ${uuid}`) ?? [])]
    .flatMap(([atMs, { writeBytesPerSecond: rate }]) => (rate === undefined ? [] : [{ atMs, rate }]))
    .toSorted((a, b) => a.atMs - b.atMs)
}

/** Bytes: each rate holds since the one before it, the first since 0. */
export function integralOf(rates: readonly Rate[], untilMs = Infinity): number {
  const rows = rates.filter(({ atMs }) => atMs <= untilMs)
  return rows.reduce((sum, { atMs, rate }, index) => sum + (rate * (atMs - (rows[index - 1]?.atMs ?? 0))) / 1000, 0)
}
