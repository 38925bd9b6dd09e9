import { PanelBuilder as BarGaugeBuilder } from '@grafana/grafana-foundation-sdk/bargauge'
import type { Builder, Dataquery } from '@grafana/grafana-foundation-sdk/cog'
import {
  BigValueGraphMode,
  LegendDisplayMode,
  LegendPlacement,
  ReduceDataOptionsBuilder,
  StackingConfigBuilder,
  StackingMode,
  TooltipDisplayMode,
  VizLegendOptionsBuilder,
  VizOrientation,
  VizTooltipOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common'
import { DashboardLinkBuilder, type Panel } from '@grafana/grafana-foundation-sdk/dashboard'
import { DataqueryBuilder, PromQueryFormat } from '@grafana/grafana-foundation-sdk/prometheus'
import { PanelBuilder as StatBuilder } from '@grafana/grafana-foundation-sdk/stat'
import { PanelBuilder as TimeSeriesBuilder } from '@grafana/grafana-foundation-sdk/timeseries'

import { measurements } from '../../controller/store/measurements.js'
import { InfluxQueryBuilder } from './influx-query.js'
import { influxQl, influxRanking } from './influxql.js'
import { metricsQl, metricsRanking } from './metricsql.js'
import { datasourceVariable, type Query, type Server } from './query.js'
import type { PanelSpec } from './spec.js'

/** Grafana's name of the kind of server. */
export const datasourceType = { influxdb: 'influxdb', victoriametrics: 'prometheus' } as const

export function datasourceOf(server: Server): { type: 'influxdb' | 'prometheus'; uid: string } {
  return { type: datasourceType[server], uid: `\${${datasourceVariable}}` }
}

export function uidOf(server: Server, name: string): string {
  return `headroom-${server}-${name}`
}

/** The narrowest step. Agents measure every ten seconds, ESXi every twenty; roll-ups have a figure an hour. */
const minInterval = { points: '1m', rollUps: '1h' } as const

type AnyBuilder = TimeSeriesBuilder | StatBuilder | BarGaugeBuilder

export function panelOf(server: Server, spec: PanelSpec, id: number): Builder<Panel> {
  const { title, description, unit, shows } = spec
  const builder = empty(spec)
  builder
    .id(id)
    .title(title)
    .description(description)
    .unit(unit)
    .datasource(datasourceOf(server))
    .height(shows.as === 'number' ? 4 : 8)
    .span(spec.width ?? (shows.as === 'number' ? 6 : 12))
  const queries = 'queries' in shows ? shows.queries : []
  builder.interval(queries.some(({ tier }) => tier === '1h') ? minInterval.rollUps : minInterval.points)
  for (const [index, target] of targetsOf(server, spec).entries()) builder.withTarget(target(refIdOf(index)))
  // Headroom can be less than nothing.
  if (shows.as !== 'ranking' && !queries.some(({ lessReserve }) => lessReserve === true)) builder.min(0)
  const [query] = queries
  const to = query === undefined ? undefined : dashboardOf(query)
  if (to !== undefined) builder.dataLinks([linkTo(server, to)])
  return builder
}

function empty({ shows }: PanelSpec): AnyBuilder {
  switch (shows.as) {
    case 'number':
      return new StatBuilder()
        .graphMode(BigValueGraphMode.Area)
        .reduceOptions(new ReduceDataOptionsBuilder().calcs(['lastNotNull']))
    case 'ranking':
      return new BarGaugeBuilder()
        .orientation(VizOrientation.Horizontal)
        .reduceOptions(new ReduceDataOptionsBuilder().values(true).limit(25))
        .withTransformation({ id: 'organize', options: { excludeByName: { Time: true, uuid: true } } })
        .withTransformation({ id: 'sortBy', options: { sort: [{ field: 'value', desc: true }] } })
    case 'lines':
    case 'stacked lines': {
      const builder = new TimeSeriesBuilder()
        .fillOpacity(shows.as === 'lines' ? 5 : 30)
        .tooltip(new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi))
        .legend(
          new VizLegendOptionsBuilder()
            .showLegend(true)
            .displayMode(LegendDisplayMode.List)
            .placement(LegendPlacement.Bottom),
        )
      return shows.as === 'lines'
        ? builder
        : builder.stacking(new StackingConfigBuilder().mode(StackingMode.Normal).group('A'))
    }
  }
}

type Target = (refId: string) => Builder<Dataquery>

function targetsOf(server: Server, { shows }: PanelSpec): readonly Target[] {
  if ('metrics' in shows) {
    return shows.metrics.map(
      ({ expression, legend }) =>
        (refId) =>
          prometheusQuery(refId, expression, legend),
    )
  }
  if (shows.as === 'ranking') return shows.queries.map((query) => rankingTarget(server, query))
  return shows.queries.map((query) => (refId) => {
    if (server === 'victoriametrics') return prometheusQuery(refId, metricsQl(query), query.legend)
    const alias = query.legend.replaceAll(/\{(\w+)\}/g, '$tag_$1')
    return new InfluxQueryBuilder({
      refId,
      datasource: { type: 'influxdb', uid: datasourceOf(server).uid },
      query: influxQl(query),
      resultFormat: 'time_series',
      alias,
    })
  })
}

function rankingTarget(server: Server, query: Query): Target {
  return (refId) => {
    if (server === 'victoriametrics') {
      return new DataqueryBuilder()
        .refId(refId)
        .datasource(datasourceOf(server))
        .expr(metricsRanking(query))
        .instant()
        .format(PromQueryFormat.Table)
    }
    return new InfluxQueryBuilder({
      refId,
      datasource: { type: 'influxdb', uid: datasourceOf(server).uid },
      query: influxRanking(query),
      resultFormat: 'table',
    })
  }
}

function prometheusQuery(refId: string, expression: string, legend: string): DataqueryBuilder {
  return new DataqueryBuilder()
    .refId(refId)
    .datasource(datasourceOf('victoriametrics'))
    .expr(expression)
    .range()
    .legendFormat(legend.replaceAll(/\{(\w+)\}/g, '{{$1}}'))
}

function refIdOf(index: number): string {
  return String.fromCodePoint('A'.charCodeAt(0) + index)
}

/** Where the dashboard is that is about one series of a query. */
function dashboardOf({ kind, by }: Query): { name: 'vm' | 'host' | 'array'; label: string } | undefined {
  const labels: readonly string[] = by
  if (labels.includes('name') && (kind === 'vm' || kind === 'host' || kind === 'array')) {
    return { name: kind, label: 'name' }
  }
  const isOfHost = labels.includes('hostName') && measurements[kind].labels.some((label) => label === 'hostName')
  return isOfHost ? { name: 'host', label: 'hostName' } : undefined
}

function linkTo(server: Server, { name, label }: { name: string; label: string }): DashboardLinkBuilder {
  const value = `\${__field.labels.${label}}`
  const query = `var-${name}=${value}&var-${datasourceVariable}=\${${datasourceVariable}}&\${__url_time_range}`
  return new DashboardLinkBuilder(`Show this ${name === 'vm' ? 'VM' : name}`).url(`/d/${uidOf(server, name)}?${query}`)
}
