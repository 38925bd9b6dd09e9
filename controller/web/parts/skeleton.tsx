/** Stands where data will be, in about its shape, until the first of it comes. `alone`: there is no heading yet either. */
export function Skeleton({ alone = false }: { readonly alone?: boolean }) {
  return (
    <div class="skeleton" role="status" aria-label="Loading the fleet">
      {alone && <h1 class="visually-hidden">Loading</h1>}
      <div class="skeleton-row">
        <span />
        <span />
        <span />
        <span />
      </div>
      <div class="skeleton-bar" />
      <div class="skeleton-bar" />
      <div class="skeleton-bar" />
    </div>
  )
}
