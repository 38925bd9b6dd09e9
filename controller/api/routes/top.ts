import { z } from 'zod'

import { valueOf, type Metric } from '../../model/snapshot.js'
import { isField, type EntityKind } from '../../store/measurements.js'
import { aggregations, type TimeSeries } from '../../store/time-series.js'
import type { ApiApp } from '../app.js'
import { ApiError } from '../errors.js'
import type { FleetViews, ViewSet } from '../fleet-views.js'
import { findByIdOrName } from '../lookup.js'
import { count, moment, resolveMoment } from '../moment.js'
import { storeQuery } from '../store-call.js'
import { topView, type TopView } from '../views.js'
import { unknownField } from './series.js'
import { answers } from './answers.js'

interface TopRouteOptions {
  readonly views: FleetViews
  readonly store: Pick<TimeSeries, 'topN'>
  readonly now: () => number
}

const kinds = ['vm', 'host', 'disk'] as const satisfies readonly EntityKind[]
type TopKind = (typeof kinds)[number]

type Metrics = Readonly<Record<string, Metric>>
type TopRows = TopView['rows']

/** Short names of orders that people ask for. Those of two metrics exist live only. */
const orders: Readonly<Record<string, string | ((metrics: Metrics) => number | undefined)>> = {
  cpu: 'cpuCores',
  memory: 'memoryBytes',
  read: 'readBytesPerSecond',
  write: 'writeBytesPerSecond',
  requests: (metrics) => {
    const read = valueOf(metrics['readRequestsPerSecond'])
    const write = valueOf(metrics['writeRequestsPerSecond'])
    return read === undefined && write === undefined ? undefined : (read ?? 0) + (write ?? 0)
  },
  latency: (metrics) => valueOf(metrics['writeLatencyMs']) ?? valueOf(metrics['readLatencyMs']),
}

const query = z.strictObject({
  by: z
    .string()
    .max(100)
    .default('cpu')
    .describe(`name of a metric, or one of ${Object.keys(orders).join(', ')}`),
  n: count(1000).prefault('10'),
  kind: z.enum(kinds).default('vm'),
  array: z.string().max(300).describe('key or name of an array: only VMs, disks and hosts that use it').optional(),
  from: moment.describe('history from this moment on, instead of live figures').optional(),
  to: moment.optional(),
  agg: z.enum(aggregations).default('mean').describe('what of the history counts'),
})

export function addTopRoute(app: ApiApp, { views, store, now }: TopRouteOptions): void {
  app.get(
    '/api/v1/top',
    {
      schema: { summary: 'Who uses most, highest first', querystring: query, response: answers(topView) },
    },
    async ({ query: { by, n, kind, array, from, to, agg } }) => {
      const order = Object.hasOwn(orders, by) && kind === 'vm' ? orders[by] : by
      const current = views.current()
      if (order === undefined || (typeof order === 'string' && !isField(kind, order)))
        throw unknownField('by', kind, by)
      const ids = array === undefined ? undefined : usersOf(current, kind, array)
      if (from === undefined && to === undefined) {
        const value = typeof order === 'string' ? (metrics: Metrics) => valueOf(metrics[order]) : order
        return { by, at: now(), rows: liveRows(current, kind, value, ids).slice(0, n) }
      }
      if (typeof order !== 'string') throw liveOnly(by)
      const toMs = resolveMoment(to ?? { beforeNowMs: 0 }, now())
      const fromMs = resolveMoment(from ?? { atMs: 0 }, now())
      const top = await storeQuery(store.topN({ kind, field: order, agg, fromMs, toMs, n, ...(ids && { ids }) }))
      return { by, at: toMs, rows: top.map(({ id, value }) => ({ ...describeEntity(current, kind, id), value })) }
    },
  )
}

/** Ids of what uses an array. */
function usersOf({ arrays, snapshot }: ViewSet, kind: TopKind, keyOrName: string): ReadonlySet<string> {
  const { key } = findByIdOrName('array', 'array-unknown', arrays, keyOrName)
  const array = snapshot.arrays.get(key)
  if (kind === 'host') return new Set(array?.hostIds)
  if (kind === 'disk') return new Set(array?.diskIds)
  return new Set(array?.diskIds.flatMap((id) => snapshot.disks.get(id)?.vmUuid ?? []))
}

function liveRows(
  current: ViewSet,
  kind: TopKind,
  valueIn: (metrics: Metrics) => number | undefined,
  ids: ReadonlySet<string> | undefined,
): TopRows {
  const { hosts, vms, disks } = current.snapshot
  const rows: TopRows = []
  for (const [id, { metrics }] of { vm: vms, host: hosts, disk: disks }[kind]) {
    const value = ids?.has(id) === false ? undefined : valueIn(metrics)
    if (value !== undefined) rows.push({ ...describeEntity(current, kind, id), value })
  }
  return rows.sort((a, b) => b.value - a.value || (a.name < b.name ? -1 : 1))
}

/** Names for an id; what is gone meanwhile is called by its id. A disk is called `<vm> <target>`. */
function describeEntity(current: ViewSet, kind: TopKind, id: string): { uuid: string; name: string; host: string } {
  if (kind === 'host') {
    const name = current.hosts.get(id)?.name ?? id
    return { uuid: id, name, host: name }
  }
  const [uuid = id, target] = kind === 'disk' ? id.split('/') : [id]
  const vm = current.vms.get(uuid)
  const name = vm?.name ?? uuid
  return { uuid: id, name: target === undefined ? name : `${name} ${target}`, host: vm?.host ?? '' }
}

function liveOnly(by: string): ApiError {
  return new ApiError('field-unknown', `${by} is an order of live figures only`, {
    field: 'by',
    expected: 'the name of one metric',
    got: by,
  })
}
