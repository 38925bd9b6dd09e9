import { randomUUID } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'

import { makeDirectoryDurably } from '../../common/durable-file.js'
import { pause } from '../../common/lifecycle.js'
import type { Log } from '../../common/log.js'
import { clockFromWire } from './clock-from-wire.js'
import { DiskSpool } from './disk-spool.js'
import { noReading, writtenAt, type ClockReading } from './machine-clock.js'
import { SegmentCache } from './segment-cache.js'

export interface SpoolBounds {
  readonly maxReports: number
  readonly maxBytes: number
  readonly maxAgeMs: number
}

/** A report that is not acked after this long goes to disk. */
const spillAfterMs = 1000
const spillEveryMs = 1000
/** Memory of all spools for reports that are on disk already, so that a short break is sent without reading back. */
const keepInMemoryBytes = 2 * 1024 * 1024
/** The same for what is read back from disk: a few segments. */
const readBackBytes = 4 * 1024 * 1024
/** Writing for longer than this counts as failing until it ends. */
const slowDiskMs = 10_000
/** Memory of all spools when the disk takes nothing. */
const mostInMemoryBytes = 16 * 1024 * 1024

/**
 * All reports that wait: the present spool, and the backlog, which are the spools of earlier lives and of outages. Bounded
 * as a whole by count, bytes and age; the oldest go first, and are counted. Each spool has its own numbering, so that fresh
 * reports need not wait behind the backlog.
 */
export class SpoolSet {
  readonly #stop = new AbortController()
  readonly #cache = new SegmentCache(readBackBytes)
  #current: DiskSpool
  #backlog: DiskSpool[] = []
  #lastMadeMs = 0
  #dropped = 0
  #problem = ''
  #listener: (() => void) | undefined
  readonly #removals = new Set<Promise<void>>()
  #running: Promise<void> | undefined

  /**
   * Reads what earlier lives of the agent left in the directory.
   * @param now milliseconds since the epoch, by a clock that nobody sets while the agent runs
   * @param clock how the machine's clock stands: what earlier lives left may be of before it was set
   */
  constructor(
    private readonly directory: string,
    private readonly bounds: SpoolBounds,
    private readonly log: Log,
    private readonly now: () => number,
    clock: ClockReading = noReading,
  ) {
    makeDirectoryDurably(directory)
    // None is of the future.
    const ageFrom = (fileMs: number, lastReport: Buffer): number =>
      Math.min(now(), writtenAt(fileMs, clockFromWire(lastReport), clock))
    const entries = readdirSync(directory, { withFileTypes: true }).filter((entry) => entry.isDirectory())
    for (const name of entries.map((entry) => entry.name).toSorted()) {
      // `<milliseconds>-<id>`: in the order of their making.
      const [madeMs = '', ...id] = name.split('-')
      this.#lastMadeMs = Math.max(this.#lastMadeMs, Number(madeMs) || 0)
      const spool = DiskSpool.reopen(id.join('-'), join(directory, name), this.#cache, ageFrom)
      if (spool.damagedReports > 0)
        log.warn({ spool: name, ends: spool.damagedReports }, 'the end of a spool file is damaged: left out')
      this.#backlog.push(spool)
    }
    this.#current = this.#make()
  }

  /** Starts the loop that writes to disk. */
  start(): void {
    this.#running = this.#spillLoop()
  }

  get current(): DiskSpool {
    return this.#current
  }

  /** Oldest first. */
  get backlog(): readonly DiskSpool[] {
    return this.#backlog
  }

  get size(): number {
    return this.#all().reduce((sum, spool) => sum + spool.size, 0)
  }

  get bytes(): number {
    return this.#all().reduce((sum, spool) => sum + spool.bytes, 0)
  }

  /** Bytes of reports that are held in memory, on disk too or not. */
  get memoryBytes(): number {
    return this.#unreadBytes + this.#cache.bytes
  }

  /** The same without what was read back. */
  get #unreadBytes(): number {
    return this.#all().reduce((sum, spool) => sum + spool.memoryBytes, 0)
  }

  /** Reports given up because of the bounds, or because their file was damaged. */
  get dropped(): number {
    return this.#dropped + this.#all().reduce((sum, spool) => sum + spool.damagedReports, 0)
  }

  /** Why reports cannot be kept on disk now; empty if they can. */
  get problem(): string {
    return this.#problem
  }

  /** Called after each new report; one listener. */
  onAdd(listener: (() => void) | undefined): void {
    this.#listener = listener
  }

  /** Numbers a report of the present and keeps it. */
  add(encode: (spoolId: string, seq: number) => Buffer): void {
    const { id } = this.#current
    this.#current.add((seq) => encode(id, seq), this.now())
    this.#enforceBounds()
    this.#listener?.()
  }

