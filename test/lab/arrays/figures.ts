import { trueState, type TrueState } from '../array/array-truth.js'
import { linesOf, type RecordedTruth, type Recording } from './recording.js'

/** What a recording comes to. */
export interface RecordingFigures {
  readonly seconds: number
  readonly overflows: number
  readonly overflowSeconds: number
  readonly freezes: number
  readonly mostFillBytes: number
  /** What left the cache while it was full; undefined if it never was for two looks. */
  readonly drainWhileFullBytesPerSecond: number | undefined
  /** What the hosts wrote: as the array knows it, by the target's sessions, and by the controller's points of disks. */
  readonly writtenBytes: { readonly truth: number; readonly luns: number; readonly disks: number }
  /** Share of the time. */
  readonly states: Readonly<Partial<Record<TrueState, number>>>
  /** Longest time between two looks at the truth. */
  readonly largestGapMs: number
}

export function figuresOf(recording: Recording): RecordingFigures {
  const truths = linesOf(recording, 'truth')
  const [first, last] = [truths[0], truths.at(-1)]
  if (first === undefined || last === undefined) throw new Error(`${recording.head.round}: no truth was recorded`)
  const spans = truths.slice(1).map((now, index): Span => ({ before: truths[index] ?? now, now }))
  const durationMs = last.at - first.at
  const states: Partial<Record<TrueState, number>> = {}
  let [fullMs, fullBytes] = [0, 0]
  for (const { before, now } of spans) {
    const state = trueState(before, now)
    states[state] = (states[state] ?? 0) + (now.at - before.at) / durationMs
    if (!before.overflowing || !now.overflowing || now.frozen) continue
    fullMs += now.at - before.at
    fullBytes += now.drainedBytes - before.drainedBytes
  }
  return {
    seconds: durationMs / 1000,
    overflows: last.overflows - first.overflows,
    overflowSeconds: (last.overflowMs - first.overflowMs) / 1000,
    freezes: last.freezes - first.freezes,
    mostFillBytes: Math.max(...truths.map(({ fillBytes }) => fillBytes)),
    drainWhileFullBytesPerSecond: fullMs === 0 ? undefined : (1000 * fullBytes) / fullMs,
    writtenBytes: {
      truth: last.writtenBytes - first.writtenBytes,
      luns: lunBytes(recording),
      disks: diskBytes(recording),
    },
    states,
    largestGapMs: Math.max(...spans.map(({ before, now }) => now.at - before.at)),
  }
}

interface Span {
  readonly before: RecordedTruth
  readonly now: RecordedTruth
}

/** Of all sessions: each from its first row on. A session that began after the first look is counted from its beginning. */
function lunBytes(recording: Recording): number {
  const rows = linesOf(recording, 'lun')
  const firstAt = rows[0]?.at ?? 0
  const seen = new Map<string, { readonly from: number; to: number }>()
  for (const { at, lun, host, session, writeBytes } of rows) {
    const key = `${lun} ${host} ${session}`
    const known = seen.get(key)
    if (known === undefined) seen.set(key, { from: at - firstAt < 1000 ? writeBytes : 0, to: writeBytes })
    else known.to = writeBytes
  }
  return [...seen.values()].reduce((sum, { from, to }) => sum + to - from, 0)
}

/** Rates times intervals, of VMs' disks only: what hosts wrote themselves is not in it. */
function diskBytes(recording: Recording): number {
  const last = new Map<string, number>()
  let bytes = 0
  for (const { vm, at, writeBytesPerSecond } of linesOf(recording, 'disk')) {
    const before = last.get(vm)
    if (before !== undefined) bytes += ((writeBytesPerSecond ?? 0) * (at - before)) / 1000
    last.set(vm, at)
  }
  return bytes
}
