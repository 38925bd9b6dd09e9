import { useContext, useEffect, useMemo, useRef, useState } from 'preact/hooks'
import { Navigate } from '../routing/navigation.js'
import { usePage } from '../state/page-context.js'
import { searchHits } from './search-hits.js'

const most = 12

/** Search over all that the page knows, from everywhere by the key `/`. */
export function Search() {
  const navigate = useContext(Navigate)
  const field = useRef<HTMLInputElement>(null)
  const [text, setText] = useState('')
  const [at, setAt] = useState(0)
  useSlashKey(() => field.current?.focus())
  const hits = useHits(text)
  const chosen = hits[Math.min(at, hits.length - 1)]
  function go(path: string): void {
    setText('')
    field.current?.blur()
    navigate(path)
  }
  function onKey(event: KeyboardEvent): void {
    if (event.key === 'ArrowDown') setAt(Math.min(at + 1, hits.length - 1))
    else if (event.key === 'ArrowUp') setAt(Math.max(at - 1, 0))
    else if (event.key === 'Enter' && chosen !== undefined) go(chosen.path)
    else if (event.key === 'Escape') setText('')
    else return
    event.preventDefault()
  }
  return (
    <div class="find" role="search">
      <input
        ref={field}
        type="text"
        role="combobox"
        aria-label="Find a VM, host, array, alert or view"
        aria-autocomplete="list"
        aria-expanded={text !== ''}
        aria-controls={text === '' ? undefined : 'find-hits'}
        aria-activedescendant={chosen === undefined ? undefined : `find-${hits.indexOf(chosen)}`}
        placeholder="Find: /"
        autocomplete="off"
        spellcheck={false}
        value={text}
        onInput={(event) => {
          setText(event.currentTarget.value)
          setAt(0)
        }}
        onKeyDown={onKey}
        onBlur={() => setText('')}
      />
      {text !== '' && (
        <ul id="find-hits" class="find-hits" role="listbox" aria-label="What was found">
          {hits.map((hit, index) => (
            <li
              key={`${hit.kind} ${hit.path}`}
              id={`find-${index}`}
              role="option"
              aria-selected={hit === chosen}
              // Before the field loses the focus, and the list with it.
              onPointerDown={(event) => {
                event.preventDefault()
                go(hit.path)
              }}
            >
              <span>{hit.name}</span>{' '}
              <span class="muted">
                {hit.kind} {hit.note}
              </span>
            </li>
          ))}
          {hits.length === 0 && (
            <li role="option" aria-selected={false} aria-disabled={true} class="muted">
              Nothing is named so.
            </li>
          )}
        </ul>
      )}
    </div>
  )
}

function useHits(text: string): ReturnType<typeof searchHits> {
  const vms = usePage((state) => state.vms)
  const hosts = usePage((state) => state.hosts)
  const arrays = usePage((state) => state.arrays)
  const alerts = usePage((state) => state.alerts)
  return useMemo(() => searchHits(text, { vms, hosts, arrays, alerts }, most), [text, vms, hosts, arrays, alerts])
}

/** Not where somebody types. */
function useSlashKey(act: () => void): void {
  useEffect(() => {
    const listen = (event: KeyboardEvent): void => {
      const { target } = event
      const types =
        target instanceof HTMLElement && target.matches('input, textarea, select, [contenteditable], .xterm *')
      if (event.key !== '/' || event.ctrlKey || event.metaKey || event.altKey || types) return
      event.preventDefault()
      act()
    }
    addEventListener('keydown', listen)
    return () => removeEventListener('keydown', listen)
  }, [])
}
