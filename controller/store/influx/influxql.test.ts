import { expect, it } from 'vitest'

import { entityKinds } from '../measurements.js'
import {
  continuousQueries,
  goDurationMs,
  retentionPolicies,
  retentionStatement,
  rollUp,
  timeBetween,
} from './influxql.js'

const dayMs = 86_400_000

it('computes windows of a kind from its points, all figures of all fields', () => {
  const text = rollUp('head"room', 'nic', '5m', { fromMs: 300_000, toMs: 600_000 })
  expect(text).toContain('SELECT count("receiveBytesPerSecond") AS "receiveBytesPerSecond_count", mean("receiveBytes')
  expect(text).toContain('percentile("transmitErrorsPerSecond", 95) AS "transmitErrorsPerSecond_p95" INTO')
  expect(text).toMatch(
    / INTO "head\\"room"\."5m"\."nic_5m" FROM "head\\"room"\."raw"\."nic" WHERE time >= 300000ms AND time < 600000ms GROUP BY time\(300s\), "uuid", "device"$/,
  )
})

it('names a continuous query by its text, so that one that has changed is another', () => {
  const retention = { raw: 3 * dayMs, '5m': 180 * dayMs, '1h': 1825 * dayMs }
  const queries = continuousQueries('headroom', retention)
  expect(queries).toHaveLength(2 * entityKinds.length)
  expect(queries[0]?.name).toMatch(/^headroom_vm_5m_[0-9a-f]{8}$/)
  expect(queries[0]?.text).toMatch(
    /^CREATE CONTINUOUS QUERY "headroom_vm_5m_\w{8}" ON "headroom" BEGIN SELECT .* GROUP BY time\(300s\), "uuid" END$/,
  )
  expect(continuousQueries('other', retention)[0]?.name).not.toBe(queries[0]?.name)
  expect(continuousQueries('headroom', { ...retention, '5m': 0 })).toEqual(queries.slice(entityKinds.length))
})

it.each([
  [
    { raw: 3 * dayMs, '5m': 180 * dayMs, '1h': 1825 * dayMs },
    ['raw 259200s 86400s', '5m 15552000s 604800s', '1h 157680000s 2592000s'],
  ],
  [{ raw: 1000, '5m': 0, '1h': 0 }, ['raw 3600s 3600s']],
])('retention %j', (retention, expected) => {
  const policies = retentionPolicies(retention)
  const shown = policies.map(({ tier, durationMs, shardMs }) => `${tier} ${durationMs / 1000}s ${shardMs / 1000}s`)
  expect(shown).toEqual(expected)
})

it('writes out policies; points without a policy are raw', () => {
  const raw = { tier: 'raw', durationMs: 3 * dayMs, shardMs: dayMs } as const
  expect(retentionStatement('CREATE', 'headroom', raw)).toBe(
    'CREATE RETENTION POLICY "raw" ON "headroom" DURATION 259200s REPLICATION 1 SHARD DURATION 86400s DEFAULT',
  )
  expect(retentionStatement('ALTER', 'headroom', { ...raw, tier: '1h' })).toBe(
    'ALTER RETENTION POLICY "1h" ON "headroom" DURATION 259200s SHARD DURATION 86400s',
  )
})

it.each([
  ['72h0m0s', 259_200_000],
  ['1h30m5s', 5_405_000],
  ['0s', Infinity],
  ['three days', undefined],
])('%s', (text, expected) => {
  expect(goDurationMs(text)).toBe(expected)
})

it('asks for times that InfluxDB can count', () => {
  expect(timeBetween(-5, Infinity)).toBe('time >= 0ms AND time < 9223372036853ms')
})
