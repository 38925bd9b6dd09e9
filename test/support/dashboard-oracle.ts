import { measurements } from '../../controller/store/measurements.js'
import { isKeptToMillionths, toMillionths } from '../../controller/store/embedded/precision.js'
import type { Point } from '../../controller/store/time-series.js'
import type { Query, Server } from '../../dashboards/source/query.js'

/** Time of a step, and what each series has there. Series by the values of `by`, joined by a space. */
export type Answer = ReadonlyMap<number, ReadonlyMap<string, number>>

export interface Asked {
  readonly fromMs: number
  readonly toMs: number
  readonly stepMs: number
  /** Values of the names in `where`; undefined: all. */
  readonly chosen: Readonly<Record<string, string | undefined>>
  readonly reserveBytes: number
}

type Figures = Map<string, { by: string; values: Map<string, number[]> }>

/** Answers the queries of dashboards from the points themselves, by brute force. */
export class DashboardOracle {
  readonly #points = new Map<string, Point[]>()

  /** Times, shares and CPU use are stored to a millionth of their unit. */
  add(points: readonly Point[]): void {
    for (const { fields, ...point } of points) {
      const { kind } = point.entity
      const stored = Object.entries(fields).map(([field, value]) => {
        return [field, isKeptToMillionths(kind, field) ? toMillionths(value) : value] as const
      })
      const ofKind = this.#points.get(kind) ?? []
      this.#points.set(kind, ofKind)
      ofKind.push({ ...point, fields: Object.fromEntries(stored) })
    }
  }

  /** InfluxDB's steps begin at their time; those of MetricsQL end there, but for roll-ups, which are known by their beginning in both. */
  overTime(server: Server, query: Query, asked: Asked): Answer {
    const { stepMs } = asked
    const endsThere = server === 'victoriametrics' && query.tier === undefined
    const stepOf = (atMs: number): number => (endsThere ? Math.ceil(atMs / stepMs) : Math.floor(atMs / stepMs)) * stepMs
    const steps = new Map<number, Figures>()
    for (const point of this.#of(query, asked)) {
      const atMs = stepOf(point.atMs)
      if (atMs < asked.fromMs || atMs > asked.toMs) continue
      const figures: Figures = steps.get(atMs) ?? new Map()
      steps.set(atMs, figures)
      take(figures, point, query)
    }
    return new Map([...steps].map(([atMs, figures]) => [atMs, across(query, entities(query, figures, asked))] as const))
  }

  /** All entities, the greatest first. */
  ranking(query: Query, asked: Asked): readonly [name: string, value: number][] {
    const figures: Figures = new Map()
    for (const point of this.#of(query, asked)) take(figures, point, query)
    return entities(query, figures, asked)
      .map(({ by, value }): [string, number] => [by, value])
      .sort((a, b) => b[1] - a[1])
  }

  #of({ kind, where = {} }: Query, { fromMs, toMs, chosen }: Asked): Point[] {
    return (this.#points.get(kind) ?? []).filter((point) => {
      if (point.atMs < fromMs || point.atMs > toMs) return false
      return Object.entries(where).every(([name, variable]) => {
        const wanted = chosen[variable]
        return wanted === undefined || nameOf(point, name) === wanted
      })
    })
  }
}

function take(figures: Figures, point: Point, { by }: Query): void {
  const group = by.map((name) => nameOf(point, name) ?? '').join(' ')
  const key = `${point.entity.id} ${group}`
  const figure = figures.get(key) ?? { by: group, values: new Map<string, number[]>() }
  figures.set(key, figure)
  for (const [field, value] of Object.entries(point.fields)) {
    const values = figure.values.get(field) ?? []
    figure.values.set(field, values)
    values.push(value)
  }
}

/** Labels and tags alike. */
function nameOf({ entity: { kind, id }, labels = {} }: Point, name: string): string | undefined {
  const tags: readonly string[] = measurements[kind].tags
  const at = tags.indexOf(name)
  if (at < 0) return labels[name]
  const slash = kind === 'array' ? id.lastIndexOf('/') : id.indexOf('/')
  return tags.length === 1 ? id : at === 0 ? id.slice(0, slash) : id.slice(slash + 1)
}

function entities(query: Query, figures: Figures, { reserveBytes }: Asked): { by: string; value: number }[] {
  return [...figures.values()].flatMap(({ by, values }) => {
    const figure = (field: string): number | undefined => figureOf(query, values.get(field) ?? [])
    let value = figure(query.field)
    if (query.minus !== undefined) value = both(value, figure(query.minus), (a, b) => a - b)
    if (query.over !== undefined) value = both(value, figure(query.over), (a, b) => a / b)
    if (query.lessReserve === true) value = both(value, reserveBytes, (a, b) => a - b)
    return value === undefined ? [] : { by, value }
  })
}

function both(
  a: number | undefined,
  b: number | undefined,
  together: (a: number, b: number) => number,
): number | undefined {
  return a === undefined || b === undefined ? undefined : together(a, b)
}

function figureOf({ figure = 'mean' }: Query, values: readonly number[]): number | undefined {
  if (values.length === 0) return undefined
  switch (figure) {
    case 'mean':
      return values.reduce((sum, value) => sum + value, 0) / values.length
    case 'max':
      return Math.max(...values)
    case 'last':
      return values.at(-1)
    case 'count':
      return values.length
  }
}

function across({ across: how = 'sum' }: Query, found: readonly { by: string; value: number }[]): Map<string, number> {
  const series = new Map<string, number[]>()
  for (const { by, value } of found) series.set(by, [...(series.get(by) ?? []), value])
  return new Map([...series].map(([by, values]) => [by, together(how, values)] as const))
}

function together(how: NonNullable<Query['across']>, values: readonly number[]): number {
  switch (how) {
    case 'sum':
      return values.reduce((sum, value) => sum + value, 0)
    case 'min':
      return Math.min(...values)
    case 'max':
      return Math.max(...values)
    case 'count':
      return values.length
  }
}
