import { expect, it } from 'vitest'

import { loadFleet } from '../../../common/fleet-file/fleet-file.js'
import { SimulatedControl } from './simulated-control.js'
import { vmTotals } from './counters.js'
import { createWorld } from './world.js'
import { restoreWorld, saveWorld } from './world-state.js'

const elab = loadFleet(new URL('../../../deploy/fleets/elab.yaml', import.meta.url).pathname)
const startMs = Date.UTC(2011, 3, 8, 4)
const { signal } = new AbortController()

it('limits what a simulated VM writes, for this run', async () => {
  const world = createWorld(elab, { seed: 1, startMs })
  world.advance(startMs + 60_000)
  const writers = world.vms.filter(({ runId }) => runId !== '').toSorted((a, b) => b.want.write - a.want.write)
  const [busiest] = writers
  if (busiest === undefined) throw new Error('nobody runs')
  const written = (): number => busiest.totals.values()[vmTotals.writeBytes] ?? 0
  const control = new SimulatedControl(world, busiest.path.host, () => undefined)
  const [disk = ''] = (await control.disks.limits(busiest.uuid, signal)).keys()
  const rate = Math.round(busiest.want.write / 4)
  await control.disks.setLimits(busiest.uuid, disk, { write_bytes_sec: rate }, signal)
  const before = written()
  world.advance(startMs + 120_000)
  const perSecond = (written() - before) / 60
  expect(perSecond).toBeGreaterThan(rate * 0.5)
  expect(perSecond).toBeLessThan(rate * 1.05)
  const again = restoreWorld(saveWorld(world), elab, { seed: 1, stepMs: world.stepMs })
  expect(again?.vms.find(({ uuid }) => uuid === busiest.uuid)?.limits).toEqual({ write_bytes_sec: rate })
  await control.power(busiest.uuid, 'destroy', signal)
  await expect(control.disks.limits(busiest.uuid, signal)).rejects.toThrow(/not running/)
  await control.power(busiest.uuid, 'start', signal)
  expect((await control.disks.limits(busiest.uuid, signal)).get(disk)).toMatchObject({ write_bytes_sec: 0 })
  await expect(control.disks.setLimits(busiest.uuid, 'none', {}, signal)).rejects.toThrow(/no disk none/)
})
