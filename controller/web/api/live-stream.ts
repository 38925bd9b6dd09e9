import { Backoff } from '../../../common/backoff.js'
import type { ChangeView, EventView } from '../../api/views.js'

/** The part of EventSource that is used; a test gives its own. */
export interface StreamSource {
  readonly readyState: number
  addEventListener(name: string, listener: (message: { readonly data?: unknown }) => void): void
  close(): void
}

export interface LiveStreamOptions {
  readonly connect: () => StreamSource
  readonly onChange: (change: ChangeView) => void
  readonly onEvent: (event: EventView) => void
  /** The connection broke or what it said could not be read; tries go on by themselves. */
  readonly onLost: () => void
  readonly random: () => number
  readonly setTimer: (work: () => void, ms: number) => number
  readonly clearTimer: (timer: number) => void
}

export interface LiveStream {
  /** Drops the connection and makes a new one at once: for a stream that is open but silent. */
  reopen(): void
  close(): void
}

const closed = 2 // EventSource.CLOSED

/**
 * Server-sent events with a memory for failure. The browser itself resumes a broken connection (with the last event id), but gives
 * up for good when the answer was an error; then, and when the data cannot be read, a new one is made after a backoff with jitter.
 */
export function openLiveStream(options: LiveStreamOptions): LiveStream {
  const backoff = new Backoff({ baseMs: 1000, capMs: 30_000 }, options.random)
  let source: StreamSource | undefined
  let timer: number | undefined
  let ended = false

  function connect(): void {
    timer = undefined
    const mine = options.connect()
    source = mine
    // After a reopen a late message of the old connection must not reach the state.
    const current = (): boolean => source === mine && !ended
    mine.addEventListener('change', (message) => {
      if (current()) deliver(message.data, isChange, options.onChange)
    })
    mine.addEventListener('happened', (message) => {
      if (current()) deliver(message.data, isEvent, options.onEvent)
    })
    mine.addEventListener('error', () => {
      if (!current()) return
      options.onLost()
      if (mine.readyState === closed) retryLater()
    })
  }

  function deliver<T>(data: unknown, isIt: (value: unknown) => value is T, use: (value: T) => void): void {
    const value = parse(data)
    if (!isIt(value)) {
      options.onLost()
      retryLater()
      return
    }
    backoff.reset()
    use(value)
  }

  function retryLater(): void {
    source?.close()
    source = undefined
    if (timer === undefined) timer = options.setTimer(connect, backoff.nextMs())
  }

  function drop(): void {
    if (timer !== undefined) options.clearTimer(timer)
    timer = undefined
    source?.close()
    source = undefined
  }

  connect()
  return {
    reopen() {
      if (ended) return
      drop()
      connect()
    },
    close() {
      ended = true
      drop()
    },
  }
}

function parse(data: unknown): unknown {
  if (typeof data !== 'string') return undefined
  try {
    const value: unknown = JSON.parse(data)
    return value
  } catch {
    return undefined
  }
}

const changeLists = [
  'hosts',
  'vms',
  'arrays',
  'agents',
  'alerts',
  'removedHosts',
  'removedVms',
  'removedArrays',
  'removedAlerts',
] as const

/** Enough to tell a change from an error page or a controller of another age; the fields inside are the controller's to check. */
function isChange(value: unknown): value is ChangeView {
  if (typeof value !== 'object' || value === null) return false
  const fields = new Map<string, unknown>(Object.entries(value))
  return (
    typeof fields.get('revision') === 'number' &&
    typeof fields.get('at') === 'number' &&
    changeLists.every((name) => Array.isArray(fields.get(name)))
  )
}

function isEvent(value: unknown): value is EventView {
  return typeof value === 'object' && value !== null && 'kind' in value && 'at' in value
}
