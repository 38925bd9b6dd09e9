import { inventoryToWire } from '../../agent/report/to-wire.js'
import { reportToWire } from '../../agent/report/report-to-wire.js'
import { inventoryOf } from '../../agent/hypervisor/simulated/host-inventory.js'
import { capabilitiesOf } from '../../agent/hypervisor/simulated/driver-limits.js'
import type { SimulatedTick } from '../../agent/hypervisor/simulated/simulate-ticks.js'
import type { Inventory } from '../../agent/hypervisor/hypervisor.js'
import type { World } from '../../agent/hypervisor/simulated/world.js'
import { Fleet } from '../../controller/fleet/fleet.js'
import { FieldCheck } from '../../controller/ingest/field-check.js'
import { inventoryFromWire } from '../../controller/ingest/from-wire.js'
import { reportFromWire } from '../../controller/ingest/report-from-wire.js'
import type { FleetEvent, Snapshot } from '../../controller/model/snapshot.js'
import type { Point } from '../../controller/store/time-series.js'
import { FromAgent } from '../../proto/gen/headroom/v1/agent.js'

/** Feeds ticks of a simulated world through the wire format into a fleet, with the tick's own time as the clock. */
export class Replay {
  readonly fleet = new Fleet()
  readonly #seq = new Map<string, number>()
  readonly #inventoried = new Map<string, string>()

  constructor(
    private readonly world: World,
    private readonly onPoints: (points: readonly Point[], events: readonly FleetEvent[]) => void = () => undefined,
  ) {}

  /** The agents of all hosts say hello, or that of one. */
  connect(nowMs: number, only?: string): void {
    for (const { id, bootId, spec } of this.world.hosts) {
      if (only !== undefined && spec.name !== only) continue
      const capabilities = capabilitiesOf(spec.kind).map((one) => ({ ...one, reason: one.reason ?? '' }))
      const host = { hostId: id, name: spec.name, kind: spec.kind, bootId, simulated: true, capabilities }
      this.fleet.apply(
        { type: 'agent-connected', agentId: id, name: spec.name, version: '', hosts: [host], clockOffsetMs: 0 },
        nowMs,
      )
    }
  }

  /** The agent of a host is gone. */
  disconnect(hostName: string, nowMs: number): void {
    for (const { id, spec } of this.world.hosts) {
      if (spec.name === hostName) this.fleet.apply({ type: 'agent-disconnected', agentId: id }, nowMs)
    }
  }

  /** The inventory of the tick's host, as it is while the world stands at the tick; undefined while the host is lost. */
  inventoryAt(tick: SimulatedTick): Inventory | undefined {
    const host = this.world.hosts.find((one) => one.id === tick.hostId)
    return host === undefined || tick.sample === undefined ? undefined : inventoryOf(host)
  }

  /** One tick of one host: its inventory if it changed, its events, its sample. */
  take(
    tick: SimulatedTick,
    { inventory, lane }: { readonly inventory: Inventory | undefined; readonly lane: 'state' | 'fast' } = {
      inventory: this.inventoryAt(tick),
      lane: 'state',
    },
  ): void {
    if (inventory !== undefined) this.#takeInventory(tick, inventory)
    const seq = (this.#seq.get(tick.hostId) ?? 0) + 1
    this.#seq.set(tick.hostId, seq)
    const { sample, atMs } = tick
    const gap = { group: 'state', reason: 'disconnected', message: 'the host is lost', sinceMs: atMs } as const
    const message = reportToWire(
      {
        lane,
        atMs,
        vms: sample?.vms ?? [],
        gaps: sample?.gaps ?? [gap],
        host: sample?.host,
        arrays: sample?.arrays ?? [],
        events: tick.events,
        collectors: [],
      },
      { spoolId: tick.hostId, seq, hostId: tick.hostId, bootId: tick.bootId, agent: undefined },
    )
    const wire = overTheWire(message)
    const check = new FieldCheck()
    const report = wire?.$case === 'report' ? reportFromWire(wire.value, check, { offsetMs: 0, now: atMs }) : undefined
    if (report === undefined || check.refused.size > 0) {
      throw new Error(`refused: ${JSON.stringify(Object.fromEntries(check.refused))}`)
    }
    const { points, events } = this.fleet.apply({ type: 'report', agentId: tick.hostId, report }, atMs)
    this.onPoints(points, events)
  }

  #takeInventory(tick: SimulatedTick, inventory: Inventory): void {
    const revision = JSON.stringify(inventory.vms.map((vm) => vm.uuid))
    if (this.#inventoried.get(tick.hostId) === revision) return
    this.#inventoried.set(tick.hostId, revision)
    const wire = overTheWire(inventoryToWire(inventory, { hostId: tick.hostId, revision: '', atMs: tick.atMs }))
    const observed =
      wire?.$case === 'inventory' ? inventoryFromWire(wire.value, new FieldCheck(), tick.atMs) : undefined
    if (observed === undefined) throw new Error('the inventory was refused')
    this.fleet.apply({ type: 'inventory', agentId: tick.hostId, inventory: observed }, tick.atMs)
  }
}

function overTheWire(message: FromAgent): FromAgent['message'] {
  return FromAgent.decode(FromAgent.encode(message).finish()).message
}

/** A snapshot as plain data without revisions, which count messages and not what they say. */
export function comparable(snapshot: Snapshot): unknown {
  const plain = (map: ReadonlyMap<string, object>): unknown =>
    Object.fromEntries(
      [...map].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([key, value]) => [key, { ...value, revision: undefined }]),
    )
  const { hosts, vms, disks, arrays, placements } = snapshot
  const sortedArrays = new Map(
    [...arrays].map(([key, array]) => [key, { ...array, diskIds: array.diskIds.toSorted() }] as const),
  )
  return {
    at: snapshot.at,
    hosts: plain(hosts),
    vms: plain(vms),
    disks: plain(disks),
    arrays: plain(sortedArrays),
    placements: plain(placements),
  }
}
