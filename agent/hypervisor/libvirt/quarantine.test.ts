import { describe, expect, it } from 'vitest'

import { Quarantine } from './quarantine.js'

describe('Quarantine', () => {
  it('knows nothing of a healthy VM', () => {
    const quarantine = new Quarantine()
    expect([quarantine.permission('a', 0), quarantine.sinceMs('a')]).toEqual(['yes', undefined])
  })

  it('does not ask while a call is unanswered, and all is well once it is answered', () => {
    const quarantine = new Quarantine()
    quarantine.stuck('a', 1000, true)
    expect(quarantine.permission('a', 1_000_000)).toBe('outstanding')
    quarantine.answered('a')
    expect(quarantine.permission('a', 1001)).toBe('yes')
  })

  it('waits longer after each failure, up to half a minute', () => {
    const quarantine = new Quarantine()
    let nowMs = 0
    const rests: number[] = []
    for (let failure = 0; failure < 7; failure += 1) {
      quarantine.stuck('a', nowMs, true)
      quarantine.ended('a', nowMs)
      let restMs = 0
      while (quarantine.permission('a', nowMs + restMs) !== 'yes') restMs += 1000
      rests.push(restMs)
      nowMs += restMs
    }
    expect(rests).toEqual([2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000])
    expect(quarantine.sinceMs('a')).toBe(0)
  })

  it('asks no third VM that was stuck while two calls are unanswered, but any healthy one', () => {
    const quarantine = new Quarantine()
    quarantine.stuck('c', 0, false)
    quarantine.stuck('a', 0, true)
    quarantine.stuck('b', 0, true)
    expect(quarantine.permission('c', 60_000)).toBe('resting')
    expect(quarantine.permission('d', 60_000)).toBe('yes')
    quarantine.ended('a', 60_000)
    expect(quarantine.permission('c', 60_000)).toBe('yes')
  })

  it('forgets VMs that are gone', () => {
    const quarantine = new Quarantine()
    quarantine.stuck('a', 0, true)
    quarantine.stuck('b', 0, true)
    quarantine.keepOnly(new Set(['b']))
    expect([quarantine.permission('a', 0), quarantine.permission('b', 0)]).toEqual(['yes', 'outstanding'])
    expect(quarantine.outstanding).toBe(1)
  })
})
