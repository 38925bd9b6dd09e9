import type { ComponentChildren } from 'preact'
import { absent } from '../format/figures.js'

/** A figure with its name, and what is to be known about it below. */
export function Figure({
  label,
  value,
  note,
}: {
  readonly label: string
  readonly value: ComponentChildren
  readonly note?: ComponentChildren
}) {
  return (
    <div class="figure">
      <dt>{label}</dt>
      <dd>
        <span class="figure-value">{value}</span>
        {note !== undefined && note !== '' && <span class="figure-note">{note}</span>}
      </dd>
    </div>
  )
}

/** A cell's figure; one that is not known says why. */
export function Known({ text, reason }: { readonly text: string; readonly reason: string | undefined }) {
  if (text !== absent) return <>{text}</>
  const why = reason ?? 'not measured'
  return (
    <span class="absent" title={why}>
      <span aria-hidden="true">{absent}</span>
      <span class="visually-hidden">{why}</span>
    </span>
  )
}
