import { eventMeasurement, measurements } from '../../controller/store/measurements.js'
import { rankedEntities, reserveVariable, type Query, type VariableName } from './query.js'

/** Queries as InfluxQL, with Grafana's macros and variables. */

/** A subquery gives the figure of each entity in each step, and the query around it brings entities together. */
export function influxQl(query: Query): string {
  const { across = 'sum', by } = query
  const entities = `SELECT ${figure(query)} AS "figure" FROM ${source(query)} WHERE ${conditions(query)} GROUP BY ${['time($__interval)', ...identity(query)].join(', ')} fill(none)`
  return `SELECT ${across}("figure") AS "value" FROM (${entities}) WHERE $timeFilter GROUP BY ${['time($__interval)', ...by.map(quoted)].join(', ')} fill(none)`
}

export function influxRanking(query: Query): string {
  const names = identity(query)
  const entities = `SELECT ${figure(query)} AS "figure" FROM ${source(query)} WHERE ${conditions(query)} GROUP BY ${names.join(', ')}`
  return `SELECT top("figure", ${names.join(', ')}, ${rankedEntities}) AS "value" FROM (${entities}) WHERE $timeFilter`
}

/** Values of a name, for a variable. */
export function influxValues({ kind, name }: { readonly kind: string; readonly name: string }): string {
  return `SHOW TAG VALUES FROM ${quoted(kind)} WITH KEY = ${quoted(name)}`
}

export function influxEvents(where: Readonly<Record<string, VariableName>>): string {
  const chosen = Object.entries(where).map(([name, variable]) => isChosen(name, variable))
  const { name, text } = eventMeasurement
  return `SELECT ${quoted(text)}, "kind", "vmName", "hostName" FROM ${quoted(name)} WHERE ${[...chosen, '$timeFilter'].join(' AND ')}`
}

function figure(query: Query): string {
  const { minus, over, lessReserve } = query
  const one = aggregate(query, query.field)
  const parts = [one]
  if (minus !== undefined) parts.push('-', aggregate(query, minus))
  if (lessReserve === true) parts.push(`- $${reserveVariable} * 1048576`)
  if (over !== undefined) parts.push('/', aggregate(query, over))
  return parts.join(' ')
}

function aggregate({ figure = 'mean', tier }: Query, field: string): string {
  return `${figure}(${quoted(tier === undefined ? field : `${field}_mean`)})`
}

function source({ kind, tier }: Query): string {
  return tier === undefined ? quoted(kind) : `${quoted(tier)}.${quoted(`${kind}_${tier}`)}`
}

function conditions({ where = {} }: Query): string {
  const chosen = Object.entries(where).map(([name, variable]) => isChosen(name, variable))
  return [...chosen, '$timeFilter'].join(' AND ')
}

function isChosen(name: string, variable: VariableName): string {
  return `${quoted(name)} =~ /^\${${variable}:regex}$/`
}

function identity({ kind, by }: Query): string[] {
  return [...new Set<string>([...measurements[kind].tags, ...by])].map(quoted)
}

/** Names are this program's own: none has a quote. */
function quoted(name: string): string {
  return `"${name}"`
}
