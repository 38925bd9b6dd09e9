import { spawn } from 'node:child_process'
import { readdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'

import { describe, expect, it } from 'vitest'

import { traces } from '../lab/traces.js'
import { waitFor } from '../support/wait-for.js'
import { dom0Image } from './dom0-image.js'

const root = path.resolve(import.meta.dirname, '../..')

/** Directories of Xen hosts that are there now. */
async function hostDirectories(): Promise<readonly string[]> {
  const names = await readdir(tmpdir())
  return names.filter((name) => name.startsWith('headroom-xen-')).map((name) => path.join(tmpdir(), name))
}

describe('a Xen host in an emulator', () => {
  it.each([
    // A shell gives a command a group of its own, and Ctrl-C is for all of it.
    { end: 'Ctrl-C', signal: 'SIGINT', group: true },
    { end: 'kill -9', signal: 'SIGKILL', group: false },
  ] as const)('ends by itself and leaves nothing behind after $end', async ({ signal, group }) => {
    // Not while it boots: the image is of the cache.
    await dom0Image()
    const before = await hostDirectories()
    const child = spawn(process.execPath, ['--import', 'tsx', path.join(root, 'test/xen/main.ts'), '--guests', '0'], {
      cwd: root,
      stdio: 'ignore',
      detached: true,
    })
    const ended = new Promise<NodeJS.Signals | null>((resolve) => {
      child.once('exit', (_code, by) => resolve(by))
    })
    const { pid } = child
    if (pid === undefined) throw new Error('not started')
    let dir = ''
    await waitFor(300_000, 'its directory', async () => {
      dir = (await hostDirectories()).find((one) => !before.includes(one)) ?? ''
      return dir !== ''
    })
    await waitFor(300_000, 'the emulator to run', async () =>
      (await traces(dir)).some((trace) => /qemu-system-x86_64/.test(trace) && trace.includes(`${dir}/console.log`)),
    )
    process.kill(group ? -pid : pid, signal)
    expect(await ended).toBe(signal)
    await waitFor(60_000, 'its directory to be gone', async () => !(await hostDirectories()).includes(dir))
    await waitFor(
      60_000,
      'its traces to be gone',
      async () => !(await traces(dir)).some((trace) => trace.includes(dir)),
    )
  })
})
