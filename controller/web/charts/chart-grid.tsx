import { useId } from 'preact/hooks'
import { Chart } from './chart.js'
import type { ChartSpec } from './chart-specs.js'
import { useSeries } from './use-series.js'
import type { LiveMetrics, Series } from './use-series.js'

export interface ChartGridProps {
  readonly entity: string
  /** `Last hour`, if left out. */
  readonly title?: string
  readonly charts: readonly ChartSpec[]
  readonly fields: readonly string[]
  readonly live: LiveMetrics
  /** Why a field is not measured, by field. */
  readonly absent: Readonly<Record<string, string>>
}

/** The charts of an entity, side by side where there is room, with one cursor for all. */
export function ChartGrid({ entity, title = 'Last hour', charts, fields, live, absent }: ChartGridProps) {
  const titleId = useId()
  const series = useSeries(entity, fields, live)
  const shown = charts.filter((chart) => chart.optional !== true || hasAny(chart, series))
  return (
    <section aria-labelledby={titleId}>
      <h2 id={titleId}>{title}</h2>
      <div class={shown.length % 4 === 0 ? 'chart-grid by-four' : 'chart-grid'}>
        {shown.map((chart) => (
          <Chart key={chart.id} spec={chart} series={series} absent={absent} />
        ))}
      </div>
    </section>
  )
}

function hasAny(chart: ChartSpec, series: Series): boolean {
  return chart.lines.some((line) =>
    series.drawn.columns[series.fields.indexOf(line.field)]?.some((value) => typeof value === 'number'),
  )
}
