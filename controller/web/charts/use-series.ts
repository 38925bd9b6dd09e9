import { useContext, useEffect, useMemo, useState } from 'preact/hooks'
import { PageContext, usePage } from '../state/page-context.js'
import { rareFields } from './chart-specs.js'
import { appendLive, beginningOf, drawnTable, emptyTable, rowOf, withHistory } from './series-table.js'
import type { DrawnTable } from './series-table.js'

/** The span that charts show, and the shortest while there is less: a fleet of a minute is not a dot at the edge. */
export const windowMs = 3_600_000
export const shortestWindowMs = 300_000
const stepMs = 10_000

/** The live side of an entity: its newest metrics and when they were read. */
export interface LiveMetrics {
  readonly at: number | undefined
  readonly metrics: Readonly<Record<string, number>>
}

export interface Series {
  readonly fields: readonly string[]
  readonly drawn: DrawnTable
  /** When its first value was, ms. */
  readonly beginning: number | undefined
  readonly status: 'loading' | 'ready' | 'failed'
  readonly problem: string
}

/**
 * The last hour of an entity: stored history, then live values as they come. History is fetched again after the live stream was lost,
 * for what was missed. `fields` must be the same array each time.
 */
export function useSeries(entity: string, fields: readonly string[], live: LiveMetrics): Series {
  const { client, clock, store } = useContext(PageContext)
  const streams = usePage((state) => state.streams)
  const [table, setTable] = useState(() => emptyTable(fields))
  const [outcome, setOutcome] = useState<Pick<Series, 'status' | 'problem'>>({ status: 'loading', problem: '' })

  useEffect(() => {
    let wanted = true
    const toMs = clock() + (store.get().clockLeadMs ?? 0)
    void client.series({ entity, fields, fromMs: toMs - windowMs, toMs, stepMs }).then((answer) => {
      if (!wanted || answer.status === 'signed-out') return
      if (answer.status === 'ok') {
        const rows = aligned(fields, answer.value.fields, answer.value.rows)
        setTable((current) => withHistory(current, rows))
        setOutcome({ status: 'ready', problem: '' })
      } else {
        setOutcome({ status: 'failed', problem: answer.message })
      }
    })
    return () => {
      wanted = false
    }
  }, [client, clock, store, entity, fields, streams])

  useEffect(() => {
    const { at, metrics } = live
    if (at === undefined) return
    setTable((current) => appendLive(current, rowOf(fields, at, metrics), stepMs, at - windowMs))
  }, [live.at, live.metrics, fields])

  const drawn = useMemo(() => drawnTable(table, stepMs, rareFields), [table])
  return { fields, drawn, beginning: beginningOf(table), ...outcome }
}

/** Rows in the order of the fields asked for: an answer may leave out fields that it does not know. */
function aligned(
  wanted: readonly string[],
  given: readonly string[],
  rows: readonly (readonly (number | null)[])[],
): (number | null)[][] {
  const places = wanted.map((field) => given.indexOf(field))
  return rows.map((row) => [
    row[0] ?? Number.NaN,
    ...places.map((place) => (place < 0 ? null : (row[place + 1] ?? null))),
  ])
}
