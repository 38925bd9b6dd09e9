import type { AnchorHTMLAttributes } from 'preact'
import { useContext } from 'preact/hooks'
import { Navigate } from './navigation.js'

/** A link to another view: a plain click stays in the page; a click with a modifier or another button is the browser's. */
export function Link({ href, ...rest }: AnchorHTMLAttributes & { readonly href: string }) {
  const navigate = useContext(Navigate)
  const follow = (event: MouseEvent): void => {
    if (event.defaultPrevented || event.button !== 0) return
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return
    event.preventDefault()
    navigate(href)
  }
  return <a href={href} onClick={follow} {...rest} />
}
