import { expect, test } from 'vitest'

import { around, arrayCondition } from '../../test/support/array-condition.js'
import { boxKey, secondKey, storageFleet, storagePolicy } from '../../test/support/storage-fleet.js'
import { watchedOf } from '../../test/support/watched-arrays.js'
import { judgeFleet } from '../checks/fleet-findings.js'
import type { ArrayCacheState } from '../model/array-condition.js'
import type { Snapshot } from '../model/snapshot.js'
import { alertSettingsOf, worldSources } from './policy-settings.js'
import { emptyAlertState, step } from './step.js'
import { worldOf } from './world.js'

interface Phase {
  readonly state: ArrayCacheState
  readonly megabytes: number
  readonly forSeconds: number
  readonly arrayKeys?: readonly string[]
}

const policy = storagePolicy()
const [whole, rest] = [storageFleet(), withoutFirst(storageFleet())]

function withoutFirst(snapshot: Snapshot): Snapshot {
  return { ...snapshot, arrays: new Map([...snapshot.arrays].filter(([key]) => key !== boxKey)) }
}

/** What happens to alerts of the cache, as `SECOND WHAT SUBJECT`. */
function played(phases: readonly Phase[]): string[] {
  let state = emptyAlertState('t')
  let second = 0
  const said: string[] = []
  for (const { state: cache, megabytes, forSeconds, arrayKeys = [boxKey, secondKey] } of phases) {
    const condition = { ...arrayCondition(cache), fill: around(megabytes * 1e6) }
    const watched = watchedOf(condition, { arrayKeys })
    const circumstances = { arrays: new Map([[condition.boxId, watched]]) }
    const snapshot = arrayKeys.includes(boxKey) ? whole : rest
    const { labels, findings } = judgeFleet(snapshot, policy, circumstances)
    const world = worldOf(worldSources({ snapshot, policy, labels, circumstances }))
    for (const until = second + forSeconds; second < until; second += 1) {
      const tick = { atMs: second * 1000, elapsedMs: 1000 }
      const done = step(state, [...findings.stands, ...findings.kept], world, alertSettingsOf(policy), tick)
      state = done.state
      const ofCache = done.transitions.filter(({ check }) => check === 'array-cache')
      said.push(...ofCache.map(({ what, subject }) => `${second} ${what} ${subject.id}`))
    }
  }
  return said
}

test('a cache that was full keeps its alert until it is clearly below', () => {
  const full = { state: 'saturated', megabytes: 500, forSeconds: 10 } as const
  const near = { state: 'near-full', megabytes: 450, forSeconds: 300 } as const
  const draining = { state: 'draining', megabytes: 350, forSeconds: 300 } as const
  const below = { state: 'draining', megabytes: 250, forSeconds: 120 } as const
  expect(played([full, near, full, draining, below])).toEqual([
    '0 fired joined:the box',
    // What fits is known: nearly full is a warning, and full is critical again.
    '70 severity joined:the box',
    '310 severity joined:the box',
    '680 resolved joined:the box',
  ])
  expect(played([draining])).toEqual([])
})

test('the alert of a box stays the same when one of its arrays leaves', () => {
  const full = { state: 'saturated', megabytes: 500, forSeconds: 100 } as const
  expect(played([full, { ...full, arrayKeys: [secondKey] }])).toEqual(['0 fired joined:the box'])
})
