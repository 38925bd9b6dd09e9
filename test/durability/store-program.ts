import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'

import { z } from 'zod'

import { createLog } from '../../common/log.js'
import { openEmbeddedStore } from '../../controller/store/embedded/embedded-store.js'
import { batchOf, storePaces, throughOf, type StorePace } from './store-book.js'

/** What the parent process sends, and hears: every promise that the store made. */
export const storeOrder = z.object({ dir: z.string(), pace: z.string(), worker: z.string() })
export const storeWord = z.discriminatedUnion('is', [
  z.object({ is: z.literal('started'), openMs: z.number(), openCpuMs: z.number() }),
  z.object({ is: z.literal('acked'), seq: z.number() }),
  z.object({ is: z.literal('backed-up'), path: z.string(), throughSeq: z.number() }),
])
export type StoreWord = z.output<typeof storeWord>

/** Opens the store, and when it is told to, writes one batch after the other, several in flight, until it is killed or asked to end. */
async function run(dir: string, pace: StorePace, worker: string): Promise<void> {
  mkdirSync(dir, { recursive: true })
  const { tierMs, perAckMs, maintainEveryMs, backups } = pace
  let nowMs = 0
  const [began, cpuBefore] = [performance.now(), process.cpuUsage()]
  const store = await openEmbeddedStore({
    path: join(dir, 'series.db'),
    log: createLog('store', 'silent'),
    retention: { rawMs: tierMs.raw, fiveMinutesMs: tierMs['5m'], hoursMs: tierMs['1h'], maxBytes: 2 ** 40 },
    now: () => nowMs,
    maintainEveryMs,
    startWorker: (options) => new Worker(worker, { workerData: options }),
  })
  const end = new AbortController()
  process.once('SIGTERM', () => end.abort())
  const told = once(process, 'message')
  const { user, system } = process.cpuUsage(cpuBefore)
  say({ is: 'started', openMs: performance.now() - began, openCpuMs: (user + system) / 1000 })
  await told
  let seq = (await throughOf(store)) + 1
  let acked = seq - 1
  const writeNext = async (): Promise<void> => {
    while (!end.signal.aborted) {
      const mine = seq
      seq += 1
      const batch = batchOf(mine)
      nowMs = Math.max(nowMs, (batch.points[0]?.atMs ?? 0) + perAckMs)
      await store.write(batch)
      acked = Math.max(acked, mine)
      say({ is: 'acked', seq: mine })
    }
  }
  const writers = Promise.all([writeNext(), writeNext(), writeNext(), writeNext()])
  if (backups) await backUpAgainAndAgain()
  await writers
  await store.close()

  /** Each into a new file; the one before goes when the next is there. */
  async function backUpAgainAndAgain(): Promise<void> {
    let before: string | undefined
    for (let number = 0; !end.signal.aborted; number += 1) {
      const throughSeq = acked
      const path = join(dir, `backup-${process.pid}-${number}.db`)
      await store.backUp(path)
      say({ is: 'backed-up', path, throughSeq })
      if (before !== undefined) await rm(before)
      before = path
    }
  }
}

function say(word: StoreWord): void {
  process.send?.(word)
}

const [, script, text] = process.argv
if (script === import.meta.filename && text !== undefined) {
  const { dir, pace, worker } = storeOrder.parse(JSON.parse(text))
  const known = storePaces[pace]
  if (known === undefined) throw new Error(`no pace ${pace}`)
  await run(dir, known, worker)
  process.disconnect()
}
