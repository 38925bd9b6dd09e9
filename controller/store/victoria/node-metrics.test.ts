import { expect, it } from 'vitest'

import { flagDurationMs, nodeMetrics } from './node-metrics.js'
import { nodeProblem } from './node-problems.js'

/** Lines of the /metrics of VictoriaMetrics 1.79.5 and its vmagent, recorded. */
const singleNode = `vm_data_size_bytes{type="indexdb"} 2048
vm_data_size_bytes{type="storage/big"} 0
vm_data_size_bytes{type="storage/small"} 4096
vm_rows_ignored_total{reason="big_timestamp"} 0
vm_app_uptime_seconds 3
process_start_time_seconds 1795852264
flag{name="dedup.minScrapeInterval", value="1ms", is_set="true"} 1
flag{name="httpAuth.password", value="secret", is_set="false"} 1
flag{name="influxDBLabel", value="db", is_set="false"} 1
flag{name="influxMeasurementFieldSeparator", value="_", is_set="false"} 1
flag{name="retentionPeriod", value="100y", is_set="true"} 1
`
const vmagent = `vmagent_remotewrite_pending_data_bytes{path="/d/persistent-queue/1_A", url="1:secret-url"} 12
vmagent_remotewrite_pending_data_bytes{path="/d/persistent-queue/2_B", url="2:secret-url"} 30
process_start_time_seconds 1795852300
flag{name="influxMeasurementFieldSeparator", value="_", is_set="false"} 1
`

it('reads what matters of /metrics', () => {
  const node = nodeMetrics(singleNode)
  expect(node).toMatchObject({ startedAt: 1_795_852_264, uptime: 3, pendingBytes: 0, dataBytes: 6144 })
  expect(node.flags.get('retentionPeriod')).toBe('100y')
  expect(nodeMetrics(vmagent)).toMatchObject({ startedAt: 1_795_852_300, pendingBytes: 42, dataBytes: 0 })
  expect(nodeMetrics('<html>not found</html>\n')).toMatchObject({ startedAt: undefined, pendingBytes: 0 })
})

const wanted = {
  retention: { raw: 3 * 86_400_000, '5m': 180 * 86_400_000, '1h': 1825 * 86_400_000 },
  durableAfterMs: 60_000,
}
const changed = (flag: string, value: string): string =>
  singleNode.replace(new RegExp(`(flag\\{name="${flag}", value=)"[^"]*"`), `$1"${value}"`)

it.each([
  ['a node as it should be', singleNode, /^$/],
  ['vmagent', vmagent, /^$/],
  [
    'no deduplication',
    changed('dedup.minScrapeInterval', '0s'),
    /-dedup\.minScrapeInterval=1ms \(it has 0s\): .* twice/,
  ],
  ['coarser deduplication', changed('dedup.minScrapeInterval', '1m0s'), /-dedup\.minScrapeInterval=1ms/],
  ['other names', changed('influxMeasurementFieldSeparator', '.'), /-influxMeasurementFieldSeparator=_/],
  ['a short retention', changed('retentionPeriod', '1'), /longer -retentionPeriod \(it has 1\): 1825d/],
  [
    'rare flushes',
    `${singleNode}flag{name="inmemoryDataFlushInterval", value="30s", is_set="true"} 1\n`,
    /-inmemoryDataFlushInterval/,
  ],
  ['something else', '', /process_start_time_seconds/],
])('%s', (_what, text, problem) => {
  expect(nodeProblem(nodeMetrics(text), wanted)).toMatch(problem)
})

it.each([
  ['1ms', 1],
  ['5s', 5000],
  ['1h30m', 5_400_000],
  ['5y', 5 * 365 * 86_400_000],
  ['1', 31 * 86_400_000],
  ['soon', undefined],
  ['', undefined],
])('a duration %j', (text, expected) => {
  expect(flagDurationMs(text)).toBe(expected)
})
