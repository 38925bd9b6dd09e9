import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

import { startLibvirtDaemon, type LibvirtDaemon } from '../../support/libvirt-daemon.js'
import { defineGuest } from '../../support/libvirt-guest.js'
import { pidsBeside } from './cpu-meter.js'

const run = promisify(execFile)

export interface GuestWorld {
  readonly daemon: LibvirtDaemon
  readonly libvirtdPids: readonly number[]
  readonly qemuPids: readonly number[]
  stop(): Promise<void>
}

const diskMiB = 16
/** What the host lets through of a busy guest's writes. */
const busyIops = 4
const startsAtOnce = 3

/**
 * Raises real QEMU guests on a libvirtd of their own: 96 MiB of memory, one tap, two disks that bypass the page cache. Two file
 * systems on block devices are the arrays: every fifth guest has a disk on each, the others have both on the first. Every
 * second guest writes 4 KiB a quarter of a second to its first disk; every tenth (one that has two arrays) to both.
 */
export async function raiseGuests(count: number, say: (text: string) => void): Promise<GuestWorld> {
  const directory = await mkdtemp(join(tmpdir(), 'headroom-bench-'))
  const arrays = await Promise.all(['a', 'b'].map((name) => mountArray(directory, name, count)))
  const daemon = await startLibvirtDaemon()
  const stop = async (): Promise<void> => {
    await daemon.stop()
    for (const array of arrays) await run('umount', [array])
    await rm(directory, { recursive: true, force: true })
  }
  try {
    const pids: number[] = []
    const next = { index: 0 }
    const starter = async (): Promise<void> => {
      while (next.index < count) {
        const index = next.index++
        pids.push(await raiseGuest(daemon, arrays, index))
        if (pids.length % 10 === 0) say(`${pids.length} of ${count} guests are up`)
      }
    }
    await Promise.all(Array.from({ length: startsAtOnce }, starter))
    const [first] = pids
    if (first === undefined) throw new Error('no guest was asked for')
    return { daemon, libvirtdPids: pidsBeside(first, '/usr/sbin/libvirtd'), qemuPids: pids, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

async function raiseGuest(daemon: LibvirtDaemon, [a, b]: readonly string[], index: number): Promise<number> {
  if (a === undefined || b === undefined) throw new Error('two arrays are needed')
  const onBoth = index % 5 === 0
  const isBusy = index % 2 === 0
  const guest = await defineGuest(daemon, {
    name: `bench-${String(index).padStart(2, '0')}`,
    disksMiB: [diskMiB, diskMiB],
    diskDirectories: [a, onBoth ? b : a],
    nic: true,
  })
  await guest.start()
  const busyDisks = isBusy ? (onBoth ? ['vda', 'vdb'] : ['vda']) : []
  for (const disk of busyDisks) {
    await daemon.virsh('blkdeviotune', guest.name, disk, '--total-iops-sec', String(busyIops), '--live')
    await guest.tell(`drip ${disk}`)
  }
  return guest.pid()
}

async function mountArray(directory: string, name: string, guests: number): Promise<string> {
  const image = join(directory, `${name}.img`)
  const place = join(directory, name)
  await mkdir(place)
  await run('truncate', ['-s', `${64 + guests * diskMiB * 3}M`, image])
  await run('mkfs.ext4', ['-q', image])
  await run('mount', ['-o', 'loop', image, place])
  return place
}
