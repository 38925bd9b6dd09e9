import { createHash } from 'node:crypto'

/** An entry of an audit log: each holds the hash of the one before, so that none can be altered, removed or moved without all after it. */
export interface ChainEntry {
  /** From 1, without gaps. */
  readonly seq: number
  /** Wall clock of the log's writer, milliseconds since the epoch. */
  readonly atMs: number
  readonly what: Readonly<Record<string, unknown>>
  /** Of the entry before, hex; of the first entry the log's id in its place. */
  readonly previous: string
  /** SHA-256 of all of the above, hex. */
  readonly hash: string
}

/** Where a log stood: so many entries, the last with this hash. With 0 entries the hash is the log's id. */
export interface ChainMark {
  readonly logId: string
  readonly entries: number
  readonly hash: string
}

/** The entry that follows `head`. */
export function nextEntry(head: ChainMark, atMs: number, what: ChainEntry['what']): ChainEntry {
  const seq = head.entries + 1
  // As it will be read again: what JSON leaves out is not in the hash.
  const kept: unknown = JSON.parse(JSON.stringify(what))
  const body = { seq, atMs, what: isRecord(kept) ? kept : {}, previous: head.hash }
  return { ...body, hash: hashOf(body) }
}

export function headAfter(logId: string, last: ChainEntry | undefined): ChainMark {
  return last === undefined ? { logId, entries: 0, hash: logId } : { logId, entries: last.seq, hash: last.hash }
}

/**
 * What is wrong with entries in the order in which they are kept; undefined if nothing. The first may be any, as old ones are dropped.
 * @param head where the log stood when it was last looked at; a log that ends before it has lost its tail
 */
export function brokenAt(
  entries: readonly ChainEntry[],
  head?: Pick<ChainMark, 'entries' | 'hash'>,
): string | undefined {
  let before: ChainEntry | undefined
  for (const entry of entries) {
    if (before !== undefined && entry.seq !== before.seq + 1)
      return entry.seq > before.seq
        ? `entries ${before.seq + 1} to ${entry.seq - 1} are missing`
        : `entry ${entry.seq} stands after entry ${before.seq}`
    if (before !== undefined && entry.previous !== before.hash)
      return `entry ${entry.seq} does not follow entry ${before.seq}`
    if (entry.hash !== hashOf(entry)) return `entry ${entry.seq} was altered`
    before = entry
  }
  if (head === undefined || head.entries === 0) return undefined
  if (before === undefined || before.seq < head.entries)
    return `it ends with entry ${before?.seq ?? 0}, and had ${head.entries}: its tail is missing`
  const there = entries.find(({ seq }) => seq === head.entries)
  return there !== undefined && there.hash !== head.hash
    ? `entry ${head.entries} is not the one that was seen before`
    : undefined
}

/** What one side knows of the other's log. */
export interface Witnessed {
  /** Where it stood when that was last proven to follow from all that was seen before. */
  readonly seen: ChainMark
  /** What is wrong with it; it stays so until a person has looked. */
  readonly wrong?: string | undefined
  /** Since when it says that it has grown and does not show what was seen. */
  readonly unprovenSinceMs?: number | undefined
}

/** So long a log may have grown without showing what was seen of it: the word of it may be under way. */
const proveWithinMs = 60_000

/**
 * What is known of another's log after it was heard where it stands. What was seen is only let go for what is shown to follow it.
 * @param again the same log, as it is now, at the entry that it was last told to be seen
 * @param nowMs on one clock for all calls
 */
export function witnessed(
  before: Witnessed | undefined,
  head: ChainMark,
  again: ChainMark | undefined,
  nowMs: number,
): Witnessed {
  if (before === undefined) return { seen: head }
  if (before.wrong !== undefined) return before
  const { seen } = before
  const wrong = wrongHead(seen, head, again)
  if (wrong !== undefined) return { seen, wrong }
  const isProven =
    seen.entries === 0 ||
    head.entries === seen.entries ||
    (again?.entries === seen.entries && again.logId === seen.logId)
  if (isProven) return { seen: head }
  const unprovenSinceMs = before.unprovenSinceMs ?? nowMs
  return nowMs - unprovenSinceMs > proveWithinMs
    ? { seen, wrong: `it has ${head.entries} entries, and does not show entry ${seen.entries}, which was seen` }
    : { seen, unprovenSinceMs }
}

/**
 * What is surely wrong with another's log, by what it says of itself and what was seen of it before; undefined if nothing.
 * @param again the same log, as it is now, at the entry that was seen
 */
export function wrongHead(seen: ChainMark, head: ChainMark, again: ChainMark | undefined): string | undefined {
  if (seen.entries === 0) return undefined
  if (head.logId !== seen.logId) return `it is another log, and had ${seen.entries} entries`
  if (head.entries < seen.entries)
    return `it ends with entry ${head.entries}, and had ${seen.entries}: its tail is missing`
  const there = head.entries === seen.entries ? head : again?.entries === seen.entries ? again : undefined
  return there !== undefined && there.hash !== seen.hash
    ? `entry ${seen.entries} is not the one that was seen before`
    : undefined
}

/** A mark as it was kept; undefined if it is none. */
export function markFrom(value: unknown): ChainMark | undefined {
  if (!isRecord(value)) return undefined
  const { logId, entries, hash } = value
  return typeof logId === 'string' &&
    Number.isSafeInteger(entries) &&
    typeof entries === 'number' &&
    typeof hash === 'string'
    ? { logId, entries, hash }
    : undefined
}

/** An entry as it was kept; undefined if it is none. */
export function entryFrom(value: unknown): ChainEntry | undefined {
  if (!isRecord(value)) return undefined
  const { seq, atMs, what, previous, hash } = value
  return typeof seq === 'number' &&
    typeof atMs === 'number' &&
    isRecord(what) &&
    typeof previous === 'string' &&
    typeof hash === 'string'
    ? { seq, atMs, what, previous, hash }
    : undefined
}

function hashOf({ seq, atMs, what, previous }: Omit<ChainEntry, 'hash'>): string {
  return createHash('sha256')
    .update(JSON.stringify([previous, seq, atMs, what]))
    .digest('hex')
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
