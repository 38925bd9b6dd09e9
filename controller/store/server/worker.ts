import { parentPort, workerData, type MessagePort } from 'node:worker_threads'

import type { FromWorker, ToWorker } from '../embedded/protocol.js'
import { WorkQueue } from '../embedded/work-queue.js'
import { openSink } from './open-sink.js'
import { Outbox } from './outbox.js'
import { Shipping } from './shipping.js'
import type { ServerWorkerOptions } from './worker-options.js'

const port = parentPort
if (port === null) throw new Error('this module runs in a worker thread only')
const send = (message: FromWorker, transfer: readonly ArrayBuffer[] = []): void =>
  port.postMessage(message, [...transfer])

const healthEveryMs = 100

/** The queue in front of a server and what empties it: `WorkQueue` gives it what the main thread asks, `Shipping` what the server takes. */
function run(options: ServerWorkerOptions, toMain: MessagePort): void {
  const sink = openSink(options.server)
  const outbox = new Outbox(
    { ...options, retention: options.server.retention },
    sink.traits.rollUps,
    sink.traits.settleMs,
    () => Date.now(),
  )
  let healthTimer: NodeJS.Timeout | undefined
  const shipping = new Shipping(
    outbox,
    sink,
    () => Date.now(),
    () => {
      healthTimer ??= setTimeout(() => {
        healthTimer = undefined
        send({ type: 'health', health: outbox.health() })
      }, healthEveryMs)
    },
  )
  const queue = new WorkQueue(outbox, send, () => toMain.close())
  toMain.on('message', (message: ToWorker) => {
    if (message.type === 'close') {
      shipping.stop()
      clearTimeout(healthTimer)
    }
    queue.take(message)
  })
  send({ type: 'ready', health: outbox.health() })
  shipping.start()
}

try {
  run(workerData, port)
} catch (error) {
  send({ type: 'failed', message: error instanceof Error ? error.message : String(error) })
}
