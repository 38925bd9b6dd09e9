import type { Server } from '../query.js'
import type { DashboardSpec, MetricQuery, PanelSpec, RowSpec, Unit } from '../spec.js'

const arrivals: RowSpec = {
  title: 'What arrives in the store',
  panels: [
    {
      title: 'Hosts',
      description: 'Hosts with figures in the step. A host that is silent is missing here.',
      unit: 'short',
      shows: {
        as: 'number',
        queries: [{ kind: 'host', field: 'memoryBytes', across: 'count', by: [], legend: 'hosts' }],
      },
    },
    {
      title: 'VMs',
      description: 'VMs with figures in the step, running or not.',
      unit: 'short',
      shows: { as: 'number', queries: [{ kind: 'vm', field: 'running', across: 'count', by: [], legend: 'VMs' }] },
    },
    {
      title: 'Disks',
      description:
        'Disks with figures in the step. Disks are missing whose host cannot measure them, and those of VMs that do not run.',
      unit: 'short',
      shows: {
        as: 'number',
        queries: [{ kind: 'disk', field: 'writeBytesPerSecond', across: 'count', by: [], legend: 'disks' }],
      },
    },
    {
      title: 'Arrays',
      description: 'Arrays with figures in the step, once for each host.',
      unit: 'short',
      shows: {
        as: 'number',
        queries: [{ kind: 'array', field: 'writeBytesPerSecond', across: 'count', by: [], legend: 'arrays' }],
      },
    },
    {
      title: 'Figures of each host',
      description:
        'How often each host told of itself in a step: a line that sinks says that its agent skips, or that reports are late.',
      unit: 'short',
      width: 24,
      shows: {
        as: 'lines',
        queries: [{ kind: 'host', field: 'memoryBytes', figure: 'count', by: ['name'], legend: '{name}' }],
      },
    },
  ],
}

function lines(title: string, description: string, unit: Unit, ...metrics: readonly MetricQuery[]): PanelSpec {
  return { title, description, unit, shows: { as: 'lines', metrics } }
}

function rate(metric: string, by = ''): string {
  return `sum(rate(${metric}[$__rate_interval]))${by === '' ? '' : ` by (${by})`}`
}

/** The controller's own `/metrics`, which Prometheus or VictoriaMetrics scrape. */
const programs: readonly RowSpec[] = [
  {
    title: 'The controller, by its /metrics',
    panels: [
      {
        title: 'Store',
        description: '1 while it takes data and keeps itself in order. Absent while nothing scrapes the controller.',
        unit: 'short',
        shows: { as: 'number', metrics: [{ expression: 'headroom_store_ok', legend: 'ok' }] },
      },
      {
        title: 'Size of the store',
        description: 'Of its files, its queue included. Absent while nothing scrapes the controller.',
        unit: 'bytes',
        shows: { as: 'number', metrics: [{ expression: 'headroom_store_size_bytes', legend: 'size' }] },
      },
      {
        title: 'Agents',
        description: 'Open sessions. Absent while nothing scrapes the controller.',
        unit: 'short',
        shows: { as: 'number', metrics: [{ expression: 'headroom_ingest_sessions', legend: 'sessions' }] },
      },
      {
        title: 'Resident memory',
        description: 'Of the controller. Absent while nothing scrapes it.',
        unit: 'bytes',
        shows: {
          as: 'number',
          metrics: [{ expression: 'process_resident_memory_bytes{job="headroom-controller"}', legend: 'memory' }],
        },
      },
      lines('Reports', 'Taken per second, by lane.', 'cps', {
        expression: rate('headroom_ingest_reports_total', 'lane'),
        legend: '{lane}',
      }),
      lines('Reports not durable yet', 'That wait for the store in memory. Agents hold what is beyond.', 'short', {
        expression: 'headroom_ingest_unstored_reports',
        legend: 'waiting',
      }),
      lines(
        'The queue before a server',
        'Points that the server has not taken, and those that it would lose in a crash. Absent with the embedded store.',
        'short',
        { expression: 'headroom_store_queue_waiting_points', legend: 'waiting' },
        { expression: 'headroom_store_queue_held_points', legend: 'held' },
      ),
      lines(
        'Losses',
        'Points given up or refused by the server, reports that can never be stored, per second. All are to be 0.',
        'cps',
        { expression: rate('headroom_store_queue_dropped_points_total'), legend: 'given up' },
        { expression: rate('headroom_store_refused_points_total'), legend: 'refused' },
        { expression: rate('headroom_ingest_unstorable_reports_total'), legend: 'unstorable' },
      ),
      lines('CPU of the controller', 'Cores. Absent while nothing scrapes it.', 'short', {
        expression: rate('process_cpu_seconds_total{job="headroom-controller"}'),
        legend: 'cores',
      }),
      lines(
        'Event loop',
        'Delay that 99 % of its rounds do not exceed. Absent while nothing scrapes the controller.',
        's',
        {
          expression: 'nodejs_eventloop_lag_p99_seconds{job="headroom-controller"}',
          legend: 'p99',
        },
      ),
    ],
  },
]

/** InfluxDB 1.x scrapes nothing: there the dashboard has what arrives, and the rest is in the controller's `/metrics`. */
export function headroomItself(server: Server): DashboardSpec {
  const rest =
    server === 'influxdb'
      ? 'InfluxDB does not read /metrics: queue, refusals and losses are there, for a Prometheus (dashboards/victoriametrics/headroom.json).'
      : 'The second part needs a scrape of the controller (deploy/victoriametrics/scrape.yaml).'
  return {
    name: 'headroom',
    title: 'headroom: itself',
    description: `Whether figures arrive, and how the controller is. ${rest}`,
    variables: [],
    from: 'now-6h',
    rows: server === 'influxdb' ? [arrivals] : [arrivals, ...programs],
  }
}
