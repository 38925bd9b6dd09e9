import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { createLog } from '../../common/log.js'
import { openEmbeddedStore } from '../../controller/store/embedded/embedded-store.js'
import type { TimeSeries } from '../../controller/store/time-series.js'
import { sketchError } from '../../controller/store/embedded/sketch.js'
import { rankedWindow } from '../../controller/store/embedded/top-query.js'
import { timeSeriesConformance } from '../support/time-series-conformance.js'
import { asRolledUp } from '../support/time-series-model.js'

const directories = new Map<TimeSeries, string>()

async function openIn(directory: string): Promise<TimeSeries> {
  let now = Date.UTC(2026, 2, 1, 15)
  const store = await openEmbeddedStore({
    path: join(directory, 'series.db'),
    log: createLog('test', 'silent'),
    retention: { rawMs: 30 * 86_400_000, maxBytes: 2 ** 30 },
    // Hours pass quickly: sealing goes on between all the questions.
    now: () => (now += 600_000),
    maintainEveryMs: 20,
  })
  directories.set(store, directory)
  return store
}

async function closed(store: TimeSeries): Promise<string> {
  await store.close()
  return directories.get(store) ?? ''
}

timeSeriesConformance('embedded', {
  exactness: { rollUpError: asRolledUp, quantileError: sketchError * 1.01, rankedWindow },
  open: () => openIn(mkdtempSync(join(tmpdir(), 'headroom-store-'))),
  reopen: async (store) => openIn(await closed(store)),
  discard: async (store) => rmSync(await closed(store), { recursive: true }),
})
