import type { Kept } from './spool-on-disk.js'
import type { Reports } from './wire-witness.js'

/**
 * How old a report without an ack may grow before it is on disk: the agent waits a second, looks every second, and may be held up
 * by a busy machine.
 */
const onDiskWithinMs = 4000
/** Beat of the state lane, and some. */
const beatMs = 1500

/** The moment when an agent failed, and what was known then. */
export interface AgentFailure {
  /** On the monotonic clock. */
  readonly at: number
  readonly atMs: number
  /** When this life of the agent began, on the monotonic clock. */
  readonly lifeBeganAt: number
  /** Since when nothing was acked; undefined if acks came. */
  readonly troubleSince: number | undefined
  /** What the controller had, by spool. */
  readonly durable: ReadonlyMap<string, number>
}

type Spools = ReadonlyMap<string, ReadonlyMap<number, Kept>>

/**
 * What an agent's disk has to hold: a report that waits is there soon, and stays there until it is acked; and all that was ever
 * there comes to the controller as it was.
 */
export class SpoolPromise {
  /** Found after the last failure. */
  #kept: Spools = new Map()
  /** Ever found, to be delivered. */
  readonly #owed = new Map<string, Buffer>()

  /** Reports that were found after the last failure. */
  get waiting(): number {
    return [...this.#kept.values()].reduce((sum, { size }) => sum + size, 0)
  }

  /** Compares what a failure left on the disk; gives what is wrong, in words. Without a failure: a first start. */
  left(found: Spools, heard: Reports, failure: AgentFailure | undefined): string[] {
    const faults = failure === undefined ? [] : [...this.#lost(found, heard, failure), ...tooOld(found, failure)]
    this.#kept = found
    for (const [spoolId, reports] of found)
      for (const [seq, { bytes }] of reports) this.#owed.set(`${spoolId} ${seq}`, bytes)
    return faults
  }

  /** What was on the disk and did not come, in words. */
  undelivered(heard: Reports): string[] {
    return [...this.#owed].flatMap(([number, bytes]) => {
      const [spoolId = '', seq] = number.split(' ')
      const report = heard.get(spoolId)?.get(Number(seq))
      if (report === undefined) return [`${number} was on the disk and never came`]
      return report.bytes.equals(bytes) ? [] : [`${number} came as another report than was on the disk`]
    })
  }

  /** Unacked: what was on the disk after the failure before, and what was heard of this life long enough ago. */
  #lost(found: Spools, heard: Reports, { at, lifeBeganAt, durable }: AgentFailure): string[] {
    const lost = new Set<string>()
    const mustBeThere = (spoolId: string, seq: number): void => {
      const isAcked = seq <= (durable.get(spoolId) ?? 0)
      if (!isAcked && found.get(spoolId)?.has(seq) !== true) lost.add(`${spoolId} ${seq}`)
    }
    for (const [spoolId, reports] of this.#kept) for (const seq of reports.keys()) mustBeThere(spoolId, seq)
    for (const [spoolId, reports] of heard) {
      for (const [seq, { heardAt }] of reports) {
        if (heardAt > lifeBeganAt && heardAt < at - onDiskWithinMs) mustBeThere(spoolId, seq)
      }
    }
    const [first] = lost
    return first === undefined ? [] : [`${lost.size} reports that waited were not on the disk: ${first} …`]
  }
}

/** With a trouble that lasted, the disk has to hold reports of almost the last moment. */
function tooOld(found: Spools, { at, atMs, troubleSince, lifeBeganAt }: AgentFailure): string[] {
  const lastedMs = Math.round(at - Math.max(troubleSince ?? at, lifeBeganAt))
  if (lastedMs < onDiskWithinMs + 2 * beatMs) return []
  const times = [...found.values()].flatMap((reports) => [...reports.values()].map(({ report }) => Number(report.atMs)))
  const ageMs = atMs - Math.max(0, ...times)
  return ageMs > onDiskWithinMs + beatMs
    ? [`${lastedMs} ms without acks, and the newest report on the disk is ${ageMs} ms old`]
    : []
}
