import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, beforeAll } from 'vitest'

import { openServerStore } from '../../controller/store/server/server-store.js'
import type { TimeSeries } from '../../controller/store/time-series.js'
import { serverAddress, victoriaStore } from '../support/server-options.js'
import { settled } from '../support/settled-store.js'
import { timeSeriesConformance } from '../support/time-series-conformance.js'
import { exactly } from '../support/time-series-model.js'
import { startVictoria, type RunningVictoria } from '../support/victoria-server.js'

let directory: string
let victoria: RunningVictoria
const databases = new Map<TimeSeries, string>()
let count = 0

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'headroom-victoria-'))
  victoria = await startVictoria(join(directory, 'victoria'))
})

afterAll(async () => {
  await victoria.server.stop()
  rmSync(directory, { recursive: true, maxRetries: 5 })
})

async function open(database: string): Promise<TimeSeries> {
  const store = await openServerStore(
    victoriaStore(serverAddress(victoria.url), { path: join(directory, `${database}.db`), database }),
  )
  databases.set(store, database)
  return store
}

timeSeriesConformance('VictoriaMetrics', {
  exactness: { rollUpError: exactly, quantileError: 'within', rankedWindow: (window) => window },
  open: () => open(`conformance_${(count += 1)}`),
  reopen: async (store) => {
    await store.close()
    return open(databases.get(store) ?? '')
  },
  discard: (store) => store.close(),
  settle: async (store) => {
    await settled(store, { victoriaUrls: [victoria.url] })
  },
  rounds: 10,
  limits: { doesNotCount: true, keepsEitherValue: true, dropsNothing: 'forgets by its own -retentionPeriod' },
})
