import type uPlot from 'uplot'
import { formatFigure, formatMinute } from '../format/figures.js'
import type { Unit } from '../format/figures.js'
import { lonePoints } from './series-table.js'

/** Resolves a CSS colour such as `var(--line-1)` to what a canvas understands. */
export type ColourOf = (css: string) => string

export interface PlotSpec {
  readonly unit: Unit
  readonly lines: number
  /** Drawn across the chart. */
  readonly limit?: number | undefined
  /** Lines, by their places, between which the chart is filled. */
  readonly band?: readonly [upper: number, lower: number] | undefined
  readonly size: { readonly width: number; readonly height: number }
  /** Limits of the time axis, ms; asked at each redraw. */
  readonly timeRange: () => [number, number]
  readonly colourOf: ColourOf
  readonly onCursor: (index: number | undefined) => void
}

/** Lines differ by dash as well as by colour. The legend draws the same patterns. */
export const dashes: readonly (readonly number[])[] = [[], [6, 3], [2, 3], [10, 3, 2, 3]]

/** A flat line at 0 still needs an axis: its top, by unit. */
const smallestTop = {
  memory: 2 ** 20,
  bytes: 1000,
  'bytes/s': 1000,
  '1/s': 1,
  ms: 1,
  cores: 0.1,
  fraction: 0.05,
  count: 1,
} as const satisfies Record<Unit, number>

/** Steps of the time axis, ms: from a minute to an hour. */
const timeIncrements = [1, 2, 5, 10, 15, 20, 30, 60].map((minutes) => minutes * 60_000)
const binaryIncrements = Array.from({ length: 50 }, (_, power) => 2 ** power)

/** Options of uPlot for a chart of the page: times in ms, an axis from 0, one cursor shared by all charts. */
export function plotOptions(spec: PlotSpec): uPlot.Options {
  const axis = {
    stroke: () => spec.colourOf('var(--muted)'),
    grid: { stroke: () => spec.colourOf('var(--grid)'), width: 1 },
    ticks: { show: false },
    font: '11px system-ui, sans-serif',
  }
  return {
    ...spec.size,
    ms: 1,
    padding: [8, 22, 0, 0],
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false }, sync: { key: 'time', scales: ['x', null] }, points: { size: 7 } },
    scales: {
      x: { time: true, range: () => spec.timeRange() },
      y: { range: (_, __, max) => [0, Math.max(Math.max(max, spec.limit ?? 0) * 1.08, smallestTop[spec.unit])] },
    },
    axes: [
      { ...axis, size: 26, space: 56, incrs: timeIncrements, values: (_, splits) => splits.map(formatMinute) },
      {
        ...axis,
        size: 68,
        space: 34,
        values: (_, splits) => splits.map((value) => formatFigure(value, spec.unit)),
        ...(spec.unit === 'memory' ? { incrs: binaryIncrements } : {}),
      },
    ],
    series: [{}, ...Array.from({ length: spec.lines }, (_, index) => lineOptions(index, spec.colourOf))],
    ...(spec.band === undefined
      ? {}
      : {
          bands: [
            {
              series: [spec.band[0] + 1, spec.band[1] + 1],
              fill: () => spec.colourOf('color-mix(in srgb, var(--line-1) 22%, transparent)'),
            },
          ],
        }),
    hooks: {
      setCursor: [(plot) => spec.onCursor(plot.cursor.idx ?? undefined)],
      draw: [(plot) => drawLimit(plot, spec)],
    },
  }
}

function lineOptions(index: number, colourOf: ColourOf): uPlot.Series {
  const colour = (): string => colourOf(`var(--line-${index + 1})`)
  return {
    stroke: colour,
    width: 1.6,
    dash: [...(dashes[index % dashes.length] ?? [])],
    spanGaps: false,
    points: {
      show: true,
      size: 4,
      stroke: colour,
      fill: colour,
      filter: (plot, seriesIndex) => lonePoints([...(plot.data[seriesIndex] ?? [])]),
    },
  }
}

function drawLimit(plot: uPlot, { limit, colourOf }: PlotSpec): void {
  if (limit === undefined) return
  const { ctx, bbox } = plot
  const y = plot.valToPos(limit, 'y', true)
  ctx.save()
  ctx.strokeStyle = colourOf('var(--bad)')
  ctx.lineWidth = 1.5 * devicePixelRatio
  ctx.setLineDash([4 * devicePixelRatio, 4 * devicePixelRatio])
  ctx.beginPath()
  ctx.moveTo(bbox.left, y)
  ctx.lineTo(bbox.left + bbox.width, y)
  ctx.stroke()
  ctx.restore()
}
