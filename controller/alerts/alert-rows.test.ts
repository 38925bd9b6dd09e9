import { expect, test } from 'vitest'

import { beganAtMs, plainSettings, saidOf } from '../../test/support/alerts/timeline.js'
import { alertTables, keptOf, rowsOf, type AlertTable, type Kept } from './alert-rows.js'
import { enqueue } from './queue.js'
import { withRefusal } from './refusals.js'
import { emptyAlertState, step } from './step.js'

function lived(): Kept {
  let kept: Kept = { state: emptyAlertState('t'), queues: new Map(), refusals: new Map() }
  for (let second = 0; second < 100; second += 1) {
    const { findings, world } = saidOf('x h1! a1>x')
    const done = step(kept.state, findings, world, plainSettings, { atMs: beganAtMs, elapsedMs: 1000 })
    let { queues } = kept
    for (const message of done.messages)
      queues = enqueue(queues, message, done.state.clockMs, plainSettings.bounds).queues
    const refusals = withRefusal(kept.refusals, 'bob', { target: 'mail', reason: 'no such mailbox', clockMs: 1 })
    kept = { state: done.state, queues, refusals }
  }
  return kept
}

function onDisk(kept: Kept): Record<AlertTable, [string, unknown][]> {
  const rows = rowsOf(kept)
  const read = (table: AlertTable): [string, unknown][] =>
    [...rows[table]].map(([key, value]) => [key, JSON.parse(JSON.stringify(value))])
  return {
    alerts: read('alerts'),
    alertGroups: read('alertGroups'),
    alertQueue: read('alertQueue'),
    alertRefusals: read('alertRefusals'),
    alertSilences: read('alertSilences'),
    alertFirings: read('alertFirings'),
    alertMeta: read('alertMeta'),
  }
}

test('all that is kept comes back', () => {
  const kept = lived()
  expect(kept.queues.size).toBe(1)
  expect(keptOf(onDisk(kept), 't', () => undefined)).toEqual(kept)
})

test('a row that cannot be read is named, and the others come back', () => {
  const rows = onDisk(lived())
  for (const table of alertTables) {
    const [first] = rows[table]
    if (first === undefined || table === 'alertMeta') continue
    const damaged: string[] = []
    const kept = keptOf(
      { ...rows, [table]: [[first[0], { no: 'such thing' }], ...rows[table].slice(1)] },
      't',
      (...where) => damaged.push(where.join(' ')),
    )
    expect(damaged).toEqual([`${table} ${first[0]}`])
    expect(kept?.state.clockMs).toBe(100_000)
  }
  expect(keptOf({ ...rows, alertMeta: [] }, 't', () => undefined)).toBeUndefined()
})
