import type { CounterIds, CounterName } from './counters.js'
import type { EntityAnswer } from './perf-text.js'
import { dateTime, leaf, refElement, wholeNumber, type MoRef } from './soap-message.js'

/** One counter of one thing: `instance` is empty for the entity as a whole. */
export interface Metric {
  readonly counter: CounterName
  readonly instance: string
}

/** Samples wanted of one VM or host. */
export interface PerfQuery {
  readonly entity: MoRef
  readonly metrics: readonly Metric[]
  /** Samples that end after this, on the server's clock; if absent the newest one. */
  readonly afterMs: number | undefined
  /** Samples that end no later than this. */
  readonly untilMs: number | undefined
}

/** What was counted in one interval, which ended at `atMs` on the server's clock. */
export interface PerfSample {
  readonly atMs: number
  readonly intervalMs: number
  /** By `metricKey`; a counter that was not measured is missing. */
  readonly values: ReadonlyMap<string, number>
}

/** Samples of one entity, oldest first. */
export interface EntitySamples {
  readonly entityId: string
  readonly samples: readonly PerfSample[]
  /**
   * A series was shorter than the list of samples, and not empty: some server leaves zeros out, and which ones cannot be
   * told. Its values are in none of the samples; asked for one sample at a time they are clear.
   */
  readonly unclear: boolean
}

export function metricKey(counter: string, instance: string): string {
  return `${counter}|${instance}`
}

/** Real-time samples are kept for an hour: never more are asked for. */
export const mostSamples = 180

/** The arguments of QueryPerf. Counters that this server does not have are left out. */
export function perfArguments(queries: readonly PerfQuery[], counters: CounterIds, intervalMs: number): string {
  return queries
    .map(({ entity, metrics, afterMs, untilMs }) => {
      const ids = metrics.flatMap(({ counter, instance }) => {
        const id = counters.get(counter)
        return id === undefined ? [] : `<metricId>${leaf('counterId', id)}${leaf('instance', instance)}</metricId>`
      })
      return (
        `<querySpec>${refElement('entity', entity)}` +
        (afterMs === undefined ? '' : leaf('startTime', new Date(afterMs).toISOString())) +
        (untilMs === undefined ? '' : leaf('endTime', new Date(untilMs).toISOString())) +
        leaf('maxSample', afterMs === undefined ? 1 : mostSamples) +
        `${ids.join('')}${leaf('intervalId', Math.round(intervalMs / 1000))}${leaf('format', 'normal')}</querySpec>`
      )
    })
    .join('')
}

/** The samples in an answer of QueryPerf. What makes no sense in it is left out. */
export function samplesIn(entities: readonly EntityAnswer[], counters: CounterIds): readonly EntitySamples[] {
  const names = new Map([...counters].map(([name, id]) => [String(id), name]))
  return entities.map((entity) => ({ entityId: entity.entityId, ...alignedSamples(entity, names) }))
}

function alignedSamples(
  { infos, series }: EntityAnswer,
  names: ReadonlyMap<string, string>,
): Omit<EntitySamples, 'entityId'> {
  const drafts = infos.map((info) => {
    const atMs = dateTime(info.timestamp)
    const seconds = wholeNumber(info.interval, 1)
    if (atMs === undefined || seconds === undefined || seconds > 3600) return undefined
    return { atMs, intervalMs: seconds * 1000, values: new Map<string, number>() }
  })
  let unclear = false
  for (const { counterId, instance, values } of series) {
    const name = names.get(counterId)
    if (name === undefined) continue
    const key = metricKey(name, instance)
    // None at all: all of them were 0.
    if (values.length > 0 && values.length !== infos.length) {
      unclear = true
      continue
    }
    for (const [index, draft] of drafts.entries()) {
      // -1 stands for "not measured".
      const value = values.length === 0 ? 0 : wholeNumber(values[index])
      if (value !== undefined) draft?.values.set(key, value)
    }
  }
  const byTime = new Map(drafts.flatMap((draft) => (draft === undefined ? [] : [[draft.atMs, draft] as const])))
  return { samples: [...byTime.values()].toSorted((a, b) => a.atMs - b.atMs), unclear }
}
