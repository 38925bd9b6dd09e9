import http from 'node:http'
import https from 'node:https'

import { FieldType, InfluxDB, type IPoint } from 'influx'

import { propertyOf } from '../../../common/property-of.js'
import { entityKinds, eventMeasurement, fieldNames, measurements, type EntityKind } from '../measurements.js'
import { stats } from '../server/summary.js'
import type { ServerAddress } from '../server/worker-options.js'
import { tiers, type Tier } from '../time-series.js'
import { measurementOf } from './influxql.js'

/** One column of numbers and its series; what `queryRaw` gives, checked. */
export interface InfluxSeries {
  readonly name: string
  readonly tags: Readonly<Record<string, string>>
  readonly columns: readonly string[]
  readonly values: readonly (readonly unknown[])[]
}

/** The server refused a query. `message` is its own. */
export class InfluxQueryError extends Error {
  override readonly name = 'InfluxQueryError'
}

/** No host is ever put aside: who calls decides when to try again. */
const noBackoff = {
  getDelay: () => 0,
  next: () => noBackoff,
  reset: () => noBackoff,
}

/**
 * The `influx` client for one server and database, with what it lacks: a deadline for the whole of a call (its own never ends a call whose
 * answer breaks off), an end, and checked answers. Times are milliseconds. Every field is declared as a float, so that whole
 * numbers beyond 2^53 and a type that changes cannot come up; but for counts in roll-ups, which InfluxDB itself computes as integers.
 */
export class InfluxConnection {
  readonly #influx: InfluxDB
  readonly #agent: http.Agent

  constructor(
    address: ServerAddress,
    readonly database: string,
    private readonly deadlineMs: number,
  ) {
    const url = new URL(address.url)
    const isSecure = url.protocol === 'https:'
    const options = { keepAlive: true, maxSockets: 8 }
    this.#agent = isSecure ? new https.Agent({ ...options, ca: address.ca }) : new http.Agent(options)
    this.#influx = new InfluxDB({
      database,
      hosts: [
        {
          protocol: isSecure ? 'https' : 'http',
          host: url.hostname,
          port: url.port === '' ? (isSecure ? 443 : 80) : Number(url.port),
          path: url.pathname === '/' ? '' : url.pathname,
          options: { agent: this.#agent },
        },
      ],
      ...(address.user === undefined ? {} : { username: address.user, password: address.password ?? '' }),
      pool: { maxRetries: 0, requestTimeout: deadlineMs, backoff: noBackoff },
      schema: [
        ...entityKinds.flatMap((kind) =>
          tiers.map((tier) => ({
            database,
            measurement: measurementOf(kind, tier),
            fields: fieldTypes(kind, tier),
            tags: [...measurements[kind].tags, ...measurements[kind].labels],
          })),
        ),
        {
          database,
          measurement: eventMeasurement.name,
          fields: { [eventMeasurement.field]: FieldType.FLOAT, [eventMeasurement.text]: FieldType.STRING },
          tags: [...eventMeasurement.tags],
        },
      ],
    })
  }

  /** @throws Error as the client does: RequestError with the server's answer, or of the network */
  async write(points: readonly IPoint[], retentionPolicy: string): Promise<void> {
    await this.#inTime(
      this.#influx.writePoints([...points], { database: this.database, retentionPolicy, precision: 'ms' }),
    )
  }

  /**
   * Answers of one query, a list of series for each statement. Values go into `parameters`, never into the text.
   * @throws InfluxQueryError; Error of the network
   */
  async query(
    text: string,
    parameters: Readonly<Record<string, string>> = {},
  ): Promise<readonly (readonly InfluxSeries[])[]> {
    const call = this.#influx.queryRaw(text, {
      database: this.database,
      precision: 'ms',
      method: 'POST',
      placeholders: { ...parameters },
    })
    return resultsOf(await this.#inTime(call))
  }

  /** Ends what is under way. */
  close(): void {
    this.#agent.destroy()
  }

  async #inTime<T>(call: Promise<T>): Promise<T> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => {
        // The connection of a call that was given up is not to be used again.
        this.#agent.destroy()
        reject(new Error(`no answer within ${this.deadlineMs / 1000} s`))
      }, this.deadlineMs)
      // It keeps nothing from ending: a call whose answer broke off never settles.
      timer.unref()
    })
    try {
      return await Promise.race([call, late])
    } finally {
      clearTimeout(timer)
    }
  }
}

function fieldTypes(kind: EntityKind, tier: Tier): Record<string, FieldType> {
  const names = fieldNames(kind)
  if (tier === 'raw') return Object.fromEntries(names.map((name) => [name, FieldType.FLOAT]))
  return Object.fromEntries(
    names.flatMap((name) =>
      stats.map((stat) => [`${name}_${stat}`, stat === 'count' ? FieldType.INTEGER : FieldType.FLOAT]),
    ),
  )
}

/** @throws InfluxQueryError if a statement failed, or the answer is none of InfluxDB's */
function resultsOf(answer: unknown): InfluxSeries[][] {
  return listOf(answer, 'results').map((result) => {
    const error = propertyOf(result, 'error')
    if (error !== undefined) throw new InfluxQueryError(textOf(error))
    return listOf(result, 'series').map((series) => ({
      name: textOf(propertyOf(series, 'name')),
      tags: tagsOf(propertyOf(series, 'tags')),
      columns: listOf(series, 'columns').map(String),
      values: listOf(series, 'values').map((row) => {
        if (!Array.isArray(row)) throw new InfluxQueryError('an answer of an unknown form')
        return row
      }),
    }))
  })
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value ?? '')
}

/** Empty if there is none. */
function listOf(value: unknown, name: string): readonly unknown[] {
  const list = propertyOf(value, name)
  return Array.isArray(list) ? list : []
}

function tagsOf(value: unknown): Record<string, string> {
  if (typeof value !== 'object' || value === null) return {}
  return Object.fromEntries(Object.entries(value).map(([name, text]) => [name, String(text)]))
}
