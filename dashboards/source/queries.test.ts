import { expect, it } from 'vitest'

import { influxText, prometheusText, type GrafanaMoment } from '../../test/support/grafana-text.js'
import { influxQl, influxRanking } from './influxql.js'
import { metricsQl, metricsRanking } from './metricsql.js'
import type { Query } from './query.js'

const ofHost: Query = { kind: 'vm', field: 'cpuCores', by: ['name'], where: { hostName: 'host' }, legend: '{name}' }

it('asks InfluxDB for the figure of each entity first', () => {
  expect(influxQl(ofHost)).toBe(
    'SELECT sum("figure") AS "value" FROM (SELECT mean("cpuCores") AS "figure" FROM "vm" WHERE "hostName" =~ /^${host:regex}$/ AND $timeFilter GROUP BY time($__interval), "uuid", "name" fill(none)) WHERE $timeFilter GROUP BY time($__interval), "name" fill(none)',
  )
  expect(influxRanking({ ...ofHost, where: {} })).toBe(
    'SELECT top("figure", "uuid", "name", 10) AS "value" FROM (SELECT mean("cpuCores") AS "figure" FROM "vm" WHERE $timeFilter GROUP BY "uuid", "name") WHERE $timeFilter',
  )
})

it('asks VictoriaMetrics for names only where they are needed', () => {
  expect(metricsQl(ofHost)).toBe(
    'sum(avg_over_time(vm_cpuCores{db="$database"}[$__interval]) * on(uuid) group_left(name) (topk(1, tlast_over_time(vm_info{db="$database",hostName="$host"}[5m])) by (uuid) > bool 0)) by (name)',
  )
  expect(metricsQl({ kind: 'disk', field: 'writeLatencyMs', across: 'max', by: ['target'], legend: '' })).toBe(
    'max(avg_over_time(disk_writeLatencyMs{db="$database"}[$__interval])) by (target)',
  )
  expect(metricsRanking({ ...ofHost, by: [], where: {} })).toBe(
    'topk(10, avg_over_time(vm_cpuCores{db="$database"}[$__range]))',
  )
})

const moment: GrafanaMoment = {
  fromMs: 1000,
  toMs: 61_000,
  intervalMs: 1500,
  rateIntervalMs: 60_000,
  variables: { vm: 'a.b/"c"', database: 'd' },
  all: { hosts: '.*' },
}

it('the tests fill macros and variables in as Grafana does', () => {
  expect(influxText('$timeFilter $__interval ${vm:regex} $hosts ${hosts:regex}', moment)).toBe(
    'time >= 1000ms and time <= 61000ms 1500ms a\\.b\\/"c" .* .*',
  )
  expect(prometheusText('x{db="$database",name="$vm"}[$__interval] $__range $__rate_interval', moment)).toBe(
    'x{db="d",name="a.b/\\"c\\""}[1500ms] 60s 60s',
  )
  expect(() => influxText('$nobody', moment)).toThrow('$nobody')
  expect(() => influxText('${vm:csv}', moment)).toThrow('${vm:csv}')
})
