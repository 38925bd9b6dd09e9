import {
  AnnotationQueryBuilder,
  DashboardBuilder,
  DashboardCursorSync,
  DashboardLinkBuilder,
  DashboardLinkType,
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  RowBuilder,
  TextBoxVariableBuilder,
  VariableRefresh,
  VariableSort,
  type Dashboard,
} from '@grafana/grafana-foundation-sdk/dashboard'
import { DataqueryBuilder } from '@grafana/grafana-foundation-sdk/prometheus'

import { defaultPolicy } from '../../controller/policy/policy-file.js'
import { InfluxQueryBuilder } from './influx-query.js'
import { influxEvents, influxValues } from './influxql.js'
import { metricsEvents, metricsValues } from './metricsql.js'
import { datasourceOf, datasourceType, panelOf, uidOf } from './panel.js'
import { databaseVariable, datasourceVariable, reserveVariable, type Server, type VariableName } from './query.js'
import type { DashboardSpec } from './spec.js'
import { array } from './specs/array.js'
import { capacity } from './specs/capacity.js'
import { fleet } from './specs/fleet.js'
import { headroomItself } from './specs/headroom.js'
import { host } from './specs/host.js'
import { noisyNeighbours } from './specs/noisy-neighbours.js'
import { vm } from './specs/vm.js'

const tag = 'headroom'

export function dashboardSpecs(server: Server): readonly DashboardSpec[] {
  return [fleet, host, vm, array, noisyNeighbours, capacity, headroomItself(server)]
}

/** A dashboard as Grafana imports it. */
export function dashboardOf(server: Server, spec: DashboardSpec): Dashboard {
  const builder = new DashboardBuilder(spec.title)
    .uid(uidOf(server, spec.name))
    .description(spec.description)
    .tags([tag, `${tag}-${server}`])
    .timezone('browser')
    .time({ from: spec.from, to: 'now' })
    .refresh('30s')
    .tooltip(DashboardCursorSync.Crosshair)
    .editable()
    .link(
      new DashboardLinkBuilder('headroom')
        .type(DashboardLinkType.Dashboards)
        .tags([`${tag}-${server}`])
        .asDropdown(true)
        .includeVars(true)
        .keepTime(true),
    )
    .withVariable(new DatasourceVariableBuilder(datasourceVariable).label('Data source').type(datasourceType[server]))
  if (server === 'victoriametrics') builder.withVariable(databaseChoice())
  for (const name of spec.variables) builder.withVariable(choiceOf(server, name))
  if (spec.hasReserve === true) builder.withVariable(reserveChoice())
  if (spec.events !== undefined) builder.annotation(eventsOf(server, spec.events))
  let id = 0
  for (const row of spec.rows) {
    builder.withRow(new RowBuilder(row.title).id((id += 1)))
    for (const panel of row.panels) builder.withPanel(panelOf(server, panel, (id += 1)))
  }
  return builder.build()
}

const namesOf: Readonly<Record<VariableName, { kind: 'host' | 'vm' | 'array'; label: string }>> = {
  host: { kind: 'host', label: 'Host' },
  hosts: { kind: 'host', label: 'Hosts' },
  vm: { kind: 'vm', label: 'VM' },
  array: { kind: 'array', label: 'Array' },
}

function choiceOf(server: Server, variable: VariableName): QueryVariableBuilder {
  const { kind, label } = namesOf[variable]
  const builder = new QueryVariableBuilder(variable)
    .label(label)
    .datasource(datasourceOf(server))
    .query(server === 'influxdb' ? influxValues({ kind, name: 'name' }) : metricsValues({ kind, name: 'name' }))
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .sort(VariableSort.AlphabeticalCaseInsensitiveAsc)
  return variable === 'hosts' ? builder.multi(true).includeAll(true).allValue('.*') : builder
}

/** Several controllers may write to one server. */
function databaseChoice(): QueryVariableBuilder {
  return new QueryVariableBuilder(databaseVariable)
    .label('Database')
    .datasource(datasourceOf('victoriametrics'))
    .query(`label_values(host_info, db)`)
    .refresh(VariableRefresh.OnDashboardLoad)
}

function reserveChoice(): TextBoxVariableBuilder {
  const mebibytes = defaultPolicy.limits.hostReserveBytes / 2 ** 20
  return new TextBoxVariableBuilder(reserveVariable).label('Reserve of a host (MiB)').defaultValue(String(mebibytes))
}

function eventsOf(server: Server, where: Readonly<Record<string, VariableName>>): AnnotationQueryBuilder {
  const builder = new AnnotationQueryBuilder()
    .name('Events')
    .datasource(datasourceOf(server))
    .enable(true)
    .iconColor('orange')
  if (server === 'influxdb') {
    return builder.target(
      new InfluxQueryBuilder({
        refId: 'Events',
        datasource: { type: 'influxdb', uid: datasourceOf(server).uid },
        query: influxEvents(where),
        resultFormat: 'table',
        fromAnnotations: true,
        textColumn: 'text',
        tagsColumn: 'kind,vmName,hostName',
      }),
    )
  }
  return builder
    .target(new DataqueryBuilder().refId('Events').expr(metricsEvents(where)).range().interval('1m'))
    .titleFormat('{{vmName}}: {{kind}} ({{reason}})')
    .textFormat('on {{hostName}}')
    .tagKeys('kind,vmName,hostName')
    .useValueForTime(true)
}
