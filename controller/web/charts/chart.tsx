import { useContext, useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks'
import uPlot from 'uplot'
import { formatFigure, formatTime } from '../format/figures.js'
import { Known } from '../parts/figure.js'
import { PageContext } from '../state/page-context.js'
import type { ChartSpec } from './chart-specs.js'
import { dashes, plotOptions } from './plot-options.js'
import { summaryOf } from './series-table.js'
import { shortestWindowMs, windowMs } from './use-series.js'
import type { Series } from './use-series.js'

const height = 168
/** So that the time axis goes on while nothing comes. */
const redrawMs = 5000

export interface ChartProps {
  readonly spec: ChartSpec
  readonly series: Series
  /** Why a field is not measured, by field. */
  readonly absent: Readonly<Record<string, string>>
}

/** A chart of one unit with its lines' values in a table below: at the cursor or the latest, and the least and most of the hour. */
export function Chart({ spec, series, absent }: ChartProps) {
  const [cursor, setCursor] = useState<number | undefined>(undefined)
  const columns = useMemo(
    () => spec.lines.map((line) => series.drawn.columns[series.fields.indexOf(line.field)] ?? []),
    [spec, series.fields, series.drawn],
  )
  const { canvas, holder } = usePlot(spec, series, columns, setCursor)
  const pointed = cursor === undefined ? undefined : series.drawn.times[cursor]
  const empty = columns.every((column) => summaryOf(column).max === undefined)

  return (
    <figure class="chart" aria-label={`${spec.title}, last hour`}>
      <figcaption>{spec.title}</figcaption>
      <div class="chart-canvas" ref={holder}>
        <div ref={canvas} aria-hidden="true" />
        {empty && <p class="chart-note">{noteOf(spec, series, absent)}</p>}
      </div>
      <table class="chart-values">
        <thead>
          <tr>
            <th scope="col">
              <span class="visually-hidden">line</span>
            </th>
            <th scope="col">{pointed === undefined ? 'latest' : formatTime(pointed, pointed)}</th>
            <th scope="col">min</th>
            <th scope="col">max</th>
          </tr>
        </thead>
        <tbody>
          {spec.lines.map((line, index) => {
            const { latest, min, max } = summaryOf(columns[index] ?? [])
            const shown = cursor === undefined ? latest : columns[index]?.[cursor]
            return (
              <tr key={line.field}>
                <th scope="row">
                  <LineSample index={index} />
                  {line.label}
                </th>
                <td>
                  <Known text={formatFigure(shown, spec.unit)} reason={absent[line.field]} />
                </td>
                <td>{formatFigure(min, spec.unit)}</td>
                <td>{formatFigure(max, spec.unit)}</td>
              </tr>
            )
          })}
          {spec.limit !== undefined && (
            <tr>
              <th scope="row">limit</th>
              <td>{formatFigure(spec.limit, spec.unit)}</td>
              <td />
              <td />
            </tr>
          )}
        </tbody>
      </table>
    </figure>
  )
}

function noteOf(spec: ChartSpec, series: Series, absent: ChartProps['absent']): string {
  if (series.status === 'loading') return 'loading the last hour…'
  if (series.status === 'failed') return `no history: ${series.problem}`
  const reason = spec.lines.map((line) => absent[line.field]).find((text) => text !== undefined)
  return reason ?? 'nothing measured in the last hour'
}

function LineSample({ index }: { readonly index: number }) {
  return (
    <svg class={`line-sample line-${index + 1}`} viewBox="0 0 22 6" width="22" height="6" aria-hidden="true">
      <line
        x1="0"
        y1="3"
        x2="22"
        y2="3"
        stroke="currentColor"
        stroke-width="2"
        stroke-dasharray={dashes[index]?.join(' ')}
      />
    </svg>
  )
}

/** Owns one uPlot: made once, fed with data, sized by its holder, gone with the component. */
function usePlot(
  spec: ChartSpec,
  series: Series,
  columns: readonly (readonly (number | null | undefined)[])[],
  onCursor: (index: number | undefined) => void,
) {
  const { clock, store } = useContext(PageContext)
  const canvas = useRef<HTMLDivElement>(null)
  const holder = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot | undefined>(undefined)
  const beginning = useRef(series.beginning)
  beginning.current = series.beginning

  useLayoutEffect(() => {
    const [target, frame] = [canvas.current, holder.current]
    if (target === null || frame === null) return
    const probe = document.createElement('span')
    probe.hidden = true
    frame.append(probe)
    const made = new uPlot(
      plotOptions({
        unit: spec.unit,
        limit: spec.limit,
        band: spec.band,
        lines: spec.lines.length,
        size: { width: Math.max(120, frame.clientWidth), height },
        timeRange: () => {
          const now = clock() + (store.get().clockLeadMs ?? 0)
          const longest = now - windowMs
          return [Math.max(longest, Math.min(beginning.current ?? longest, now - shortestWindowMs)), now]
        },
        colourOf: (css) => {
          probe.style.color = css
          return getComputedStyle(probe).color
        },
        onCursor,
      }),
      [[], ...spec.lines.map(() => [])],
      target,
    )
    plot.current = made
    const resized = new ResizeObserver(() => made.setSize({ width: Math.max(120, frame.clientWidth), height }))
    resized.observe(frame)
    const timer = setInterval(() => made.setData(made.data), redrawMs)
    const themed = watchTheme(() => made.redraw(false, true))
    return () => {
      clearInterval(timer)
      resized.disconnect()
      themed()
      made.destroy()
      probe.remove()
      plot.current = undefined
    }
  }, [spec, clock, store, onCursor])

  useEffect(() => {
    plot.current?.setData([[...series.drawn.times], ...columns.map((column) => [...column])])
  }, [series.drawn, columns])

  return { canvas, holder }
}

/** Calls back when the colours of the page change: by the system or by the page's own switch. */
function watchTheme(changed: () => void): () => void {
  const system = matchMedia('(prefers-color-scheme: dark)')
  system.addEventListener('change', changed)
  const own = new MutationObserver(changed)
  own.observe(document.documentElement, { attributes: true, attributeFilter: ['data-theme'] })
  return () => {
    system.removeEventListener('change', changed)
    own.disconnect()
  }
}
