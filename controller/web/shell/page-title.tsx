import { useEffect, useRef } from 'preact/hooks'

/** The heading of a view: names the browser's tab, and takes the focus when one comes to the view, so that it is read out. */
export function PageTitle({ text }: { readonly text: string }) {
  const heading = useRef<HTMLHeadingElement>(null)
  useEffect(() => {
    document.title = `${text} · headroom`
  }, [text])
  useEffect(() => {
    // Not at the first view (it has no state, see usePath): there the browser's own order is right.
    if (history.state !== null) heading.current?.focus({ preventScroll: true })
  }, [])
  return (
    <h1 ref={heading} tabIndex={-1}>
      {text}
    </h1>
  )
}
