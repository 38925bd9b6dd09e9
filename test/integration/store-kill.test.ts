import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

import { afterEach, beforeEach, expect, test } from 'vitest'

import { createLog } from '../../common/log.js'
import { openEmbeddedStore } from '../../controller/store/embedded/embedded-store.js'
import { writerTimeMs, writerVms } from '../support/store-writer.js'

const rounds = Number(process.env['STORE_KILL_ROUNDS'] ?? 6)
const writer = fileURLToPath(new URL('../support/store-writer.ts', import.meta.url))

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'headroom-kill-'))
})
afterEach(() => rmSync(directory, { recursive: true }))

/** Runs the writer and kills it some random time after its first acknowledgement; returns the highest one it printed. */
async function writeUntilKilled(path: string): Promise<number> {
  const child = spawn(process.execPath, ['--import', 'tsx', writer, path], { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = once(child, 'exit')
  let acked = -1
  for await (const line of createInterface({ input: child.stdout })) {
    if (line.startsWith('from')) continue
    if (acked === -1) setTimeout(() => child.kill('SIGKILL'), Math.random() * 700)
    acked = Math.max(acked, Number(line))
  }
  const [code, signal] = await ended
  expect([code, signal]).toEqual([null, 'SIGKILL'])
  return acked
}

test(
  'a killed writer loses nothing that was acknowledged, and doubles nothing',
  { timeout: 30_000 + rounds * 15_000 },
  async () => {
    const path = join(directory, 'series.db')
    for (let round = 0; round < rounds; round += 1) {
      const acked = await writeUntilKilled(path)
      const openedAt = performance.now()
      const store = await openEmbeddedStore({
        path,
        log: createLog('test', 'silent'),
        retention: { rawMs: Number.MAX_SAFE_INTEGER, maxBytes: 2 ** 40 },
        now: () => 0,
        maintainEveryMs: 3_600_000,
      })
      expect(performance.now() - openedAt).toBeLessThan(5000)
      const through = (await store.marks()).get('writer') ?? -1
      expect(through).toBeGreaterThanOrEqual(acked)
      const expected = Array.from({ length: through + 1 }, (_, seq) => [writerTimeMs(seq), seq])
      for (const id of writerVms) {
        const query = { fields: ['cpuCores'], fromMs: 0, toMs: Infinity, stepMs: 0, agg: 'sum' as const }
        expect((await store.range({ ...query, entity: { kind: 'vm', id } })).rows).toEqual(expected)
      }
      const sum = (through * (through + 1)) / 2
      const top = await store.topN({ kind: 'vm', field: 'cpuCores', agg: 'sum', fromMs: 0, toMs: Infinity, n: 9 })
      expect(top).toEqual(writerVms.map((id) => ({ id, value: sum })))
      const events = await store.events({ fromMs: 0, toMs: Infinity, limit: 10_000 })
      expect(events.map(({ reason }) => reason)).toEqual(
        expected
          .map(([, seq]) => String(seq))
          .reverse()
          .slice(0, 10_000),
      )
      await store.close()
    }
  },
)
