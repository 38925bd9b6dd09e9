import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { Registry } from 'prom-client'
import { expect, it, onTestFinished } from 'vitest'

import { createLog } from '../../common/log.js'
import { fleetFindings } from '../../controller/checks/fleet-findings.js'
import { fileSystemId } from '../../controller/model/space-trend.js'
import { defaultPolicy } from '../../controller/policy/policy-file.js'
import { openEmbeddedStore } from '../../controller/store/embedded/embedded-store.js'
import { SpaceTrends } from '../../controller/trends/space-trends.js'
import { buildSnapshot, hostIdOf } from '../support/snapshot-builder.js'
import { waitFor } from '../support/wait-for.js'

const GB = 1e9
const hourMs = 3_600_000
const log = createLog('test', 'silent')

it('a file system that fills says until when it lasts, from the roll-ups of a real store', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'headroom-trends-'))
  const clock = { now: Date.UTC(2026, 2, 9) }
  const now = (): number => clock.now
  const store = await openEmbeddedStore({
    path: join(directory, 'series.db'),
    log,
    retention: { rawMs: 3 * 24 * hourMs, maxBytes: 1e9 },
    now,
    maintainEveryMs: 50,
  })
  onTestFinished(async () => {
    await store.close()
    await rm(directory, { recursive: true })
  })
  const id = fileSystemId(hostIdOf('a'), '/var')
  const beganMs = clock.now - 60 * hourMs
  // 24 GB a day, told each ten minutes; each night a copy of 100 GB comes and goes.
  const points = Array.from({ length: 6 * 60 }, (_, at) => {
    const hour = at / 6
    const copy = hour % 24 < 2 ? 100 * GB : 0
    return {
      entity: { kind: 'file_system' as const, id },
      atMs: beganMs + at * 600_000,
      fields: { sizeBytes: 1000 * GB, availableBytes: 200 * GB - hour * GB - copy },
    }
  })
  await store.write({ points, events: [], marks: [] })
  const fileSystem = {
    mount: '/var',
    device: '/dev/sda2',
    type: 'ext4',
    sizeBytes: 1000 * GB,
    availableBytes: 140 * GB,
    files: 0,
    filesFree: 0,
    readOnly: false,
  }
  const snapshot = buildSnapshot({
    hosts: [{ name: 'a', memoryMiB: 1024, more: { fileSystems: [fileSystem] } }],
    vms: [],
  })
  const trends = new SpaceTrends({
    store,
    snapshot: () => snapshot,
    registry: new Registry(),
    log,
    now,
    random: () => 1,
  })
  // Hours are rolled up a while after they are over.
  await waitFor(20_000, 'a trend', async () => {
    clock.now += hourMs
    await trends.look()
    return trends.current.size > 0
  })
  await trends.stop()
  const { stands } = fleetFindings(snapshot, defaultPolicy, { trends: trends.current })
  const said = stands.find(({ check }) => check === 'file-system-space')
  expect(said?.severity).toBe('warning')
  expect(said?.message).toMatch(
    /^\/var: full in (5d (1[5-9]|2\d)|6d [0-6])h at 2[34]\.?\d? GB a day, as in the last \dd/,
  )
})
