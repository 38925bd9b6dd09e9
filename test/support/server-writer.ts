import { readFileSync } from 'node:fs'

import { createLog } from '../../common/log.js'
import { openServerStore, type ServerStoreOptions } from '../../controller/store/server/server-store.js'
import { settled } from './settled-store.js'

/** What a writer is told, in a file as JSON. */
export interface WriterOrder {
  readonly options: Omit<ServerStoreOptions, 'log' | 'now'>
  /** Of the first batch. */
  readonly startMs: number
  readonly everyMs: number
}

export const serverWriterVms = ['a', 'b', 'c/d']
export const writerStepMs = 1000

/**
 * Run as a program with the path of its order: writes batches to a store behind a server, a point of each VM whose value is the batch's number,
 * and prints the number of each one that is acknowledged. Goes on until SIGTERM: then it waits until the server has everything,
 * prints `settled` with the health of the queue, and ends.
 */
async function run(orderFile: string): Promise<void> {
  const order: WriterOrder = JSON.parse(readFileSync(orderFile, 'utf8'))
  const log = createLog('writer', 'silent')
  const store = await openServerStore({ ...order.options, log, now: () => Date.now() })
  const asked = new AbortController()
  process.once('SIGTERM', () => asked.abort())
  let seq = ((await store.marks()).get('writer') ?? 0) + 1
  process.stdout.write(`from ${seq}\n`)
  let next = performance.now()
  while (!asked.signal.aborted) {
    const mine = seq
    seq += 1
    await store.write({
      points: serverWriterVms.map((id) => ({
        entity: { kind: 'vm', id },
        atMs: order.startMs + mine * writerStepMs,
        fields: { cpuCores: mine, running: 1 },
      })),
      events: [],
      marks: [{ spoolId: 'writer', throughSeq: mine }],
    })
    process.stdout.write(`${mine}\n`)
    next = Math.max(next + order.everyMs, performance.now())
    await new Promise((resolve) => {
      setTimeout(resolve, next - performance.now())
    })
  }
  const queue = await settled(store, { withinMs: 120_000 })
  process.stdout.write(`settled ${JSON.stringify(queue)}\n`)
  await store.close()
}

const [, script, orderFile] = process.argv
if (script?.endsWith('server-writer.ts') === true && orderFile !== undefined) await run(orderFile)
