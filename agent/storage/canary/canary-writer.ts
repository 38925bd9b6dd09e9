import { workerData } from 'node:worker_threads'

import { openCanaryFile, type CanaryFile, type CanaryPlace } from './canary-file.js'
import { CanaryCells, type CanaryWork } from './canary-cells.js'

/**
 * The thread that waits for the storage, so that nothing else has to: each write, and each try to open the file, takes as long
 * as it takes. It has no event loop: it sleeps until a write is asked for.
 */
// startCanary() gave it.
// oxlint-disable-next-line typescript/no-unsafe-type-assertion
const { path, memory } = workerData as CanaryWork
const cells = new CanaryCells(memory)

let file: CanaryFile | undefined
/** Of the first opening. */
let place: CanaryPlace | undefined
while (cells.waitForWork()) {
  try {
    file ??= openCanaryFile(path, place)
    place ??= file.place
    const beganMs = performance.now()
    file.write()
    cells.finish((performance.now() - beganMs) / 1000)
  } catch (error) {
    // Opened anew the next time, on the same device: the file system may have been mounted again, or be gone.
    forget()
    cells.fail(error instanceof Error ? error.message : String(error))
  }
}
forget()

function forget(): void {
  try {
    file?.close()
  } catch {
    // What it could not be rid of is found by the next one, by its mark.
  }
  file = undefined
}
