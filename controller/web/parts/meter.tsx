import type { ComponentChildren } from 'preact'

/** A small bar of a share (0 to 1) with its figure in words beside it. An unknown share has no bar. */
export function Meter({
  label,
  share,
  text,
}: {
  readonly label: string
  readonly share: number | undefined
  readonly text: string
}) {
  if (share === undefined) return <MeterFrame label={label} text={text} />
  const percent = Math.round(Math.min(1, Math.max(0, share)) * 100)
  return (
    <MeterFrame label={label} text={text}>
      <div
        class={`meter-track ${percent >= 90 ? 'full' : ''}`}
        role="meter"
        aria-label={label}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={percent}
        aria-valuetext={text}
      >
        <div class="meter-fill" style={{ width: `${percent}%` }} />
      </div>
    </MeterFrame>
  )
}

/** Heat in five steps (`ioHeat`). */
export function HeatMeter({
  label,
  heat,
  text,
}: {
  readonly label: string
  readonly heat: number
  readonly text: string
}) {
  return (
    <MeterFrame label={label} text={text}>
      <div
        class="heat"
        role="meter"
        aria-label={label}
        aria-valuemin={0}
        aria-valuemax={5}
        aria-valuenow={heat}
        aria-valuetext={text}
      >
        {[1, 2, 3, 4, 5].map((step) => (
          <span key={step} class={step <= heat ? `on heat-${step}` : undefined} />
        ))}
      </div>
    </MeterFrame>
  )
}

function MeterFrame({
  label,
  text,
  children,
}: {
  readonly label: string
  readonly text: string
  readonly children?: ComponentChildren
}) {
  return (
    <div class="meter">
      <span class="meter-label" aria-hidden="true">
        {label}
      </span>
      {children ?? <div class="meter-track unknown" />}
      <span class="meter-text">{text}</span>
    </div>
  )
}
