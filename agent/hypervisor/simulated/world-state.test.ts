import { describe, expect, test } from 'vitest'

import { loadFleet } from '../../../common/fleet-file/fleet-file.js'
import type { FleetSpec } from '../../../common/fleet-file/fleet-spec.js'
import { simulateTicks } from './simulate-ticks.js'
import { createWorld, type World } from './world.js'
import { restoreWorld, saveWorld } from './world-state.js'

const elab: FleetSpec = {
  ...loadFleet(new URL('../../../deploy/fleets/elab.yaml', import.meta.url).pathname),
  timeline: [
    { atMs: 10_000, event: 'profile', vm: 'kure', profile: 'runaway' },
    { atMs: 12_000, event: 'profile', vm: 'ictepc', profile: 'fsck' },
    { atMs: 13_000, event: 'host-job', host: 'xenhv01', array: 'iscsi1', profile: 'fsck' },
    { atMs: 14_000, event: 'host-job', host: 'xenhv02', array: 'iscsi1', profile: 'batch' },
    { atMs: 20_000, event: 'destroy', vm: 'www' },
    { atMs: 25_000, event: 'migrate', vm: 'mail', to: 'xenhv03' },
    { atMs: 30_000, event: 'host-lost', host: 'xenhv01' },
    { atMs: 50_000, event: 'host-back', host: 'xenhv01' },
    { atMs: 35_000, event: 'fill', host: 'xenhv02', bytesPerSecond: 1e6 },
    { atMs: 60_000, event: 'host-job-end', host: 'xenhv02', array: 'iscsi1' },
    { atMs: 65_000, event: 'freeze', array: 'iscsi1', forMs: 10_000 },
    { atMs: 100_000, event: 'start', vm: 'kure' },
  ],
}
const startMs = Date.UTC(2011, 3, 8, 4)

function savedAfter(seconds: number): { readonly world: World; readonly state: unknown } {
  const world = createWorld(elab, { seed: 1, startMs })
  world.advance(startMs + seconds * 1000)
  for (const host of world.hosts) world.takeEvents(host)
  return { world, state: JSON.parse(JSON.stringify(saveWorld(world))) }
}

test.each([0, 15, 40, 70, 140])('saved after %d s and restored, it goes on as if nothing had been', (seconds) => {
  const { world, state } = savedAfter(seconds)
  const restored = restoreWorld(state, elab, { seed: 1, stepMs: world.stepMs })
  if (restored === undefined) throw new Error('not restored')
  const span = { fromMs: startMs + seconds * 1000, toMs: startMs + (seconds + 60) * 1000, stepMs: 1000 }
  expect([...simulateTicks(restored, span)]).toEqual([...simulateTicks(world, span)])
  expect(restored.truth()).toEqual(world.truth())
})

describe('what is not restored', () => {
  const { state } = savedAfter(40)
  const same = { seed: 1, stepMs: 250 }
  const saved = (): Record<string, unknown> => JSON.parse(JSON.stringify(state))
  test.each<[string, unknown, FleetSpec, typeof same]>([
    ['nothing', undefined, elab, same],
    ['another seed', state, elab, { ...same, seed: 2 }],
    ['another step', state, elab, { ...same, stepMs: 1000 }],
    ['another fleet', state, { ...elab, utcOffsetHours: 0 }, same],
    ['another version', { ...saved(), version: 1 }, elab, same],
    ['a lost part', { ...saved(), vms: [] }, elab, same],
    ['a total that is none', JSON.parse(JSON.stringify(state).replace(/"totals":\[[^,]+/, '"totals":[-1')), elab, same],
    ['too few totals', JSON.parse(JSON.stringify(state).replace(/"totals":\[[^,]+,/, '"totals":[')), elab, same],
    ['more than there was', { ...saved(), more: 1 }, elab, same],
  ])('%s', (_title, state, spec, options) => {
    expect(restoreWorld(state, spec, options)).toBeUndefined()
  })

  test('the same is restored', () => {
    expect(restoreWorld(state, elab, same)).toBeDefined()
  })
})

test('a jump: totals stand, caches are empty, the timeline has happened, uptime has grown', () => {
  const { world } = savedAfter(45)
  const before = world.vms.map((vm) => vm.totals.values())
  const bootedAtMs = world.hosts.map((host) => host.bootedAtMs)
  world.jump(startMs + 10 * 3_600_000)
  expect(world.nowMs).toBe(startMs + 10 * 3_600_000)
  expect(world.truth().arrays.every(({ fillBytes, frozen }) => fillBytes === 0 && !frozen)).toBe(true)
  const stood = world.vms.filter(
    (vm, index) => vm.path.host.spec.name !== 'xenhv01' && vm.totals.values().join() === before[index]?.join(),
  )
  expect(stood).toHaveLength(31 - 9)
  expect(world.truth().hosts.find(({ name }) => name === 'xenhv01')?.up).toBe(true)
  expect(world.hosts.map((host) => host.bootedAtMs).slice(1)).toEqual(bootedAtMs.slice(1))
  const [back, ...others] = world.hosts
    .flatMap((host) => world.takeEvents(host))
    .filter(({ vmUuid }) => vmUuid === undefined)
  expect([back?.kind, back?.atMs, others]).toEqual(['hypervisor-back', startMs + 50_000, []])
  expect(world.truth().skippedEvents).toEqual(['kure runs already'])
})
