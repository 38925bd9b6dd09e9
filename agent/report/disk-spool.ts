import { readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { mkdir, open, rm, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'

import { syncDirectory } from '../../common/durable-file.js'
import type { SegmentCache } from './segment-cache.js'
import { decodeSegment, encodeRecord } from './segment-file.js'

/** A report that waits for its ack. */
export interface SpoolEntry {
  readonly seq: number
  readonly report: Buffer
}

interface Segment {
  readonly path: string
  bytes: number
  /** Entries of it that still wait; at 0 the file goes. */
  waiting: number
}

interface Entry {
  readonly seq: number
  readonly atMs: number
  readonly bytes: number
  /** Undefined once it is on disk only. */
  report: Buffer | undefined
  segment: Segment | undefined
  durable: boolean
  /** It waits no more: acked, or given up. */
  isGone: boolean
}

/** A segment this large is closed, and the next one begun. */
const segmentBytes = 1024 * 1024
const suffix = '.seg'

/**
 * One numbering of reports that the controller has not acked, oldest first. Reports go to plain files when they have
 * waited a while (`spill`): with a controller that acks at once, nothing is ever written. Its numbers belong to one life of
 * the agent, so that no number is ever used twice, whatever a power loss takes.
 */
export class DiskSpool {
  readonly #entries: Entry[] = []
  /** Where the waiting entries begin; what is before it is gone. Cut off now and then. */
  #first = 0
  #nextSeq = 1
  #bytes = 0
  #memoryBytes = 0
  #open: { readonly segment: Segment; readonly file: FileHandle } | undefined
  #damagedReports = 0
  /** Work on its files, as far as it has been asked for. */
  #working: Promise<void> = Promise.resolve()

  constructor(
    readonly id: string,
    private readonly directory: string,
    private readonly cache: SegmentCache,
    private readonly makeNamesDurable: (directory: string) => Promise<void> = syncDirectory,
  ) {}

  /**
   * A spool that an earlier life of the agent left; what is damaged is counted and left out.
   * @param ageFrom when a segment was written, by its file's time and the last report in it
   */
  static reopen(
    id: string,
    directory: string,
    cache: SegmentCache,
    ageFrom: (fileMs: number, lastReport: Buffer) => number = (fileMs) => fileMs,
  ): DiskSpool {
    const spool = new DiskSpool(id, directory, cache)
    for (const name of readdirSync(directory)
      .filter((file) => file.endsWith(suffix))
      .toSorted()) {
      const path = join(directory, name)
      const { records, damagedBytes } = readSegment(path)
      if (damagedBytes > 0) spool.#damagedReports += 1
      const segment: Segment = { path, bytes: 0, waiting: records.length }
      const fileMs = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0
      const last = records.at(-1)
      const atMs = last === undefined ? fileMs : ageFrom(fileMs, last.report)
      for (const { seq, report } of records) {
        spool.#entries.push({
          seq,
          atMs,
          bytes: report.length,
          report: undefined,
          segment,
          durable: true,
          isGone: false,
        })
        spool.#bytes += report.length
        spool.#nextSeq = seq + 1
      }
      if (records.length === 0) removeIfPossible(path)
    }
    return spool
  }

  get nextSeq(): number {
    return this.#nextSeq
  }

  get oldestSeq(): number {
    return this.#entries[this.#first]?.seq ?? this.#nextSeq
  }

  get oldestAtMs(): number | undefined {
    return this.#entries[this.#first]?.atMs
  }

  /** Reports that wait. */
  get size(): number {
    return this.#entries.length - this.#first
  }

  /** Bytes of reports that wait, on disk or not. */
  get bytes(): number {
    return this.#bytes
  }

  /** Bytes of reports that are held in memory. */
  get memoryBytes(): number {
    return this.#memoryBytes
  }

  /** Reports, and ends of files, that could not be read back. */
  get damagedReports(): number {
    return this.#damagedReports
  }

  /** Numbers a report and keeps it; `encode` gets the number. */
  add(encode: (seq: number) => Buffer, atMs: number): void {
    const seq = this.#nextSeq
    const report = encode(seq)
    this.#nextSeq += 1
    this.#entries.push({ seq, atMs, bytes: report.length, report, segment: undefined, durable: false, isGone: false })
    this.#bytes += report.length
    this.#memoryBytes += report.length
  }

  /** Forgets everything up to `seq`. */
  ack(seq: number): void {
    for (;;) {
      const entry = this.#entries[this.#first]
      if (entry === undefined || entry.seq > seq) return
      this.#forgetFirst(entry)
    }
  }

  /** Forgets the oldest report. Returns whether there was one. */
  dropOldest(): boolean {
    const entry = this.#entries[this.#first]
    if (entry !== undefined) this.#forgetFirst(entry)
    return entry !== undefined
  }

  /** Forgets the oldest report that is not on disk. Returns whether there was one. */
  dropOldestUnwritten(): boolean {
    return this.#forgetAt(this.#entries.findIndex(({ durable, isGone }) => !durable && !isGone))
  }

  /** Forgets one report, wherever it stands. Returns whether there was one. */
  giveUp(seq: number): boolean {
    const index = this.#indexAfter(seq - 1)
    return this.#forgetAt(this.#entries[index]?.seq === seq ? index : -1)
  }

  /**
   * The first report after `seq`; read back from its file if it is there only. One that cannot be read back is counted and
   * forgotten: it never gets an ack, and would be looked for again and again.
   */
  after(seq: number): SpoolEntry | undefined {
    for (;;) {
      const index = this.#indexAfter(seq)
      const entry = this.#entries[index]
      if (entry === undefined) return undefined
      const report = entry.report ?? this.#readBack(entry)
      if (report !== undefined) return { seq: entry.seq, report }
      this.#damagedReports += 1
      this.#forgetAt(index)
    }
  }

  /**
   * Writes what has waited since before `olderThanMs` to disk, all of it under one fdatasync, and lets go of memory over
   * `keepBytes`.
   * @throws Error of the file system; then nothing is lost that memory holds
   */
  spill(olderThanMs: number, keepBytes: number): Promise<void> {
    return this.#inTurn(() => this.#write(olderThanMs, keepBytes))
  }

  /** Closes the open file. What waits stays on disk. */
  close(): Promise<void> {
    return this.#inTurn(() => this.#closeSegment())
  }

  /** Removes the spool's directory: everything in it was acked or given up. */
  remove(): Promise<void> {
    return this.#inTurn(async () => {
      await this.#closeSegment()
      await rm(this.directory, { recursive: true, force: true })
    })
  }

  /** One after the other: acks come while a file is written, and then there may be nothing left to keep. */
  #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#working.then(work)
    this.#working = done.catch(() => undefined)
    return done
  }

  async #write(olderThanMs: number, keepBytes: number): Promise<void> {
    const due = this.#entries.slice(this.#first).filter((entry) => !entry.durable && entry.atMs <= olderThanMs)
    for (let from = 0; from < due.length;) {
      const { segment, file } = await this.#openSegment(due[from]?.seq ?? 0)
      const records: Buffer[] = []
      const batch: Entry[] = []
      let bytes = segment.bytes
      for (; from < due.length && (batch.length === 0 || bytes < segmentBytes); from += 1) {
        const entry = due[from]
        if (entry?.report === undefined) continue
        const record = encodeRecord(entry.seq, entry.report)
        records.push(record)
        batch.push(entry)
        bytes += record.length
      }
      try {
        await file.appendFile(Buffer.concat(records))
        await file.datasync()
      } catch (error) {
        await this.#abandonSegment()
        throw error
      }
      segment.bytes = bytes
      for (const entry of batch) {
        entry.durable = true
        // What was acked meanwhile does not wait in the file.
        if (entry.isGone) continue
        entry.segment = segment
        segment.waiting += 1
      }
      if (segment.waiting === 0 || segment.bytes >= segmentBytes) await this.#closeSegment()
    }
    this.#letGo(keepBytes)
  }

  #forgetFirst(entry: Entry): void {
    this.#first += 1
    this.#release(entry)
    if (this.#first >= 1024 && this.#first * 2 > this.#entries.length) {
      this.#entries.splice(0, this.#first)
      this.#first = 0
    }
  }

  #forgetAt(index: number): boolean {
    const entry = this.#entries[index]
    if (entry === undefined) return false
    this.#entries.splice(index, 1)
    this.#release(entry)
    return true
  }

  /** It waits no more. */
  #release(entry: Entry): void {
    entry.isGone = true
    this.#bytes -= entry.bytes
    if (entry.report !== undefined) this.#memoryBytes -= entry.bytes
    // Those acked are cut off only later.
    entry.report = undefined
    const { segment } = entry
    if (segment === undefined) return
    segment.waiting -= 1
    if (segment.waiting > 0) return
    this.cache.forget(segment.path)
    if (segment !== this.#open?.segment) removeIfPossible(segment.path)
  }

  /** By halves: numbers rise, with holes where reports were damaged. */
  #indexAfter(seq: number): number {
    let low = this.#first
    let high = this.#entries.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#entries[middle]?.seq ?? Infinity) <= seq) low = middle + 1
      else high = middle
    }
    return low
  }

  #readBack({ seq, segment }: Entry): Buffer | undefined {
    if (segment === undefined) return undefined
    return this.cache.reports(segment.path, segment.bytes, readReports).get(seq)
  }

  /** Oldest first: the newest are sent soonest after a short break. */
  #letGo(keepBytes: number): void {
    for (let index = this.#first; index < this.#entries.length && this.#memoryBytes > keepBytes; index += 1) {
      const entry = this.#entries[index]
      if (entry?.report === undefined || entry.segment === undefined) continue
      entry.report = undefined
      this.#memoryBytes -= entry.bytes
    }
  }

  async #openSegment(seq: number): Promise<{ readonly segment: Segment; readonly file: FileHandle }> {
    if (this.#open !== undefined) return this.#open
    await mkdir(this.directory, { recursive: true, mode: 0o700 })
    const path = join(this.directory, `${String(seq).padStart(16, '0')}${suffix}`)
    const file = await open(path, 'ax', 0o600)
    this.#open = { segment: { path, bytes: 0, waiting: 0 }, file }
    // The file's name has to survive a power loss as well as its content.
    try {
      for (const directory of [this.directory, join(this.directory, '..')]) await this.makeNamesDurable(directory)
    } catch (error) {
      await this.#abandonSegment()
      throw error
    }
    return this.#open
  }

  async #closeSegment(): Promise<void> {
    const opened = this.#open
    if (opened === undefined) return
    this.#open = undefined
    await opened.file.close()
    if (opened.segment.waiting === 0) await rm(opened.segment.path, { force: true })
  }

  /** After a failed write nobody knows what the file holds: what it held durably stays, the rest is written elsewhere. */
  async #abandonSegment(): Promise<void> {
    await this.#closeSegment().catch(() => undefined)
  }
}

function readReports(path: string): ReadonlyMap<number, Buffer> {
  return new Map(readSegment(path).records.map(({ seq, report }) => [seq, report]))
}

/** On a disk that became read-only a file stays: the next life of the agent sends it again, and the controller knows its numbers. */
function removeIfPossible(path: string): void {
  try {
    rmSync(path, { force: true })
  } catch {
    // Left.
  }
}

/** A file that is gone or cannot be read is damaged from its beginning on: it must not keep the agent from starting. */
function readSegment(path: string): ReturnType<typeof decodeSegment> {
  try {
    return decodeSegment(readFileSync(path))
  } catch {
    return { records: [], damagedBytes: 1 }
  }
}
