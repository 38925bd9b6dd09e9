import { formatBytes } from '../../../common/units.js'
import type { ArrayCacheView } from '../../api/views.js'
import { absentMark, percent } from './figures.js'
import { type Span, span } from './look.js'

/** What there is room for of a write cache in a list of arrays. */

/** Nothing was learnt or told of what it takes: a share of it would be a share of a guess. */
export function isSizeGuessed({ capacityBytes }: Pick<ArrayCacheView, 'capacityBytes'>): boolean {
  return capacityBytes?.basis === 'assumed'
}

/** `70-90%`: of the likely capacity; `<= 12 MB` while nobody knows that. */
export function fillPercent(cache: ArrayCacheView | undefined): string {
  const { fillBytes: fill, capacityBytes: capacity } = cache ?? {}
  if (fill === undefined || capacity === undefined || capacity.likely <= 0) return absentMark
  if (isSizeGuessed({ capacityBytes: capacity })) return fill.high > 0 ? `<= ${formatBytes(fill.high)}` : absentMark
  const [low, high] = [fill.low, fill.high].map((bytes) => percent(Math.min(1, bytes / capacity.likely)))
  return low === high ? (high ?? '') : `${low?.slice(0, -1) ?? ''}-${high ?? ''}`
}

/** What fits in at once, at least. */
export function roomAtOnce(cache: ArrayCacheView | undefined): string {
  if (cache === undefined || cache.state === 'write-through') return absentMark
  return formatBytes(cache.state === 'saturated' || cache.state === 'stalled' ? 0 : cache.burst.roomBytes.low)
}

/** Of those who make others wait the first. */
export function blamedName(cache: ArrayCacheView | undefined): Span | string {
  const [first] = cache?.culprits.incidentSince === undefined ? [] : cache.culprits.suspects
  const [member] = first?.members ?? []
  if (first === undefined || member === undefined) return ''
  const name = first.isHerd
    ? `${first.members.length} together`
    : member.kind === 'host'
      ? `${member.name} itself`
      : member.name
  return first.confidence === 'low' ? span(`${name}?`, 'dim') : span(name, 'warning')
}
