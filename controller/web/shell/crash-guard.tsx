import type { ComponentChildren } from 'preact'
import { useErrorBoundary } from 'preact/hooks'

/** A mistake in one view must not leave an empty page: it is said, and the way back works. */
export function CrashGuard({ children }: { readonly children: ComponentChildren }) {
  const [error] = useErrorBoundary()
  if (error === undefined) return <>{children}</>
  return (
    <div class="message" role="alert">
      <h1>This view failed</h1>
      <p>{error instanceof Error ? error.message : 'It could not be drawn.'}</p>
      <p>
        <a href="/">Reload the page</a>
      </p>
    </div>
  )
}
