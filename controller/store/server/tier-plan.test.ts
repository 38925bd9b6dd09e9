import * as fc from 'fast-check'
import { expect, it } from 'vitest'

import { tiers } from '../time-series.js'
import { coarsestForSpan, coarsestForStep, planPieces, windowMs, type Reach } from './tier-plan.js'

const hour = 3_600_000
const minute = 60_000
const now = 1000 * hour
const reach: Reach = {
  fromMs: { raw: now - 72 * hour, '5m': now - 500 * hour, '1h': 0 },
  settledMs: { '5m': now - 10 * minute, '1h': now - hour },
}

function shown(from: number, to: number, coarsest: (typeof tiers)[number], at = reach): string {
  const pieces = planPieces({ fromMs: now + from, toMs: now + to }, coarsest, at)
  return pieces
    .map(({ tier, fromMs, toMs }) => `${tier} ${(fromMs - now) / minute} ${(toMs - now) / minute}`)
    .join(', ')
}

it.each([
  ['points only', -2 * hour, 0, 'raw', 'raw -120 0'],
  ['whole windows, and points where they are not settled', -hour, 0, '5m', '5m -60 -10, raw -10 0'],
  ['points at the edges', -hour + 1000 * 60 * 2, -20 * minute - 60_000, '5m', 'raw -58 -55, 5m -55 -25, raw -25 -21'],
  [
    'hours between 5 minutes between points',
    -3 * hour - 7 * minute,
    0,
    '1h',
    'raw -187 -185, 5m -185 -180, 1h -180 -60, 5m -60 -10, raw -10 0',
  ],
  ['a window too short for any', -20 * minute - 60_000, -18 * minute, '5m', 'raw -21 -18'],
  ['points are gone: the finest that is left', -100 * hour, -71 * hour, 'raw', '5m -6000 -4320, raw -4320 -4260'],
  ['the older of it in hours', -600 * hour, -499 * hour, 'raw', '1h -36000 -30000, 5m -30000 -29940'],
  ['steps of an hour', -600 * hour, -598 * hour, '1h', '1h -36000 -35880'],
  ['nothing', 0, 0, 'raw', ''],
] as const)('%s', (_what, from, to, coarsest, expected) => {
  expect(shown(from, to, coarsest)).toBe(expected)
})

it('does without a tier that is not kept', () => {
  const without: Reach = { ...reach, fromMs: { ...reach.fromMs, '5m': Infinity } }
  expect(shown(-100 * hour, 0, '1h', without)).toBe('1h -6000 -60, raw -60 0')
  expect(shown(-100 * hour, -70 * hour, 'raw', without)).toBe('1h -6000 -4320, raw -4320 -4200')
})

it('leaves nothing out and tells nothing twice where every tier reaches', () => {
  const all: Reach = { ...reach, fromMs: { raw: 0, '5m': 0, '1h': 0 } }
  const moment = fc.integer({ min: now - 9 * hour, max: now })
  fc.assert(
    fc.property(moment, moment, fc.constantFrom(...tiers), (a, b, coarsest) => {
      const [fromMs, toMs] = [Math.min(a, b), Math.max(a, b)]
      let at = fromMs
      for (const piece of planPieces({ fromMs, toMs }, coarsest, all)) {
        expect(piece.fromMs).toBe(at)
        expect(piece.toMs).toBeGreaterThan(at)
        const [width, settledMs] = piece.tier === 'raw' ? [1, now] : [windowMs[piece.tier], all.settledMs[piece.tier]]
        expect([piece.fromMs % width, piece.toMs % width]).toEqual([0, 0])
        expect(piece.toMs).toBeLessThanOrEqual(settledMs)
        at = piece.toMs
      }
      expect(at).toBe(toMs)
    }),
  )
})

it.each([
  [0, 'raw'],
  [60_000, 'raw'],
  [300_000, '5m'],
  [900_000, '5m'],
  [3_600_000, '1h'],
  [7_200_000, '1h'],
] as const)('steps of %d ms are answered by %s at most', (stepMs, tier) => {
  expect(coarsestForStep(stepMs)).toBe(tier)
})

it('uses roll-ups for one figure over several hours', () => {
  expect([2, 3].map((hours) => coarsestForSpan({ fromMs: 0, toMs: hours * hour }))).toEqual(['raw', '1h'])
})
