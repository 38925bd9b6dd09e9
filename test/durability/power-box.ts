import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, open, readFile, rm, stat, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

import { runProgram } from '../lab/run-program.js'
import type { FailingMedium } from './failing-medium.js'
import { serveDisk, type NbdServer } from './nbd-server.js'
import { contentOf, VolatileDisk, type DiskContent } from './volatile-disk.js'

const MiB = 2 ** 20

/**
 * File systems to lose power on. None of them may help: they write back by themselves only after minutes, and do not force
 * out the data of a file that is renamed.
 */
const fileSystems = {
  ext4: {
    sizeMiB: 64,
    make: ['mkfs.ext4', '-q', '-F', '-J', 'size=4', '-E', 'lazy_itable_init=0,lazy_journal_init=0,nodiscard'],
    mountOptions: 'commit=300,noauto_da_alloc',
    check: undefined,
  },
  /** Without a journal nothing but an fsync of the directory makes a rename last. */
  ext2: {
    sizeMiB: 64,
    make: ['mkfs.ext2', '-q', '-F', '-E', 'nodiscard'],
    mountOptions: 'noauto_da_alloc',
    check: ['e2fsck', '-f', '-y'],
  },
  /** Needs btrfs-progs. */
  btrfs: {
    sizeMiB: 256,
    make: ['mkfs.btrfs', '-q', '-f', '-m', 'single'],
    mountOptions: 'commit=300',
    check: undefined,
  },
  /** Needs xfsprogs. */
  xfs: {
    sizeMiB: 300,
    make: ['mkfs.xfs', '-q', '-f'],
    mountOptions: '',
    check: undefined,
  },
} as const satisfies Record<string, FileSystemKind>

interface FileSystemKind {
  readonly sizeMiB: number
  readonly make: readonly string[]
  readonly mountOptions: string
  /** Run after a cut; 1 says that it repaired something. */
  readonly check: readonly string[] | undefined
}

export type FileSystemName = keyof typeof fileSystems
export const fileSystemNames: readonly string[] = Object.keys(fileSystems)

export function isFileSystem(name: string): name is FileSystemName {
  return Object.hasOwn(fileSystems, name)
}

/** Which share of the sectors in the disk's cache a cut lets through. */
const shares = [0, 0.5, 0.9, 1] as const

/**
 * A file system on a disk whose power can be cut: this process is the disk, behind nbdfuse and a loop device. Needs root, and a
 * mount namespace of its own, so that nothing stays if this process dies.
 */
export class PowerBox implements FailingMedium {
  readonly #kind: FileSystemKind
  readonly path: string
  #disk: VolatileDisk
  #server: NbdServer | undefined
  #fuse: ChildProcess | undefined
  #mounts = 0
  #witnesses = 0

  private constructor(
    private readonly dir: string,
    name: FileSystemName,
    content: DiskContent,
    private readonly random: () => number,
  ) {
    this.#kind = fileSystems[name]
    this.path = join(dir, 'data')
    this.#disk = new VolatileDisk(this.#kind.sizeMiB * MiB, content)
  }

  /** Makes the file system and mounts it at `path`. */
  static async make(dir: string, name: FileSystemName, random: () => number): Promise<PowerBox> {
    const missing = ['/usr/bin/nbdfuse', '/dev/fuse', '/dev/loop-control'].find((file) => !existsSync(file))
    if (missing !== undefined) throw new Error(`a disk that loses power needs ${missing} (Debian: libnbd-bin)`)
    await mkdir(join(dir, 'data'), { recursive: true })
    const box = new PowerBox(dir, name, contentOf(await emptyImage(dir, fileSystems[name])), random)
    await box.#mount()
    await box.#leaveWitnesses()
    return box
  }

  get flushes(): number {
    return this.#disk.flushes
  }

  cut(): () => Promise<void> {
    const share = shares[Math.floor(this.random() * shares.length)] ?? 0
    // Now, and not a moment later.
    const left = this.#disk.cut(() => this.random() < share)
    return async () => {
      await this.#unmount()
      this.#disk = new VolatileDisk(this.#disk.sizeBytes, left)
      await this.#mount()
      await this.#lookAtWitnesses()
      await this.#leaveWitnesses()
    }
  }

