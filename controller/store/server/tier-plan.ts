import type { Tier } from '../time-series.js'

export type RollUpTier = Exclude<Tier, 'raw'>
export const rollUpTiers = ['5m', '1h'] as const satisfies readonly RollUpTier[]
export const windowMs = { '5m': 300_000, '1h': 3_600_000 } as const satisfies Record<RollUpTier, number>

/** What each tier has at a moment. */
export interface Reach {
  /** Older points and windows are gone, or go soon; Infinity for a tier that is not kept. */
  readonly fromMs: Readonly<Record<Tier, number>>
  /** Windows that end by then are whole; later ones may lack points. */
  readonly settledMs: Readonly<Record<RollUpTier, number>>
}

/** A part of a time, answered by one tier. */
export interface Piece {
  readonly tier: Tier
  readonly fromMs: number
  readonly toMs: number
}

interface Span {
  readonly fromMs: number
  readonly toMs: number
}

/**
 * Which tier answers which part of a time, in order: roll-ups no coarser than `coarsest` where whole windows fit and are settled,
 * points elsewhere, and where the points are gone the finest roll-up that is left: of that all windows that the time touches.
 */
export function planPieces({ fromMs, toMs }: Span, coarsest: Tier, reach: Reach): readonly Piece[] {
  const usable = rollUpTiers.filter((tier) => coarsest === '1h' || tier === coarsest).toReversed()
  const pieces: Piece[] = []
  let at = fromMs
  while (at < toMs) {
    const piece = nextPiece(at, toMs, usable, reach)
    if (piece === undefined) break
    const last = pieces.at(-1)
    if (last?.tier === piece.tier && last.toMs === piece.fromMs)
      pieces[pieces.length - 1] = { ...last, toMs: piece.toMs }
    else pieces.push(piece)
    at = piece.toMs
  }
  return pieces
}

/** The windows of a tier that a time touches. */
export function wholeWindows(tier: RollUpTier, fromMs: number, toMs: number): Span {
  return { fromMs: floor(fromMs, windowMs[tier]), toMs: ceil(toMs, windowMs[tier]) }
}

/** The coarsest tier whose windows fit into steps of that width. */
export function coarsestForStep(stepMs: number): Tier {
  if (stepMs <= 0) return 'raw'
  return stepMs % windowMs['1h'] === 0 ? '1h' : stepMs % windowMs['5m'] === 0 ? '5m' : 'raw'
}

const manyHoursMs = 3 * windowMs['1h']

/** For one figure over a whole time: short ones are quickest from the points. */
export function coarsestForSpan({ fromMs, toMs }: Span): Tier {
  return toMs - fromMs >= manyHoursMs ? '1h' : 'raw'
}

function nextPiece(at: number, toMs: number, usable: readonly RollUpTier[], reach: Reach): Piece | undefined {
  for (const tier of usable) {
    const end = wholeUntil(tier, toMs, reach)
    if (at % windowMs[tier] === 0 && at < end && at >= reach.fromMs[tier])
      return cutAtFormer(tier, at, end, usable, reach)
  }
  if (at >= reach.fromMs.raw) return { tier: 'raw', fromMs: at, toMs: nextStart(at, toMs, usable, reach) }
  // The points are gone: whole windows, whatever the edges of the time are.
  let until = reach.fromMs.raw
  for (const tier of rollUpTiers) {
    const from = reach.fromMs[tier]
    if (at >= from) return { tier, ...wholeWindows(tier, at, Math.min(toMs, until)) }
    until = Math.min(until, from)
  }
  // What is older than everything: go on where something begins.
  const begins = Math.min(...Object.values(reach.fromMs).filter((from) => from > at))
  return begins < toMs ? nextPiece(begins, toMs, usable, reach) : undefined
}

/** End of the last whole, settled window before `toMs`. */
function wholeUntil(tier: RollUpTier, toMs: number, reach: Reach): number {
  return floor(Math.min(toMs, reach.settledMs[tier]), windowMs[tier])
}

/** A finer roll-up goes on only to where a coarser one takes over. */
function cutAtFormer(tier: RollUpTier, at: number, end: number, usable: readonly RollUpTier[], reach: Reach): Piece {
  let cut = end
  for (const coarser of usable) {
    if (coarser === tier) break
    const start = ceil(Math.max(at, reach.fromMs[coarser]), windowMs[coarser])
    if (start < wholeUntil(coarser, end, reach)) cut = Math.min(cut, start)
  }
  return { tier, fromMs: at, toMs: cut }
}

/** Where after `at` the first roll-up can take over from the points. */
function nextStart(at: number, toMs: number, usable: readonly RollUpTier[], reach: Reach): number {
  let next = toMs
  for (const tier of usable) {
    const start = ceil(Math.max(at + 1, reach.fromMs[tier]), windowMs[tier])
    if (start < wholeUntil(tier, toMs, reach)) next = Math.min(next, start)
  }
  return next
}

function floor(ms: number, width: number): number {
  return Math.floor(ms / width) * width
}

function ceil(ms: number, width: number): number {
  return Math.ceil(ms / width) * width
}
