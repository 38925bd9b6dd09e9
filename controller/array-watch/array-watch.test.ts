import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { Registry } from 'prom-client'
import { afterEach, beforeEach, expect, it } from 'vitest'

import { createLog } from '../../common/log.js'
import { policyOf } from '../../test/support/policy-with.js'
import { buildSnapshot } from '../../test/support/snapshot-builder.js'
import { newArrayModel } from '../arrays/array-model.js'
import { openEmbeddedState } from '../store/embedded-state/embedded-state.js'
import type { StateStore } from '../store/state-store.js'
import { ArrayWatch } from './array-watch.js'

const policy = policyOf('arrays: [{ name: box, match: "iscsi:box", cache: 200MB, drain: 8MB/s }]')
const startMs = 1_772_409_600_000
const snapshot = buildSnapshot({
  hosts: [{ name: 'a', memoryMiB: 1024 }],
  vms: [],
  arrays: [{ key: 'iscsi:box', name: 'box', kind: 'iscsi' }],
})

let directory: string
let state: StateStore
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'headroom-arrays-'))
  state = openEmbeddedState({ path: join(directory, 'state.db') })
})
afterEach(async () => {
  await state.close()
  await rm(directory, { recursive: true })
})

it('says nothing of what a box does until hosts have come back, nor of one with a past that is not in sight', async () => {
  const gone = 'iscsi:gone'
  const kept = { model: newArrayModel(gone, undefined, 1), sawWriteBack: true, events: [], lastSeenAt: startMs }
  await state.tx((t) => t.put('arrayModels', gone, kept))
  let now = startMs
  const watch = await ArrayWatch.open({
    fleet: { snapshot: () => snapshot },
    policy: () => policy,
    fastMs: () => 1000,
    state,
    store: { write: () => Promise.resolve() },
    registry: new Registry(),
    log: createLog('test', 'silent'),
    now: () => now,
  })
  const known = (): unknown[] =>
    ['iscsi:box', gone, 'local:of nobody'].map((boxId) => {
      const condition = watch.conditionOf(boxId)
      return typeof condition === 'object' ? condition.state : condition
    })
  for (; now < startMs + 30_000; now += 1000) {
    watch.look()
    expect(known()).toEqual(['not-yet', 'not-yet', 'not-yet'])
  }
  watch.look()
  expect(known()).toEqual(['unknown', 'not-yet', undefined])
  now = startMs - 3_600_000
  expect(known()).toEqual(['unknown', 'not-yet', undefined])
  await watch.stop()
})
