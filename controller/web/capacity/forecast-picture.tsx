import { utcDay } from '../../../common/utc-day.js'
import type { DemandForecastView } from '../../api/views.js'
import { formatDemand } from './forecast-words.js'

const size = { width: 640, height: 200 }
const frame = { left: 76, right: 8, top: 10, bottom: 24 }

/** A demand over time: what was, what is likely, between what it stays in eight cases of ten, and the limit. Its words stand beside it. */
export function ForecastPicture({ forecast }: { readonly forecast: DemandForecastView }) {
  const { history, told, limit, unit } = forecast
  const times = [...history.map(([at]) => at), ...told.map(([at]) => at)]
  const [from, to] = [Math.min(...times), Math.max(...times)]
  const top = 1.06 * Math.max(limit ?? 0, ...history.map(([, value]) => value), ...told.map(([, , , p90]) => p90))
  const x = (at: number): number =>
    frame.left + ((at - from) / Math.max(1, to - from)) * (size.width - frame.left - frame.right)
  const y = (value: number): number =>
    size.height - frame.bottom - (Math.max(0, value) / (top || 1)) * (size.height - frame.top - frame.bottom)
  const path = (points: readonly (readonly [number, number])[]): string =>
    points.map(([at, value], index) => `${index === 0 ? 'M' : 'L'}${x(at).toFixed(1)} ${y(value).toFixed(1)}`).join('')
  const upper = told.map(([at, , , p90]) => [at, p90] as const)
  const lower = told.map(([at, p10]) => [at, p10] as const)
  return (
    <svg class="forecast-picture" viewBox={`0 0 ${size.width} ${size.height}`} aria-hidden="true">
      {[0, 0.5, 1].map((share) => (
        <g key={share}>
          <line
            class="forecast-grid"
            x1={frame.left}
            x2={size.width - frame.right}
            y1={y(top * share)}
            y2={y(top * share)}
          />
          <text class="forecast-text" x={frame.left - 6} y={y(top * share) + 4} text-anchor="end">
            {formatDemand(top * share, unit)}
          </text>
        </g>
      ))}
      {told.length > 0 && (
        <path class="forecast-band" d={`${path(upper)}${path(lower.toReversed()).replace('M', 'L')}Z`} />
      )}
      <path class="forecast-past" d={path(history)} />
      <path class="forecast-likely" d={path(told.map(([at, , p50]) => [at, p50]))} />
      {limit !== undefined && (
        <line class="forecast-limit" x1={frame.left} x2={size.width - frame.right} y1={y(limit)} y2={y(limit)} />
      )}
      <text class="forecast-text" x={frame.left} y={size.height - 6}>
        {utcDay(from)}
      </text>
      <text class="forecast-text" x={size.width - frame.right} y={size.height - 6} text-anchor="end">
        {utcDay(to)}
      </text>
    </svg>
  )
}
