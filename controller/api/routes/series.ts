import { z } from 'zod'

import { entityKinds, fieldNames, isField, type EntityKind } from '../../store/measurements.js'
import { aggregations, type RangeQuery, type RangeResult, type TimeSeries } from '../../store/time-series.js'
import type { ApiApp } from '../app.js'
import { mergeArrayHosts } from '../array-series.js'
import { ApiError, shown } from '../errors.js'
import type { FleetViews } from '../fleet-views.js'
import { findByIdOrName } from '../lookup.js'
import { moment, resolveMoment, step } from '../moment.js'
import { storeQuery } from '../store-call.js'
import { seriesView } from '../views.js'
import { answers } from './answers.js'

interface SeriesRouteOptions {
  readonly views: FleetViews
  readonly store: Pick<TimeSeries, 'range'>
  readonly now: () => number
}

const mostFields = 50
const mostRows = 5000
/** The fastest lane writes a point a second: so long a range of stored points may be asked for. */
const mostRawMs = mostRows * 1000
/** Steps to choose from when none is asked for, so that a chart has at most 1000 rows. */
const niceStepsMs = [1, 10, 30, 60, 300, 900, 3600, 21_600, 86_400].map((seconds) => seconds * 1000)

const query = z.strictObject({
  entity: z
    .string()
    .max(1000)
    .describe(
      'vm:<uuid or name>, host:<id or name>, disk:<uuid>/<target>, nic:<uuid>/<device>, array:<key>, array:<key>/<host id>, file_system:<host id>/<mount>, storage:<host id>/<part>, array_cache:<box>',
    ),
  fields: z.string().max(4000).describe('names of metrics, separated by commas'),
  from: moment.prefault('-1h'),
  to: moment.prefault('now'),
  step: step.optional(),
  agg: z.enum(aggregations).default('mean'),
})

export function addSeriesRoute(app: ApiApp, { views, store, now }: SeriesRouteOptions): void {
  app.get(
    '/api/v1/series',
    {
      schema: {
        summary: 'History of one entity',
        description: 'Rows of time and values. Without a step one is chosen for at most 1000 rows.',
        querystring: query,
        response: answers(seriesView),
      },
    },
    async ({ query }) => {
      const { kind, id } = parseEntity(query.entity, views)
      const at = now()
      const fromMs = Math.floor(resolveMoment(query.from, at))
      const toMs = Math.ceil(resolveMoment(query.to, at))
      requireOrder(fromMs, toMs)
      const stepMs = query.step ?? niceStep(toMs - fromMs)
      requireFewRows(toMs - fromMs, stepMs)
      const range = { fields: parseFields(query.fields, kind), fromMs, toMs, stepMs, agg: query.agg }
      const { fields, rows } = await storeQuery(queryEntity(store, views, kind, id, range))
      if (rows.length > mostRows) throw tooManyRows(rows.length)
      return { entity: `${kind}:${id}`, fields: [...fields], stepMs, rows: rows.map((row) => [...row]) }
    },
  )
}

/** An array's own history is that of each host that uses it; asked for as a whole they are put together. */
async function queryEntity(
  store: Pick<TimeSeries, 'range'>,
  views: FleetViews,
  kind: EntityKind,
  id: string,
  range: Omit<RangeQuery, 'entity'>,
): Promise<RangeResult> {
  const array = kind === 'array' ? views.current().snapshot.arrays.get(id) : undefined
  if (array === undefined) return store.range({ entity: { kind, id }, ...range })
  const results = await Promise.all(
    array.hostIds.map((hostId) => store.range({ entity: { kind, id: `${id}/${hostId}` }, ...range })),
  )
  return mergeArrayHosts(range.fields, results)
}

/** Names stand for what has them now; any id is taken as it is, for what is gone has a history too. */
function parseEntity(text: string, views: FleetViews): { readonly kind: EntityKind; readonly id: string } {
  const colon = text.indexOf(':')
  const kind = entityKinds.find((name) => name === text.slice(0, Math.max(0, colon)))
  const id = text.slice(colon + 1)
  if (kind === undefined || id === '') {
    throw new ApiError('request-invalid', 'entity: expected a kind and an id, such as vm:<uuid>', {
      field: 'entity',
      expected: entityKinds.map((name) => `${name}:…`).join(' or '),
      got: shown(text),
    })
  }
  const { hosts, vms } = views.current()
  if (kind === 'vm' && isNameOf(id, vms)) return { kind, id: findByIdOrName('VM', 'vm-unknown', vms, id).uuid }
  if (kind === 'host' && isNameOf(id, hosts)) return { kind, id: findByIdOrName('host', 'host-unknown', hosts, id).id }
  return { kind, id }
}

function isNameOf(text: string, entities: ReadonlyMap<string, { readonly name: string }>): boolean {
  return !entities.has(text) && [...entities.values()].some(({ name }) => name === text)
}

function parseFields(text: string, kind: EntityKind): string[] {
  const fields = [...new Set(text.split(','))]
  if (fields.length > mostFields) {
    throw new ApiError('request-invalid', `fields: expected at most ${mostFields}, got ${fields.length}`, {
      field: 'fields',
      expected: `at most ${mostFields}`,
      got: String(fields.length),
    })
  }
  const unknown = fields.find((field) => !isField(kind, field))
  if (unknown === undefined) return fields
  throw unknownField('fields', kind, unknown)
}

/** The error of a metric that the kind does not have. */
export function unknownField(parameter: string, kind: EntityKind, field: string): ApiError {
  return new ApiError('field-unknown', `a ${kind} has no metric ${shown(field)}`, {
    field: parameter,
    expected: fieldNames(kind).join(', '),
    got: shown(field),
  })
}

function requireOrder(fromMs: number, toMs: number): void {
  if (fromMs < toMs) return
  throw new ApiError('request-invalid', 'from: expected a moment before `to`', {
    field: 'from',
    expected: `before ${toMs}`,
    got: String(fromMs),
  })
}

function requireFewRows(spanMs: number, stepMs: number): void {
  if (stepMs === 0 && spanMs > mostRawMs) {
    throw new ApiError('range-too-long', `points as stored are answered for at most ${mostRawMs / 60_000} minutes`, {
      field: 'step',
      expected: `at least ${niceStep(spanMs)}`,
      got: '0',
    })
  }
  if (stepMs > 0 && spanMs / stepMs > mostRows) throw tooManyRows(Math.ceil(spanMs / stepMs))
}

function tooManyRows(rows: number): ApiError {
  return new ApiError('range-too-long', `the answer would have ${rows} rows, more than ${mostRows}`, {
    field: 'step',
    expected: 'a wider step or a shorter range',
    got: `${rows} rows`,
  })
}

function niceStep(spanMs: number): number {
  return niceStepsMs.find((ms) => spanMs / ms <= 1000) ?? Math.ceil(spanMs / 1000)
}
