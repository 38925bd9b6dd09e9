import { eventMeasurement, measurements } from '../../controller/store/measurements.js'
import { databaseVariable, rankedEntities, reserveVariable, type Query, type VariableName } from './query.js'

/** Queries as MetricsQL, with Grafana's macros and variables. */

const database = `db="$${databaseVariable}"`
/** Names come once a minute. */
const namesWithin = '5m'

export function metricsQl(query: Query): string {
  const { across = 'sum', by } = query
  return `${across}(${named(query, '$__interval', namesWithin)}) by (${by.join(', ')})`
}

export function metricsRanking(query: Query): string {
  return `topk(${rankedEntities}, ${named(query, '$__range', '$__range')})`
}

/** Values of a name, for a variable. */
export function metricsValues({ kind, name }: { readonly kind: string; readonly name: string }): string {
  return `label_values(${kind}_info{${database}}, ${name})`
}

/** The time of an event is the value, in milliseconds. */
export function metricsEvents(where: Readonly<Record<string, VariableName>>): string {
  const { name, field } = eventMeasurement
  const labels = [database, ...Object.entries(where).map(([label, variable]) => isChosen(label, variable))]
  return `tlast_over_time(${name}_${field}{${labels.join(',')}}[1m]) * 1000`
}

/** The figure of each entity, with those labels that are asked for: their series is joined, the newest where a name has just changed. */
function named(query: Query, window: string, namesWindow: string): string {
  const { kind, by, where = {} } = query
  const tags: readonly string[] = measurements[kind].tags
  const chosen = Object.entries(where).map(([label, variable]) => isChosen(label, variable))
  const labels = by.filter((name) => !tags.includes(name))
  const value = figure(query, window)
  if (labels.length === 0 && chosen.length === 0) return value
  const info = `${kind}_info{${[database, ...chosen].join(',')}}`
  const identity = tags.join(', ')
  return `${value} * on(${identity}) group_left(${labels.join(', ')}) (topk(1, tlast_over_time(${info}[${namesWindow}])) by (${identity}) > bool 0)`
}

function figure(query: Query, window: string): string {
  const { field, minus, over, lessReserve } = query
  const parts = [overTime(query, field, window)]
  if (minus !== undefined) parts.push('-', overTime(query, minus, window))
  if (lessReserve === true) parts.push(`- $${reserveVariable} * 1048576`)
  if (over !== undefined) parts.push('/', overTime(query, over, window))
  return parts.length === 1 ? parts.join('') : `(${parts.join(' ')})`
}

const functions = {
  mean: 'avg_over_time',
  max: 'max_over_time',
  last: 'last_over_time',
  count: 'count_over_time',
} as const satisfies Record<NonNullable<Query['figure']>, string>

function overTime({ kind, tier, figure = 'mean' }: Query, field: string, window: string): string {
  if (tier === undefined) return `${functions[figure]}(${kind}_${field}{${database}}[${window}])`
  // A window of an hour is one sample or several within it, of which the last counts: each is looked at from its beginning.
  const hours = `last_over_time(${kind}_${tier}_${field}_mean{${database}}[1h] offset -3599999ms)`
  return `${functions[figure]}(${hours}[${window}:1h])`
}

/** Grafana escapes what is chosen, as a pattern where several may be. */
function isChosen(label: string, variable: VariableName): string {
  return variable === 'hosts' ? `${label}=~"$${variable}"` : `${label}="$${variable}"`
}
