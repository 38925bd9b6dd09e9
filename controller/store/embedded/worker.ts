import { parentPort, workerData } from 'node:worker_threads'

import { Engine } from './engine.js'
import type { FromWorker, ToWorker, WorkerOptions } from './protocol.js'
import { WorkQueue } from './work-queue.js'

const port = parentPort
if (port === null) throw new Error('this module runs in a worker thread only')
const send = (message: FromWorker, transfer: readonly ArrayBuffer[] = []): void =>
  port.postMessage(message, [...transfer])

const options: WorkerOptions = workerData
let engine: Engine | undefined
try {
  engine = new Engine(options, () => performance.now())
} catch (error) {
  send({ type: 'failed', message: error instanceof Error ? error.message : String(error) })
}
if (engine !== undefined) {
  const queue = new WorkQueue(engine, send, () => port.close())
  port.on('message', (message: ToWorker) => queue.take(message))
  send({ type: 'ready', health: engine.health() })
}
