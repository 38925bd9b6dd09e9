import type { DiskRaw } from '../hypervisor.js'
import { moved, type ProcessIo } from './qemu-process.js'

/** Bytes of a process that none of its disks has counted: what QEMU read and wrote for itself. */
interface Surplus {
  readonly readBytes: number
  readonly writeBytes: number
}

/** What was known of one run's disks when they were last read. */
interface Account {
  readonly runId: string
  readonly io: ProcessIo | undefined
  /** By target; those asked last are the last. */
  readonly disks: ReadonlyMap<string, DiskRaw>
  readonly surplus: Surplus | undefined
  /** The surplus was the same twice: nothing was under way then. */
  readonly balanced: boolean
  /** No request can be under way that the disks have not counted yet. */
  readonly settled: boolean
}

export interface DiskReading {
  readonly uuid: string
  readonly runId: string
  readonly targets: readonly string[]
  /** What the kernel has counted for the VM's process by now; undefined if that may not be read. */
  readonly io: () => ProcessIo | undefined
  readonly ask: (target: string) => Promise<DiskRaw>
  /** Every byte that a disk moves is counted for the process, exactly and at once: see `countsDirectIo`. */
  readonly isCounted: boolean
  /** Disks that are proven unmoved need not be asked. */
  readonly onlyMoved: boolean
}

/**
 * Which disks must be asked. A call to a VM's monitor costs libvirtd and QEMU about 2 ms, a look at /proc/PID/io a hundredth
 * of that. The kernel adds up what a process moved, libvirt what each disk did: as long as the difference of the two stays
 * as it was, the disks that were not asked did not move.
 *
 * Flushes and discards move no bytes: if nothing else happens, they show with the next reading of all disks.
 */
export class DiskBooks {
  readonly #accounts = new Map<string, Account>()

  /**
   * Whether the VM may have used any disk since its last reading. One that did is asked once more, unless its books balance:
   * requests that were under way then are counted only when they are done.
   */
  mayHaveMoved(uuid: string, runId: string, io: ProcessIo | undefined): boolean {
    const account = this.#accounts.get(uuid)
    if (account === undefined || account.runId !== runId || !account.settled) return true
    return moved(account.io, io)
  }

  /** Figures of all the VM's disks. Rejects with what `ask` throws; then nothing is noted. */
  async read(reading: DiskReading): Promise<DiskRaw[]> {
    const { uuid, runId, targets, io, ask, isCounted, onlyMoved } = reading
    const before = io()
    const found = this.#accounts.get(uuid)
    const known = found?.runId === runId ? found : undefined
    const disks = new Map<string, DiskRaw>()
    const mayProve = onlyMoved && isCounted && known?.balanced === true && hasAll(known.disks, targets)
    if (mayProve) for (const [target, disk] of known.disks) if (targets.includes(target)) disks.set(target, disk)
    // The one that moved last is likely to have moved again.
    for (const target of mayProve ? [...disks.keys()].toReversed() : targets) {
      const disk = await ask(target)
      if (mayProve && !hasMoved(disks.get(target), disk)) {
        disks.set(target, disk)
        continue
      }
      disks.delete(target)
      disks.set(target, disk)
      if (mayProve && same(known.surplus, surplusOf(before, io(), disks))) break
    }
    const surplus = isCounted ? surplusOf(before, io(), disks) : undefined
    const balanced = same(known?.surplus, surplus)
    const settled = balanced || !moved(known?.io, before)
    this.#accounts.set(uuid, { runId, io: before, disks, surplus, balanced, settled })
    return targets.flatMap((target) => disks.get(target) ?? [])
  }

  keepOnly(uuids: ReadonlySet<string>): void {
    for (const uuid of this.#accounts.keys()) if (!uuids.has(uuid)) this.#accounts.delete(uuid)
  }
}

/** Undefined if the process moved between the two looks, or cannot be seen. */
function surplusOf(
  before: ProcessIo | undefined,
  after: ProcessIo | undefined,
  disks: ReadonlyMap<string, DiskRaw>,
): Surplus | undefined {
  if (before === undefined || after === undefined) return undefined
  if (before.readBytes !== after.readBytes || before.writeBytes !== after.writeBytes) return undefined
  let readBytes = Number(after.readBytes)
  let writeBytes = Number(after.writeBytes)
  for (const disk of disks.values()) {
    if (disk.readBytes === undefined || disk.writeBytes === undefined) return undefined
    readBytes -= disk.readBytes
    writeBytes -= disk.writeBytes
  }
  return { readBytes, writeBytes }
}

function same(before: Surplus | undefined, after: Surplus | undefined): boolean {
  return (
    before !== undefined &&
    after !== undefined &&
    before.readBytes === after.readBytes &&
    before.writeBytes === after.writeBytes
  )
}

function hasMoved(before: DiskRaw | undefined, after: DiskRaw): boolean {
  return before?.readBytes !== after.readBytes || before?.writeBytes !== after.writeBytes
}

function hasAll(disks: ReadonlyMap<string, DiskRaw>, targets: readonly string[]): boolean {
  return targets.every((target) => disks.has(target))
}
