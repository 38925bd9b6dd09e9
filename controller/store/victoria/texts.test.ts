import { expect, it } from 'vitest'

import { exportedSeries, queriedSeries } from './answers.js'
import { line } from '../line-protocol.js'
import { metricsOf, selector } from './metric-names.js'
import { statOf, statsOverTime } from './stats-over-time.js'

it('writes a line of line protocol', () => {
  const tags = [
    { name: 'uuid', value: 'a,b=c d"é' },
    { name: 'target', value: 'sda' },
  ]
  const fields = [
    ['readLatencyMs', 0.1],
    ['readBytesTotal', 1e300],
    ['writeBytesTotal', -5e-7],
  ] as const
  expect(line('disk', tags, fields, 1_772_359_200_000)).toBe(
    'disk,uuid=a\\,b\\=c\\ d"é,target=sda readLatencyMs=0.1,readBytesTotal=1e+300,writeBytesTotal=-5e-7 1772359200000',
  )
})

it('selects series by name, database and entity', () => {
  expect(selector(['vm_cpuCores'], 'headroom')).toBe('{__name__="vm_cpuCores",db="headroom"}')
  expect(selector(['disk_a', 'disk_b'], 'x', { kind: 'disk', id: 'u"\n/sda' })).toBe(
    '{__name__=~"disk_a|disk_b",db="x",uuid="u\\"%0A",target="sda"}',
  )
  expect(selector(['disk_a'], 'x', { kind: 'disk', id: 'u' })).toBe('{__name__="disk_a",db="x",uuid="u",target=""}')
})

it('knows what a metric means', () => {
  expect(metricsOf('vm', 'raw').get('vm_cpuCores')).toEqual({ field: 'cpuCores', stat: undefined })
  expect(metricsOf('file_system', '1h').get('file_system_1h_sizeBytes_p95')).toEqual({
    field: 'sizeBytes',
    stat: 'p95',
  })
})

it('asks for several figures at once, and tells them apart', () => {
  expect(statsOverTime(['count', 'min'], 'm', 1000)).toBe(
    'aggr_over_time(("count_over_time","min_over_time"), m[1000ms])',
  )
  expect(statsOverTime(['count', 'p95'], 'm', 1000)).toBe(
    'union(aggr_over_time(("count_over_time"), m[1000ms]), label_set(quantile_over_time(0.95, m[1000ms]), "rollup", "p95"))',
  )
  expect(['avg_over_time', 'p95', 'other'].map((rollup) => statOf({ rollup }))).toEqual(['mean', 'p95', undefined])
})

/** Answers recorded from VictoriaMetrics 1.79.5. */
it('reads its answers', () => {
  expect(
    exportedSeries(
      '{"metric":{"__name__":"vm_cpuCores","db":"x","uuid":"é\\""},"values":[5],"timestamps":[1772359200000]}',
    ),
  ).toEqual({
    labels: { __name__: 'vm_cpuCores', db: 'x', uuid: 'é"' },
    values: [5],
    timestampsMs: [1_772_359_200_000],
  })
  expect(
    queriedSeries(
      '{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"uuid":"f"},"values":[[1772359259.999,"6"],[1772359379.999,"NaN"]]}]}}',
    ),
  ).toEqual([{ labels: { uuid: 'f' }, samples: [{ atMs: 1_772_359_259_999, value: 6 }] }])
  expect(
    queriedSeries(
      '{"status":"success","data":{"resultType":"vector","result":[{"metric":{"uuid":"e"},"value":[1772360000,"1286743057478298.8"]}]}}',
    ),
  ).toEqual([{ labels: { uuid: 'e' }, samples: [{ atMs: 1_772_360_000_000, value: 1286743057478298.8 }] }])
})

it.each(['{"metric":{},"values":[1],"timestamps":[]}', '[]'])('takes no export of another form: %s', (text) => {
  expect(() => exportedSeries(text)).toThrow('unknown form')
})

it('takes no answer of another form', () => {
  expect(() => queriedSeries('{"status":"success"}')).toThrow('unknown form')
})
