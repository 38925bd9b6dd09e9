import { spawn } from 'node:child_process'
import { mkdir, open, readFile } from 'node:fs/promises'
import path from 'node:path'

import { waitFor } from '../../support/wait-for.js'
import { arrayProgram } from './array-program.js'
import { ArrayControl } from './array-truth.js'

/** An array without a lab: its LUNs are files of a directory here. */
export interface MountedArray {
  readonly control: ArrayControl
  lun(name: string): string
  /** CPU time of its process so far, seconds. */
  cpuSeconds(): Promise<number>
  stop(): Promise<void>
}

export async function mountArray(
  directory: string,
  parameters: string,
  luns: Readonly<Record<string, number>>,
): Promise<MountedArray> {
  await mkdir(directory, { recursive: true })
  for (const [name, bytes] of Object.entries(luns)) {
    const handle = await open(path.join(directory, name), 'w')
    await handle.truncate(bytes)
    await handle.close()
  }
  let said = ''
  const child = spawn(await arrayProgram('array-fs'), [directory, parameters], { stdio: ['ignore', 'ignore', 'pipe'] })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text
  })
  const ended = new Promise<void>((done) => {
    child.once('exit', () => done())
  })
  const control = new ArrayControl(directory)
  await waitFor(10_000, 'the array to be mounted', async () => {
    if (child.exitCode !== null) throw new Error(`array-fs ended: ${said}`)
    return control.truth().then(
      () => true,
      () => false,
    )
  })
  return {
    control,
    lun: (name) => path.join(directory, name),
    cpuSeconds: async () => {
      const text = await readFile(`/proc/${child.pid}/stat`, 'utf8')
      const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
      // User and system time, in hundredths.
      return (Number(fields[11]) + Number(fields[12])) / 100
    },
    stop: async () => {
      child.kill('SIGTERM')
      await ended
    },
  }
}
