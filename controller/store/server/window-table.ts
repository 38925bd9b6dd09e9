import { numberAt, textAt, type SqlDatabase } from '../embedded/database.js'
import { entityKinds, type EntityKind } from '../measurements.js'
import { rollUpTiers, windowMs, type RollUpTier } from './tier-plan.js'

/** One window of the roll-up of one kind. */
export interface Window {
  readonly tier: RollUpTier
  readonly kind: EntityKind
  readonly startMs: number
}

/** A window to be computed. Each time that it is, its version is one higher. */
export interface DueWindow extends Window {
  readonly version: number
}

interface Dirty extends Window {
  readonly touchedMs: number
}

interface Written extends Window {
  readonly atMs: number
}

/**
 * Versions of windows from before this file was made begin here: an earlier file, which is lost, may have counted up to it.
 * A version is a number of milliseconds within its window (see DueWindow); no window is corrected so often.
 */
const versionsOfLostFile = 100_000

/**
 * Windows of roll-ups that are to be computed, because points came that are not in them yet. Survives the end of the program.
 * Transactions are the caller's; after one that failed, `reload`.
 */
export class WindowTable {
  readonly #mark
  readonly #number
  readonly #clean
  readonly #all
  readonly #prune
  readonly #madeMs: number
  readonly #dirty = new Map<string, Dirty>()
  /** Computed, and lost if the server crashes now. Still dirty in the file. */
  #written = new Map<string, Written>()

  constructor(db: SqlDatabase) {
    this.#mark = db.prepare(
      'INSERT INTO windows VALUES (?, ?, ?, ?, 1) ON CONFLICT (tier, kind, start) DO UPDATE SET dirty = 1',
    )
    this.#number = db.prepare(
      'UPDATE windows SET version = version + 1 WHERE tier = ? AND kind = ? AND start = ? RETURNING version',
    )
    this.#clean = db.prepare('UPDATE windows SET dirty = 0 WHERE tier = ? AND kind = ? AND start = ?')
    this.#all = db.prepare('SELECT tier, kind, start FROM windows WHERE dirty = 1')
    this.#prune = db.prepare('DELETE FROM windows WHERE dirty = 0 AND tier = ? AND start < ?')
    this.#madeMs = numberAt(db.prepare("SELECT value FROM counters WHERE name = 'madeMs'").get() ?? [], 0)
    this.reload()
  }

  get waiting(): number {
    return this.#dirty.size
  }

  /**
   * When the first window of the tier begins that readers must not trust; Infinity if there is none. What was computed since
   * `shownBeforeMs` the server may not show yet.
   */
  unsettledFromMs(tier: RollUpTier, shownBeforeMs: number): number {
    let from = Infinity
    for (const window of this.#dirty.values()) if (window.tier === tier) from = Math.min(from, window.startMs)
    for (const window of this.#written.values()) {
      if (window.tier === tier && window.atMs > shownBeforeMs) from = Math.min(from, window.startMs)
    }
    return from
  }

  reload(): void {
    for (const row of this.#all.all()) {
      const tier = rollUpTiers.find((one) => one === textAt(row, 0))
      const kind = entityKinds.find((one) => one === textAt(row, 1))
      if (tier === undefined || kind === undefined) continue
      const window = { tier, kind, startMs: numberAt(row, 2) }
      if (!this.#written.has(keyOf(window)))
        this.#dirty.set(keyOf(window), { touchedMs: 0, ...window, ...this.#dirty.get(keyOf(window)) })
    }
  }

  /** Points of these windows are about to be sent. */
  mark(windows: Iterable<Window>, nowMs: number): void {
    for (const { tier, kind, startMs } of windows) {
      const key = keyOf({ tier, kind, startMs })
      if (!this.#dirty.has(key)) {
        this.#mark.run(tier, kind, startMs, startMs >= this.#madeMs ? 0 : versionsOfLostFile)
        this.#written.delete(key)
      }
      this.#dirty.set(key, { tier, kind, startMs, touchedMs: nowMs })
    }
  }

  /** Windows that are over and were quiet for a while, the oldest first. */
  due(nowMs: number, settleMs: number): Window[] {
    const due: Window[] = []
    for (const { tier, kind, startMs, touchedMs } of this.#dirty.values()) {
      if (startMs + windowMs[tier] + settleMs > nowMs || touchedMs + settleMs > nowMs) continue
      due.push({ tier, kind, startMs })
    }
    return due.sort((a, b) => a.startMs - b.startMs || windowMs[a.tier] - windowMs[b.tier])
  }

  /** Gives a version to each of them. */
  numbered(windows: readonly Window[]): DueWindow[] {
    return windows.map(({ tier, kind, startMs }) => {
      const counted = numberAt(this.#number.get(tier, kind, startMs) ?? [], 0)
      return { tier, kind, startMs, version: Math.min(counted - 1, windowMs[tier] - 1) }
    })
  }

  /** They were computed from what was sent before `sinceMs`; what was touched since stays. */
  written(windows: readonly Window[], sinceMs: number, nowMs: number): void {
    for (const window of windows) {
      const key = keyOf(window)
      if ((this.#dirty.get(key)?.touchedMs ?? Infinity) >= sinceMs) continue
      this.#dirty.delete(key)
      this.#written.set(key, { tier: window.tier, kind: window.kind, startMs: window.startMs, atMs: nowMs })
    }
  }

  isConfirmable(writtenBeforeMs: number): boolean {
    for (const { atMs } of this.#written.values()) if (atMs < writtenBeforeMs) return true
    return false
  }

  /** What was computed before that moment is on the server's disk. */
  confirm(writtenBeforeMs: number): void {
    for (const [key, { tier, kind, startMs, atMs }] of this.#written) {
      if (atMs >= writtenBeforeMs) continue
      this.#written.delete(key)
      this.#clean.run(tier, kind, startMs)
    }
  }

  /** The server lost what it was sent last. */
  rewind(nowMs: number): void {
    for (const [key, { tier, kind, startMs }] of this.#written) {
      this.#dirty.set(key, { tier, kind, startMs, touchedMs: nowMs })
    }
    this.#written = new Map()
  }

  /** Forgets the versions of windows that nothing can come for any more. */
  prune(beforeMs: number): void {
    for (const tier of rollUpTiers) this.#prune.run(tier, beforeMs - windowMs[tier])
  }
}

function keyOf({ tier, kind, startMs }: Window): string {
  return `${tier} ${kind} ${startMs}`
}
