import type { Retention } from './sink.js'
import type { QueueBounds } from './queue-table.js'

/** Where a server is and how it lets this program in. */
export interface ServerAddress {
  /** With its path, without a slash at the end. */
  readonly url: string
  readonly user: string | undefined
  readonly password: string | undefined
  /** Sent as `Authorization: Bearer`. */
  readonly token: string | undefined
  /** Certificates of the authorities that are trusted, as PEM; the system's if undefined. */
  readonly ca: string | undefined
}

export interface InfluxServer {
  readonly kind: 'influxdb'
  readonly address: ServerAddress
  readonly database: string
}

export interface VictoriaServer {
  readonly kind: 'victoriametrics'
  /** Where questions go. */
  readonly address: ServerAddress
  /** Where points go: the same, or a vmagent, or a cluster's vminsert. */
  readonly write: ServerAddress
  /** Every process that can lose what it took when it crashes: single nodes, vmagent, vmstorage. */
  readonly nodes: readonly ServerAddress[]
  /** Value of the label `db` of all series. */
  readonly database: string
}

export type ServerOptions = (InfluxServer | VictoriaServer) & { readonly retention: Retention; readonly pace: Pace }

/** How long things take on the server; others in tests. */
export interface Pace {
  readonly requestMs: number
  readonly settleMs: number
  readonly durableAfterMs: number
  readonly lookEveryMs: number
  readonly rollUpEveryMs: number
}

/** What the worker is started with: all of it can be cloned. */
export interface ServerWorkerOptions {
  readonly path: string
  readonly bounds: QueueBounds
  readonly server: ServerOptions
}
