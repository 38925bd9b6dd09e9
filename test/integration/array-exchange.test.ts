import { describe, expect, it } from 'vitest'

import type { ArrayRaw } from '../../agent/hypervisor/hypervisor.js'
import { loadFleet } from '../../common/fleet-file/fleet-file.js'
import { simulateTicks } from '../../agent/hypervisor/simulated/simulate-ticks.js'
import { createWorld } from '../../agent/hypervisor/simulated/world.js'
import { Replay } from '../support/replay.js'
import { exchangedAfter } from '../../controller/fleet/exchanged.js'

const startMs = 1_700_000_000_000

describe('what is exchanged with storage', () => {
  it('adds up what intervals grew by', () => {
    const one = exchangedAfter(undefined, { seconds: 1, delta: { writeBytes: 10, writeRequests: 1, cpuSeconds: 5 } })
    const two = exchangedAfter(one, { seconds: 3, delta: { writeBytes: 5, readBytes: 7 } })
    expect(two).toEqual({ writeBytes: 15, writeRequests: 1, readBytes: 7, activeSeconds: 4 })
  })

  it('is what the hosts counted from their first reading on, to the byte', () => {
    const world = createWorld(loadFleet('deploy/fleets/elab.yaml'), { seed: 7, startMs })
    const replay = new Replay(world)
    replay.connect(startMs)
    const read = new Map<string, { readonly first: ArrayRaw; last: ArrayRaw }>()
    for (const tick of simulateTicks(world, { fromMs: startMs, toMs: startMs + 40_000, stepMs: 1000 })) {
      replay.take(tick)
      if (tick.atMs === startMs + 10_000) world.apply({ atMs: 0, event: 'profile', vm: 'kure', profile: 'runaway' })
      for (const array of tick.sample?.arrays ?? []) {
        if (!array.key.startsWith('iscsi:') || array.writeBytes === undefined) continue
        const known = read.get(tick.hostId)
        if (known === undefined) read.set(tick.hostId, { first: array, last: array })
        else known.last = array
      }
    }
    const array = [...replay.fleet.snapshot().arrays.values()].find(({ key }) => key.startsWith('iscsi:'))
    const counted = new Map(array?.exchanges.map(({ hostId, exchanged }) => [hostId, exchanged.writeBytes]))
    const expected = new Map(
      Array.from(read, ([hostId, { first, last }]) => [hostId, (last.writeBytes ?? 0) - (first.writeBytes ?? 0)]),
    )
    expect(counted).toEqual(expected)
    expect(array?.exchanges.every(({ at }) => at === startMs + 40_000)).toBe(true)
    expect(Math.max(...expected.values())).toBeGreaterThan(500e6)
  })
})
