import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { access, mkdtemp, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { runProgram } from '../lab/run-program.js'
import { waitFor } from './wait-for.js'

/** A blank file whose storage can be stopped: a FUSE file (nbdfuse) on a disk that a process of its own serves (qemu-nbd). */
export interface FreezingFile {
  readonly path: string
  /** The image behind it, for an outside look at what was written. */
  readonly image: string
  /** Nothing that is written comes back until `thaw`. */
  freeze(): void
  thaw(): void
  remove(): Promise<void>
}

export async function startFreezingFile(name: string): Promise<FreezingFile> {
  const directory = await mkdtemp(join(tmpdir(), 'headroom-freezing-'))
  const [path, image, socket] = [join(directory, name), join(directory, 'image'), join(directory, 'nbd')]
  await writeFile(image, '')
  await truncate(image, 4 * 1024 * 1024)
  await writeFile(path, '')
  const server = bound('qemu-nbd', '--persistent', '--format=raw', '--cache=none', '--aio=threads', '-k', socket, image)
  await waitFor(20_000, 'qemu-nbd', () => access(socket).then(yes, no))
  const fuse = bound('nbdfuse', path, '--unix', socket)
  await waitFor(20_000, 'nbdfuse', () => stat(path).then((found) => found.size > 0, no))
  return {
    path,
    image,
    freeze: () => void server.kill('SIGSTOP'),
    thaw: () => void server.kill('SIGCONT'),
    async remove() {
      server.kill('SIGCONT')
      await waitFor(20_000, 'the file to be let go', () => runProgram('umount', [path]).then(yes, no))
      await Promise.all([ended(fuse), server.kill('SIGTERM') && ended(server)])
      await rm(directory, { recursive: true, force: true })
    },
  }
}

const yes = (): boolean => true
const no = (): boolean => false

/** It ends with this process, however that ends. */
function bound(...command: readonly string[]): ChildProcess {
  return spawn('setpriv', ['--pdeathsig', 'KILL', ...command], { stdio: ['ignore', 'ignore', 'inherit'] })
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
}
