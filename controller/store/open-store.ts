import { readFileSync } from 'node:fs'
import { join } from 'node:path'

import { ConfigError } from '../../common/config-error.js'
import type { Log } from '../../common/log.js'
import { openEmbeddedStore, type EmbeddedStore } from './embedded/embedded-store.js'
import { openServerStore } from './server/server-store.js'
import type { Retention } from './server/sink.js'
import type { Pace, ServerAddress, ServerOptions, ServerWorkerOptions } from './server/worker-options.js'
import type { StoreConfig } from './store-config.js'
import type { TimeSeries } from './time-series.js'

export interface OpenStoreOptions {
  readonly config: StoreConfig
  readonly retention: RetentionConfig
  /** The controller's directory. */
  readonly directory: string
  readonly log: Log
  readonly now: () => number
}

/** The part `retention` of `controller.yaml`: how long each tier is kept, in milliseconds. */
export interface RetentionConfig {
  readonly raw: number
  readonly fiveMinutes: number
  readonly hours: number
}

export interface OpenedStore {
  readonly store: TimeSeries
  /** The same where it is the controller's own: a server has its own ways of backup. */
  readonly embedded: EmbeddedStore | undefined
}

type ServerConfig = Exclude<StoreConfig, { readonly kind: 'embedded' }>

/** InfluxDB shows at once what it took; points that are older than others by less than this spare it a second computation. */
const influxPace: Pace = {
  requestMs: 30_000,
  settleMs: 30_000,
  durableAfterMs: 0,
  lookEveryMs: 30_000,
  rollUpEveryMs: 1000,
}

/** VictoriaMetrics shows after a second what it took, and has it on disk after some five. */
const victoriaPace: Pace = { ...influxPace, durableAfterMs: 60_000, lookEveryMs: 5000 }

/**
 * Opens the store that the configuration names. A server need not be there.
 * Rejects with a ConfigError if a file that the configuration names cannot be read, and if a file of the store cannot be opened.
 */
export async function openStore({ config, retention, directory, log, now }: OpenStoreOptions): Promise<OpenedStore> {
  if (config.kind === 'embedded') {
    const { raw, fiveMinutes, hours } = retention
    const kept = { rawMs: raw, fiveMinutesMs: fiveMinutes, hoursMs: hours, maxBytes: config.maxSize }
    const embedded = await openEmbeddedStore({ path: join(directory, 'series.db'), log, now, retention: kept })
    return { store: embedded, embedded }
  }
  const store = await openServerStore({ ...serverStoreOptions(config, retention, directory), log, now })
  return { store, embedded: undefined }
}

/** @throws ConfigError if a file that the configuration names cannot be read */
export function serverStoreOptions(
  config: ServerConfig,
  { raw, fiveMinutes, hours }: RetentionConfig,
  directory: string,
): ServerWorkerOptions {
  return {
    path: join(directory, 'queue.db'),
    bounds: { maxBytes: config.queue.maxSize, maxAgeMs: config.queue.maxAge },
    server: serverOptions(config, { raw, '5m': fiveMinutes, '1h': hours }),
  }
}

function serverOptions(config: ServerConfig, retention: Retention): ServerOptions {
  const { kind, url, database } = config
  const address = addressOf(config, url)
  if (kind === 'influxdb') return { kind, address, database, retention, pace: influxPace }
  const write = addressOf(config, config.writeUrl ?? url)
  const nodes = (config.nodes ?? [url]).map((node) => addressOf(config, node))
  return { kind, address, write, nodes, database, retention, pace: victoriaPace }
}

function addressOf(config: ServerConfig, url: string): ServerAddress {
  return {
    url,
    user: config.user,
    password: secretOf('store.passwordFile', config.passwordFile),
    token: config.kind === 'victoriametrics' ? secretOf('store.tokenFile', config.tokenFile) : undefined,
    ca: contentOf('store.caFile', config.caFile),
  }
}

/** Line ends around it do not belong to it. */
function secretOf(key: string, file: string | undefined): string | undefined {
  return contentOf(key, file)?.replace(/[\r\n]+$/, '')
}

function contentOf(key: string, file: string | undefined): string | undefined {
  if (file === undefined) return undefined
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    const got = error instanceof Error ? error.message : String(error)
    throw new ConfigError('controller configuration', [{ key, line: undefined, expected: 'a readable file', got }])
  }
}
