import { useState } from 'preact/hooks'

/** A button that asks once more in its own place, and names what it is about. */
export function ConfirmButton({
  label,
  about,
  onConfirm,
}: {
  readonly label: string
  readonly about: string
  readonly onConfirm: () => void
}) {
  const [asks, setAsks] = useState(false)
  if (!asks)
    return (
      <button type="button" class="action" aria-label={`${label} ${about}`} onClick={() => setAsks(true)}>
        {label}
      </button>
    )
  return (
    <span class="ask-buttons">
      <button
        type="button"
        class="action action-destructive"
        onClick={() => {
          setAsks(false)
          onConfirm()
        }}
      >
        {label} {about}, really
      </button>
      <button type="button" class="action" onClick={() => setAsks(false)}>
        Leave it
      </button>
    </span>
  )
}
