import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { expect, test } from 'vitest'

import type { Transition } from '../model/alert.js'
import { PolicyHistory } from '../policy/policy-history.js'
import { openEmbeddedState } from '../store/embedded-state/embedded-state.js'
import { fleetFiles } from './fleet-files.js'
import { readFleetList } from './fleet-list.js'

test('alerts and policies of the past are in the export', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'headroom-leave-'))
  const state = openEmbeddedState({ path: join(directory, 'state.db') })
  const policies = new PolicyHistory(state)
  for (const text of ['limits: { hostReserve: 1GiB }\n', 'limits: { hostReserve: 2GiB }\n'])
    await policies.record({ at: 0, hash: text, text, file: 'p', modifiedAt: 0, author: 'ann', occasion: 'change' })
  const fired: Transition = {
    atMs: Date.UTC(2011, 3, 12),
    number: 7,
    what: 'fired',
    check: 'array-cache',
    subject: { kind: 'array', id: 'iscsi:x', name: 'iscsi1' },
    part: '',
    severity: 'critical',
    message: 'its write cache is full; most of its work: kure, tritm',
    detail: '',
    author: '',
  }
  await state.tx(async (t) => {
    await t.put('alertHistory', '000000000001', fired)
    await t.put('alertHistory', '000000000002', { atMs: 'damaged' })
  })
  await state.close()
  const files = fleetFiles(await readFleetList(directory))
  rmSync(directory, { recursive: true })
  expect(files['alerts.csv']).toBe(
    'time,number,what,severity,check,subject,part,message,detail,author\n' +
      '2011-04-12T00:00:00.000Z,7,fired,critical,array-cache,array:iscsi1,,"its write cache is full; most of its work: kure, tritm",,\n',
  )
  expect(files['policy-2.yaml']).toBe('limits: { hostReserve: 2GiB }\n')
  expect(Object.keys(files).filter((name) => name.startsWith('policy-'))).toHaveLength(2)
})
