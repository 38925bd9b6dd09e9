import { describe, expect, it } from 'vitest'

import { loadFleet } from '../../common/fleet-file/fleet-file.js'
import type { ProfileName } from '../../agent/hypervisor/simulated/load-profiles.js'
import { simulateTicks } from '../../agent/hypervisor/simulated/simulate-ticks.js'
import { createWorld } from '../../agent/hypervisor/simulated/world.js'
import { elabPolicy } from '../support/elab-policy.js'
import { Replay } from '../support/replay.js'
import { judgeFleet } from '../../controller/checks/fleet-findings.js'
import type { Finding } from '../../controller/model/finding.js'
import { ArrayModels } from '../../controller/array-watch/array-models.js'
import { keptArraysOf } from '../../controller/array-watch/kept-arrays.js'

const startMs = Date.parse('2011-04-12T01:00:00Z')
const policy = elabPolicy()

/** Second by second: what each VM does from when on. */
type Script = readonly (readonly [second: number, vm: string, profile: ProfileName])[]

function play(script: Script, seconds: number) {
  const world = createWorld(loadFleet('deploy/fleets/elab.yaml'), { seed: 7, startMs })
  const replay = new Replay(world)
  const models = new ArrayModels()
  const states: string[] = []
  const found: Finding[] = []
  const trueStall: number[] = []
  const seenStall: number[] = []
  replay.connect(startMs)
  for (let second = 1; second <= seconds; second += 1) {
    const atMs = startMs + second * 1000
    for (const [at, vm, profile] of script) if (at === second) world.apply({ atMs: 0, event: 'profile', vm, profile })
    for (const tick of simulateTicks(world, { fromMs: atMs - 1000, toMs: atMs, stepMs: 1000 })) replay.take(tick)
    const snapshot = replay.fleet.snapshot()
    models.look(snapshot, policy, atMs)
    const state = [...models.watched.values()][0]?.condition.state ?? 'none'
    if (states.at(-1) !== state) states.push(state)
    if (world.arrays.some((array) => array.shared && array.state.frozen)) trueStall.push(second)
    if (state === 'stalled') seenStall.push(second)
    const { findings } = judgeFleet(snapshot, policy, { arrays: models.watched })
    found.push(...findings.stands.filter(({ check }) => check === 'array-cache'))
  }
  return { models, replay, states, found, trueStall, seenStall }
}

describe('models of the fleet’s arrays', () => {
  it('see a cache fill, overflow and drain, and name who did it', { timeout: 60_000 }, () => {
    const { models, replay, states, found } = play(
      [
        [20, 'kure', 'runaway'],
        [50, 'kure', 'idle'],
      ],
      100,
    )
    expect([...models.watched.keys()]).toEqual(['iscsi:iqn.2011-04.lab.elab:iscsi1'])
    const firsts = ['idle', 'filling', 'saturated', 'draining'].map((state) => states.indexOf(state))
    expect(firsts).not.toContain(-1)
    expect(firsts).toEqual(firsts.toSorted((a, b) => a - b))
    const full = found.find(({ severity }) => severity === 'critical')
    expect(full?.subject.name).toBe('iscsi1')
    expect(full?.message).toMatch(
      /^its write cache is full: .*who makes others wait: kure \(personal, owner kure; since 01:00:19 UTC; surely; 99% of what is written, .*; others there: auth/,
    )
    expect(full?.message).toMatch(/what would help.*: limit kure to .*pause kure, or move the disk of kure/)
    expect(full?.related.filter(({ role }) => role === 'culprit').map(({ subject }) => subject.name)).toEqual(['kure'])
    expect(full?.related.filter(({ role }) => role === 'victim').map(({ subject }) => subject.name)).toContain('mail')
    // Said while nothing happened, too.
    expect(found[0]).toMatchObject({ severity: 'info', part: 'burst' })
    const [one] = models.watched.values()
    expect(one?.condition.capacity.basis).toBe('learnt')
    expect(one?.condition.overflows).toBe(1)

    const refused: string[] = []
    const rows = models
      .kept()
      .map((row) => ({ key: row.model.boxId, value: JSON.parse(JSON.stringify(row)) as unknown }))
    const again = new ArrayModels(keptArraysOf(rows, (key, reason) => refused.push(`${key} ${reason}`)))
    expect(refused).toEqual([])
    again.look(replay.fleet.snapshot(), policy, startMs + 101_000)
    again.look(replay.fleet.snapshot(), policy, startMs + 111_000)
    const [restarted] = again.watched.values()
    expect(restarted?.condition.capacity).toEqual(one?.condition.capacity)
    expect(restarted?.condition.overflows).toBe(1)
  })

  it('see an array stand still within 8 s, and no stall before', { timeout: 60_000 }, () => {
    const { trueStall, seenStall, found } = play(
      [
        [20, 'kure', 'runaway'],
        [25, 'tritm', 'fsck'],
      ],
      80,
    )
    const [frozenAt = Number.NaN] = trueStall
    const [seenAt = Number.NaN] = seenStall
    expect(seenAt).toBeGreaterThan(frozenAt)
    expect(seenAt - frozenAt).toBeLessThanOrEqual(8)
    expect(found.findLast(({ part }) => part === '')?.message).toMatch(
      /^it stands still: requests wait, and none ends; who makes others wait: .*kure.*who waits: /,
    )
  })
})
