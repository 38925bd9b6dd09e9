import { InfluxReader } from '../influx/influx-reader.js'
import { InfluxSink } from '../influx/influx-sink.js'
import { VictoriaReader } from '../victoria/victoria-reader.js'
import { VictoriaSink } from '../victoria/victoria-sink.js'
import type { Reader } from './reader.js'
import type { Sink } from './sink.js'
import type { ServerOptions } from './worker-options.js'

/** What writes to a server, for the worker. */
export function openSink(options: ServerOptions): Sink {
  return options.kind === 'influxdb' ? new InfluxSink(options) : new VictoriaSink(options)
}

/** What asks it, for the main thread. */
export function openReader(options: ServerOptions, now: () => number): Reader {
  return options.kind === 'influxdb' ? new InfluxReader(options) : new VictoriaReader(options, now)
}