  find(spoolId: string): DiskSpool | undefined {
    return this.#all().find((spool) => spool.id === spoolId)
  }

  /** Everything of that spool up to `seq` is durable at the controller. */
  ack(spoolId: string, seq: number): void {
    this.find(spoolId)?.ack(seq)
    this.#removeEmpty()
  }

  /** Forgets a report that cannot be delivered, ever. Who finds that out counts it. */
  giveUp(spoolId: string, seq: number): void {
    this.find(spoolId)?.giveUp(seq)
    this.#removeEmpty()
  }

  /** Makes the present spool part of the backlog if more than `moreThan` reports wait in it: fresh ones get a numbering of their own. */
  retire(moreThan: number): void {
    if (this.#current.size > moreThan) this.beginAnew()
  }

  /** Gives reports from now on a numbering of their own; what waits is backlog. */
  beginAnew(): void {
    this.#backlog = [...this.#backlog, this.#current]
    this.#current = this.#make()
    this.#removeEmpty()
  }

  /** Writes what has waited for a while to disk, and lets go of memory. The loop does it every second. */
  async spillDue(): Promise<void> {
    await this.#spill(this.now() - spillAfterMs)
  }

  /** Writes all that waits to disk and ends. */
  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#running
    await this.#spill(Infinity)
    for (const spool of this.#all()) await spool.close()
    await Promise.all(this.#removals)
  }

  #all(): readonly DiskSpool[] {
    return [...this.#backlog, this.#current]
  }

  #make(): DiskSpool {
    const id = randomUUID()
    // Names keep the order of making, also within a millisecond or when the clock went back.
    this.#lastMadeMs = Math.max(this.#lastMadeMs + 1, this.now())
    return new DiskSpool(id, join(this.directory, `${String(this.#lastMadeMs).padStart(15, '0')}-${id}`), this.#cache)
  }

  #enforceBounds(): void {
    const { maxReports, maxBytes, maxAgeMs } = this.bounds
    const oldestMs = this.now() - maxAgeMs
    for (const spool of this.#all()) {
      while (
        spool.size > 0 &&
        (this.size > maxReports || this.bytes > maxBytes || (spool.oldestAtMs ?? Infinity) < oldestMs)
      ) {
        if (spool === this.#current && spool.size === 1) return
        spool.dropOldest()
        this.#dropped += 1
      }
    }
    if (this.#problem !== '') this.#enforceMemory()
    this.#removeEmpty()
  }

  /** Of what the disk does not take. What it has takes no memory, and is not given up for it. */
  #enforceMemory(): void {
    for (const spool of this.#all()) {
      while (this.#unreadBytes > mostInMemoryBytes && spool.dropOldestUnwritten()) this.#dropped += 1
    }
  }

  #removeEmpty(): void {
    if (this.#backlog.every((spool) => spool.size > 0)) return
    const empty = this.#backlog.filter((spool) => spool.size === 0)
    this.#backlog = this.#backlog.filter((spool) => spool.size > 0)
    for (const spool of empty) {
      this.#dropped += spool.damagedReports
      const removal = spool
        .remove()
        .catch((error: unknown) => this.log.warn({ err: error }, 'an empty spool could not be removed'))
        .finally(() => this.#removals.delete(removal))
      this.#removals.add(removal)
    }
  }

  async #spillLoop(): Promise<void> {
    const { signal } = this.#stop
    while (!signal.aborted) {
      await pause(spillEveryMs, signal)
      await this.spillDue()
    }
  }

  /** What goes wrong with one spool is the disk's problem; one that has nothing to write says nothing of it. */
  async #spill(olderThanMs: number): Promise<void> {
    const failures: Error[] = []
    // A disk that hangs fails nothing: without a word, memory would hold all that comes.
    const slow = setTimeout(() => this.#note(new Error(`the disk does not answer for ${slowDiskMs} ms`)), slowDiskMs)
    let keepBytes = keepInMemoryBytes
    // The newest are sent soonest.
    for (const spool of this.#all().toReversed()) {
      try {
        await spool.spill(olderThanMs, keepBytes)
      } catch (error) {
        failures.push(error instanceof Error ? error : new Error(String(error)))
      }
      keepBytes = Math.max(0, keepBytes - spool.memoryBytes)
    }
    clearTimeout(slow)
    this.#note(failures[0])
  }

  /** How the last writing went; said when it is news. */
  #note(failure: Error | undefined): void {
    const before = this.#problem
    this.#problem = failure?.message ?? ''
    if (failure !== undefined && before === '')
      this.log.error({ err: failure }, 'reports cannot be kept on disk; memory holds them')
    if (failure === undefined && before !== '') this.log.info('reports are kept on disk again')
  }
}
