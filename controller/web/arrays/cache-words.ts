import { formatBytes, formatDuration, formatRate } from '../../../common/units.js'
import type { ArrayCacheView } from '../../api/views.js'

/** What a write cache is like, for people. Pure. */

export const cacheLooks = {
  unknown: { word: 'not known', tone: 'off', sign: '?' },
  idle: { word: 'idle', tone: 'good', sign: '●' },
  draining: { word: 'draining', tone: 'idle', sign: '▾' },
  filling: { word: 'filling', tone: 'idle', sign: '▴' },
  'near-full': { word: 'nearly full', tone: 'bad', sign: '▲' },
  saturated: { word: 'full', tone: 'bad', sign: '✕' },
  stalled: { word: 'stands still', tone: 'bad', sign: '✕' },
  'write-through': { word: 'off', tone: 'bad', sign: '▲' },
} as const satisfies Record<
  ArrayCacheView['state'],
  { readonly word: string; readonly tone: string; readonly sign: string }
>

interface IntervalView {
  readonly low: number
  readonly likely: number
  readonly high: number
}

/** `370 MB to 440 MB`; empty where both ends say the same. */
export function rangeWords({ low, high }: IntervalView, format: (value: number) => string): string {
  const [from, to] = [format(low), format(high)]
  return from === to ? '' : `${from} to ${to}`
}

export function secondsWords(value: number): string {
  return value < 10 ? `${value.toFixed(1)} s` : formatDuration(Math.round(value) * 1000)
}

const bases = {
  assumed: 'assumed: nothing is known yet',
  policy: 'by the policy',
  controller: "by the array's own tools",
  calibrated: 'found out by a ramp',
  learnt: 'learnt here',
} as const satisfies Record<ArrayCacheView['drainBytesPerSecond']['basis'], string>

export function basisWords({ basis }: { readonly basis: keyof typeof bases }): string {
  return bases[basis]
}

/** What is written waits for its disks. */
export function isFull({ state }: Pick<ArrayCacheView, 'state'>): boolean {
  return state === 'saturated' || state === 'stalled'
}

/** What it bears at once, as a sentence. */
export function burstWords({ state, burst }: Pick<ArrayCacheView, 'state' | 'burst'>): string {
  const { roomBytes, bulkCopies, bulkCopyBytesPerSecond, secondsForTwoCopies: two } = burst
  const rate = formatRate(bulkCopyBytesPerSecond)
  if (state === 'write-through') return `Without its cache a bulk copy of ${rate} makes all others wait.`
  if (isFull({ state })) return 'It bears nothing more now: what is written waits for its disks.'
  const copies = bulkCopies === 0 ? 'no bulk copy' : bulkCopies === 1 ? 'one bulk copy' : `${bulkCopies} bulk copies`
  const fill =
    two === undefined
      ? 'two at once do not fill it'
      : `two at once fill it in ${secondsWords(two.likely)}${inBrackets(rangeWords(two, secondsWords))}`
  const room = `${formatBytes(roomBytes.likely)}${inBrackets(rangeWords(roomBytes, formatBytes))}`
  return `It takes ${room} at once, and ${copies} of a minute at ${rate}; ${fill}.`
}

function inBrackets(text: string): string {
  return text === '' ? '' : ` (${text})`
}

/** What is in it: while nothing was learnt or told of what it takes, only what there cannot be more of than came in. */
export function fillWords({ fillBytes, capacityBytes }: Pick<ArrayCacheView, 'fillBytes' | 'capacityBytes'>): {
  readonly value: string | undefined
  readonly note: string | undefined
} {
  if (fillBytes === undefined) return { value: undefined, note: undefined }
  if (capacityBytes?.basis !== 'assumed')
    return { value: formatBytes(fillBytes.likely), note: rangeWords(fillBytes, formatBytes) }
  const value = fillBytes.high > 0 ? `at most ${formatBytes(fillBytes.high)}` : undefined
  return { value, note: 'what it holds was neither seen nor told yet' }
}

/** Ends of the gauge in percent of the likely capacity; undefined: nothing to draw, or the capacity is a guess. */
export function gaugeOf({
  fillBytes,
  capacityBytes,
}: Pick<ArrayCacheView, 'fillBytes' | 'capacityBytes'>): IntervalView | undefined {
  if (fillBytes === undefined || capacityBytes === undefined || capacityBytes.likely <= 0) return undefined
  if (capacityBytes.basis === 'assumed') return undefined
  const part = (bytes: number): number => Math.round(Math.min(100, Math.max(0, (100 * bytes) / capacityBytes.likely)))
  return { low: part(fillBytes.low), likely: part(fillBytes.likely), high: part(fillBytes.high) }
}
