import { expect, it } from 'vitest'

import { sampleArray } from '../../../test/support/cli/sample-views.js'
import { fillPercent } from './array-glance.js'

const { cache } = sampleArray()
const sized = (basis: 'assumed' | 'learnt', high: number) =>
  cache && {
    ...cache,
    fillBytes: { low: 0, likely: 0, high },
    capacityBytes: { low: 100e6, likely: 200e6, high: 400e6, basis },
  }

it.each<[string, ReturnType<typeof sized>, string]>([
  ['of what was learnt', sized('learnt', 50e6), '0-25%'],
  ['empty, of what was learnt', sized('learnt', 0), '0%'],
  ['while its size is a guess at most what came in', sized('assumed', 50e6), '<= 50 MB'],
  ['while its size is a guess and nothing came in', sized('assumed', 0), '–'],
  ['of nothing that is watched', undefined, '–'],
])('how full: %s', (_what, of, expected) => expect(fillPercent(of)).toBe(expected))
