import type { ServerResponse } from 'node:http'

import { Counter, Gauge, type Registry } from 'prom-client'

import type { Log } from '../../common/log.js'
import type { AlertDesk } from '../alerts/desk/alert-desk.js'
import type { ArrayWatch } from '../array-watch/array-watch.js'
import type { FleetChange, FleetReader } from '../fleet/fleet-reader.js'
import type { FleetEvent } from '../model/snapshot.js'
import { ApiError } from './errors.js'
import type { FleetViews } from './fleet-views.js'
import { StreamClient, type StreamLimits } from './stream-client.js'
import { eventView } from './to-view/event-view.js'

export interface HubLimits extends StreamLimits {
  readonly streams: number
  /** Of one caller, so that others have theirs. */
  readonly streamsPerCaller: number
  /** Least time between two changes. */
  readonly changeMs: number
  readonly heartbeatMs: number
}

export const defaultHubLimits: HubLimits = {
  streams: 128,
  streamsPerCaller: 32,
  changeMs: 500,
  heartbeatMs: 15_000,
  entitiesPerChange: 200,
  waitingEvents: 1000,
  bufferedBytes: 4 * 2 ** 20,
}

interface HubOptions {
  readonly fleet: FleetReader
  readonly views: FleetViews
  readonly alerts: Pick<AlertDesk, 'subscribe'>
  /** Absent where nobody watches them. */
  readonly arrays: Pick<ArrayWatch, 'subscribe'> | undefined
  readonly registry: Registry
  readonly log: Log
  readonly limits: HubLimits
}

interface Opening {
  readonly headers: Readonly<Record<string, string>>
  /** Name of who asks for it. */
  readonly caller: string
  /** False once its session is over: checked at each heartbeat. */
  readonly stillAllowed: () => boolean
}

interface OpenStream extends Pick<Opening, 'caller' | 'stillAllowed'> {
  readonly client: StreamClient
}

/** All open event streams: tells them what changes and happens, and ends those that are dead, too slow or no longer allowed. */
export class StreamHub {
  readonly #streams = new Set<OpenStream>()
  readonly #happened: FleetEvent[] = []
  readonly #unsubscribe: readonly (() => void)[]
  readonly #heartbeat: NodeJS.Timeout
  readonly #openCount: Gauge
  readonly #endedCount: Counter<'reason'>
  readonly #refusedCount: Counter
  readonly #droppedEvents: Counter
  #changed = false
  /** Runs while a change was sent less than `changeMs` ago. */
  #pause: NodeJS.Timeout | undefined

  constructor(private readonly options: HubOptions) {
    const { fleet, alerts, arrays, limits, registry } = options
    const registers = [registry]
    this.#openCount = new Gauge({ name: 'headroom_api_streams', help: 'Open event streams', registers })
    this.#endedCount = new Counter({
      name: 'headroom_api_streams_ended_total',
      help: 'Event streams that the controller ended itself, by reason',
      labelNames: ['reason'],
      registers,
    })
    this.#refusedCount = new Counter({
      name: 'headroom_api_streams_refused_total',
      help: 'Event streams that were refused because as many as may be were open',
      registers,
    })
    this.#droppedEvents = new Counter({
      name: 'headroom_api_events_dropped_total',
      help: 'Events dropped from the queue of a client that did not read',
      registers,
    })
    this.#unsubscribe = [
      fleet.subscribe((change) => this.#onChange(change)),
      alerts.subscribe(() => this.#onChange({ events: [] })),
      ...(arrays === undefined ? [] : [arrays.subscribe((events) => this.#onChange({ events }))]),
    ]
    this.#heartbeat = setInterval(() => this.#beat(), limits.heartbeatMs)
  }

  /**
   * Makes the response an event stream and sends everything.
   * @throws ApiError too-many-streams
   */
  open(response: ServerResponse, { headers, caller, stillAllowed }: Opening): void {
    const { limits, views } = this.options
    const own = [...this.#streams].filter((stream) => stream.caller === caller).length
    if (this.#streams.size >= limits.streams || own >= limits.streamsPerCaller) {
      this.#refusedCount.inc()
      const most = own >= limits.streamsPerCaller ? `${own} of ${caller}` : String(limits.streams)
      throw new ApiError('too-many-streams', `${most} event streams are open already`)
    }
    response.writeHead(200, {
      ...headers,
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    })
    const client = new StreamClient(response, limits, () => this.#droppedEvents.inc())
    const stream = { client, caller, stillAllowed }
    this.#streams.add(stream)
    this.#openCount.set(this.#streams.size)
    response.on('close', () => this.#forget(stream))
    response.on('error', () => this.#forget(stream))
    response.write('retry: 2000\n\n')
    client.update(views.current(), [])
  }

  close(): void {
    for (const unsubscribe of this.#unsubscribe) unsubscribe()
    clearInterval(this.#heartbeat)
    clearTimeout(this.#pause)
    for (const { client } of this.#streams) client.close()
    this.#streams.clear()
    this.#openCount.set(0)
  }

  #onChange({ events }: Pick<FleetChange, 'events'>): void {
    if (this.#streams.size === 0) return
    this.#happened.push(...events)
    const surplus = this.#happened.length - this.options.limits.waitingEvents
    if (surplus > 0) {
      this.#happened.splice(0, surplus)
      this.#droppedEvents.inc(surplus)
    }
    this.#changed = true
    if (this.#pause === undefined) this.#pause = setTimeout(() => this.#tell(), 0)
  }

  #tell(): void {
    this.#pause = undefined
    if (!this.#changed) return
    this.#changed = false
    this.#pause = setTimeout(() => this.#tell(), this.options.limits.changeMs)
    const happened = this.#happened.splice(0)
    if (this.#streams.size === 0) return
    try {
      const latest = this.options.views.current()
      const events = happened.map((event) => eventView(event, latest.snapshot.hosts))
      for (const stream of this.#streams) {
        stream.client.update(latest, events)
        if (stream.client.overBuffered) this.#end(stream, 'slow')
      }
    } catch (error) {
      this.options.log.error({ err: error }, 'change could not be told to event streams')
    }
  }

  #beat(): void {
    for (const stream of this.#streams) {
      if (!stream.stillAllowed()) this.#end(stream, 'session-over')
      else if (!stream.client.beat()) this.#end(stream, 'stalled')
    }
  }

  #end(stream: OpenStream, reason: 'slow' | 'stalled' | 'session-over'): void {
    this.#forget(stream)
    this.#endedCount.inc({ reason })
    stream.client.close()
  }

  #forget(stream: OpenStream): void {
    this.#streams.delete(stream)
    this.#openCount.set(this.#streams.size)
  }
}
