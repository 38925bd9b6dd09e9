import { createLog } from '../../common/log.js'
import type { ServerStoreOptions } from '../../controller/store/server/server-store.js'
import type { Pace, ServerAddress } from '../../controller/store/server/worker-options.js'

export const yearMs = 365 * 86_400_000

export function serverAddress(url: string, change: Partial<ServerAddress> = {}): ServerAddress {
  return { url, user: undefined, password: undefined, token: undefined, ca: undefined, ...change }
}

/** Servers of tests forget nothing. */
export const keptLong = { raw: 10 * yearMs, '5m': 10 * yearMs, '1h': 10 * yearMs }

/** Quicker than a controller's, so that tests need not wait. */
export const influxTestPace: Pace = {
  requestMs: 5000,
  settleMs: 0,
  durableAfterMs: 0,
  lookEveryMs: 250,
  rollUpEveryMs: 50,
}
export const victoriaTestPace: Pace = { ...influxTestPace, settleMs: 1500, durableAfterMs: 60_000 }

interface TestStore {
  readonly path: string
  readonly database: string
  readonly pace?: Partial<Pace>
  readonly bounds?: Partial<ServerStoreOptions['bounds']>
  readonly retention?: Partial<typeof keptLong>
}

/** Of a store on an InfluxDB. */
export function influxStore(address: ServerAddress, store: TestStore): ServerStoreOptions {
  const { database, pace, retention } = store
  const server = { kind: 'influxdb', address, database } as const
  return options(store, { ...server, retention: { ...keptLong, ...retention }, pace: { ...influxTestPace, ...pace } })
}

/** Of a store on a VictoriaMetrics; the same address for all if no others are given. */
export function victoriaStore(
  address: ServerAddress,
  store: TestStore,
  others: { readonly write?: ServerAddress; readonly nodes?: readonly ServerAddress[] } = {},
): ServerStoreOptions {
  const { database, pace, retention } = store
  const server = { kind: 'victoriametrics', address, write: address, nodes: [address], ...others, database } as const
  return options(store, { ...server, retention: { ...keptLong, ...retention }, pace: { ...victoriaTestPace, ...pace } })
}

function options({ path, bounds }: TestStore, server: ServerStoreOptions['server']): ServerStoreOptions {
  return {
    path,
    bounds: { maxBytes: 2 ** 30, maxAgeMs: yearMs, ...bounds },
    server,
    log: createLog('test', 'silent'),
    now: () => Date.now(),
    maintainEveryMs: 100,
  }
}
