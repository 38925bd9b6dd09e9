/** Stands where data will be, in about its shape, until the first of it comes. */
export function Skeleton() {
  return (
    <div class="skeleton" role="status" aria-label="Loading the fleet">
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