  async remove(): Promise<void> {
    await this.#unmount()
    await rm(this.dir, { recursive: true, force: true })
  }

  async #mount(): Promise<void> {
    this.#mounts += 1
    const own = join(this.dir, `mount-${this.#mounts}`)
    await mkdir(own)
    const socket = join(this.dir, `nbd-${this.#mounts}`)
    this.#server = await serveDisk(this.#disk, socket)
    // It ends with this process, however that ends.
    const fuse = spawn('setpriv', ['--pdeathsig', 'KILL', 'nbdfuse', own, '--unix', socket], {
      stdio: ['ignore', 'ignore', 'inherit'],
    })
    this.#fuse = fuse
    const file = join(own, 'nbd')
    await waitForFile(file, fuse)
    const { check, mountOptions } = this.#kind
    if (check !== undefined) await checked([...check, file])
    const wanted = ['loop', 'noatime', mountOptions].filter((option) => option !== '')
    await runProgram('mount', ['-o', wanted.join(','), file, this.path])
  }

  async #unmount(): Promise<void> {
    if (this.#server === undefined) return
    await persistently(() => runProgram('umount', [this.path]))
    const fuse = this.#fuse
    const ended = fuse === undefined || gone(fuse) ? Promise.resolve() : onceGone(fuse)
    await persistently(() => runProgram('umount', [join(this.dir, `mount-${this.#mounts}`)]))
    await ended
    await this.#server.close()
    this.#server = undefined
  }

  /** Two files, one of them fsynced: after a cut that one is there, and the other is not. */
  async #leaveWitnesses(): Promise<void> {
    this.#witnesses += 1
    for (const kind of ['synced', 'unsynced'] as const) {
      const file = await open(this.#witness(kind), 'wx')
      await file.writeFile(witnessText(kind, this.#witnesses))
      if (kind === 'synced') await file.sync()
      await file.close()
      if (kind === 'unsynced') continue
      const directory = await open(this.path, 'r')
      await directory.sync()
      await directory.close()
    }
  }

  async #lookAtWitnesses(): Promise<void> {
    const found = async (kind: 'synced' | 'unsynced'): Promise<string> =>
      readFile(this.#witness(kind), 'utf8').catch(() => '')
    if ((await found('synced')) !== witnessText('synced', this.#witnesses))
      throw new Error('the disk is at fault: what was fsynced did not survive')
    if ((await found('unsynced')) === witnessText('unsynced', this.#witnesses))
      throw new Error('the cut proves nothing: what was not fsynced survived it')
  }

  #witness(kind: 'synced' | 'unsynced'): string {
    return join(this.path, `witness-${this.#witnesses}-${kind}`)
  }
}

function witnessText(kind: string, number: number): string {
  return `${kind} ${number} `.repeat(2000)
}

async function emptyImage(dir: string, { make, sizeMiB }: FileSystemKind): Promise<Buffer> {
  const image = join(dir, 'empty.img')
  await (await open(image, 'w')).close()
  await truncate(image, sizeMiB * MiB)
  const [program = '', ...args] = make
  await runProgram(program, [...args, image], { env: systemPath })
  const content = await readFile(image)
  await rm(image)
  return content
}

/** Where mkfs lives, also for those whose PATH does not say so. */
const systemPath = { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` }

/** e2fsck: 0 and 1 say that the file system is in order now. */
async function checked([program = '', ...args]: readonly string[]): Promise<void> {
  try {
    await runProgram(program, args, { env: systemPath })
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 1)) throw error
  }
}

async function waitForFile(file: string, fuse: ChildProcess): Promise<void> {
  for (let tries = 0; ; tries += 1) {
    const size = await stat(file).then(
      (found) => found.size,
      () => 0,
    )
    if (size > 0) return
    if (gone(fuse) || tries > 1000) throw new Error('nbdfuse does not show the disk')
    await delay(10)
  }
}

/** The last writers may take a moment to let go. */
async function persistently(work: () => Promise<unknown>): Promise<void> {
  for (let tries = 0; ; tries += 1) {
    try {
      await work()
      return
    } catch (error) {
      if (tries > 200) throw error
      await delay(25)
    }
  }
}

function gone(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null
}

async function onceGone(child: ChildProcess): Promise<void> {
  await new Promise((resolve) => {
    child.once('exit', resolve)
  })
}
