import { expect, it } from 'vitest'

import { brokenRules } from '../../test/support/plan-witness.js'
import { orderMoves } from './order-moves.js'
import type { Problem } from './problem.js'

/** Hosts of 4 units; VMs of the sizes given, on the hosts given. */
function problemOf(hosts: number, vms: readonly (readonly [size: number, host: number])[]): Problem {
  const names = Array.from({ length: hosts }, (_, at) => `h${at}`)
  const most = Float64Array.from(names, () => 4)
  const use = Float64Array.from(vms, ([size]) => size)
  return {
    hosts: names,
    vms: vms.map((_, at) => `v${at}`),
    start: Int32Array.from(vms, ([, host]) => host),
    counted: Int32Array.from(names, () => 1),
    dimensions: [
      { name: 'size', base: new Float64Array(hosts), capacity: most, load: use, spreadWeight: 1, peakWeight: 0 },
    ],
    limits: [{ rule: 'into-reserve', use, most, overPenalty: 0, format: String }],
    apart: [],
    together: [],
    classes: undefined,
    survival: undefined,
    strandedPenalty: new Float64Array(hosts),
    excepted: new Int32Array(vms.length),
    vmKind: new Int32Array(vms.length),
    hostKind: new Int32Array(hosts),
    ways: [[{ kind: 'live' }]],
    moveCost: () => 0,
  }
}

it('lets VMs that wait for each other go by a third host', () => {
  const problem = problemOf(3, [
    [3, 0],
    [3, 1],
  ])
  const steps = orderMoves(problem, Int32Array.of(1, 0))
  expect(steps).toHaveLength(3)
  expect(brokenRules(problem, steps ?? [])).toEqual([])
})

it('makes room first', () => {
  const problem = problemOf(3, [
    [3, 0],
    [3, 1],
  ])
  expect(orderMoves(problem, Int32Array.of(1, 2))?.map(({ vm }) => vm)).toEqual([1, 0])
})

it('says that there is no order where nothing is free for the way round', () => {
  const problem = problemOf(2, [
    [3, 0],
    [3, 1],
  ])
  expect(orderMoves(problem, Int32Array.of(1, 0))).toBeUndefined()
})
