import { Worker } from 'node:worker_threads'

import { CanaryCells, type CanaryWork } from './canary-cells.js'
import type { CanaryPort } from './canary-beat.js'

export interface CanaryThread extends CanaryPort {
  /**
   * Ends the writer, which removes its file. One that hangs in the storage cannot be ended.
   * @returns whether it has ended
   */
  stop(): Promise<boolean>
}

const stopWithinMs = 1000
/** It does next to nothing. */
const resourceLimits = { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 1, stackSizeMb: 1 }

/** A thread of its own that writes to `path`: storage that hangs takes it, and nothing else. */
export function startCanaryThread(path: string): CanaryThread {
  const work: CanaryWork = { path, memory: CanaryCells.memory() }
  const cells = new CanaryCells(work.memory)
  const fromSource = import.meta.url.endsWith('.ts')
  const file = new URL(fromSource ? './canary-writer-from-source.mjs' : './canary-writer.js', import.meta.url)
  const worker = new Worker(file, { workerData: work, ...(fromSource ? {} : { resourceLimits }) })
  let fault: string | undefined
  worker.on('error', (error) => {
    fault = `its thread ended: ${error instanceof Error ? error.message : String(error)}`
  })
  const ended = new Promise<true>((resolve) => {
    worker.once('exit', () => resolve(true))
  })
  worker.unref()
  return {
    begin: () => cells.ask(),
    ended: () => (fault === undefined ? cells.result() : { problem: fault }),
    async stop() {
      cells.end()
      let timer: NodeJS.Timeout | undefined
      const late = new Promise<false>((resolve) => {
        timer = setTimeout(() => resolve(false), stopWithinMs)
      })
      try {
        return await Promise.race([ended, late])
      } finally {
        clearTimeout(timer)
      }
    },
  }
}
