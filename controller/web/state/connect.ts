import type { SessionView } from '../../api/views.js'
import type { ApiClient, Answer } from '../api/client.js'
import { openLiveStream } from '../api/live-stream.js'
import type { LiveStream } from '../api/live-stream.js'
import { addEvents, applyChange, applyPoll, streamLost } from './page-state.js'
import type { PageState } from './page-state.js'
import { judgeSilence } from './silence.js'
import type { Behind } from './silence.js'
import type { Store } from './store.js'

/** How often figures that the stream does not carry are asked for; also the watch on a stream that is open but silent. */
const pollMs = 5000
/** Events say that headline figures changed; a burst of them asks once. */
const nudgeMs = 400
const historyLimit = 100

/**
 * Keeps the state fed: first the polled figures (which also tell whether there is a session), then history and the live stream.
 * Returns the stop; whoever hears from the client that the session is gone calls it.
 */
export function connect(store: Store<PageState>, client: ApiClient, clock: () => number): () => void {
  let stopped = false
  let stream: LiveStream | undefined
  let timer = 0
  let polling = false
  let behind: Behind
  let knowsMe = false

  function stop(): void {
    stopped = true
    clearTimeout(timer)
    stream?.close()
  }

  function schedule(ms: number): void {
    clearTimeout(timer)
    if (!stopped) timer = window.setTimeout(() => void poll(), ms)
  }

  async function poll(): Promise<void> {
    if (polling) return
    polling = true
    const [fleet, capacity] = await Promise.all([client.fleet(), client.capacity()])
    polling = false
    if (stopped) return
    const figures = { fleet: valueOf(fleet), capacity: valueOf(capacity), problem: problemOf(fleet) }
    store.update((state) => applyPoll(state, figures, clock()))
    if (fleet.status === 'ok') {
      if (!knowsMe) askWho()
      if (stream === undefined) openStream()
      else watch(stream, fleet.value.revision)
    } else if (fleet.status === 'unreachable') {
      store.update(streamLost)
      stream?.reopen() // it begins with everything, so that the page knows when it is live again
    }
    schedule(pollMs * (0.9 + 0.2 * Math.random()))
  }

  function askWho(): void {
    void client.ask<SessionView>('/session').then((answer) => {
      if (stopped || answer.status !== 'ok') return
      knowsMe = true
      store.update((state) => ({ ...state, me: answer.value }))
    })
  }

  function watch(open: LiveStream, revision: number): void {
    const verdict = judgeSilence(behind, store.get().revision, revision, clock())
    behind = verdict.behind
    if (verdict.dead) open.reopen()
  }

  function openStream(): void {
    void client.eventHistory(historyLimit).then((answer) => {
      if (!stopped && answer.status === 'ok') store.update((state) => addEvents(state, answer.value))
    })
    stream = openLiveStream({
      connect: () => new EventSource('/api/v1/events'),
      onChange: (change) => store.update((state) => applyChange(state, change, clock())),
      onEvent: (event) => {
        store.update((state) => addEvents(state, [event]))
        schedule(nudgeMs)
      },
      onLost: () => {
        store.update(streamLost)
        schedule(nudgeMs) // finds out whether the session ended
      },
      random: Math.random,
      setTimer: (work, ms) => window.setTimeout(work, ms),
      clearTimer: (id) => clearTimeout(id),
    })
  }

  void poll()
  return stop
}

function valueOf<T>(answer: Answer<T>): T | undefined {
  return answer.status === 'ok' ? answer.value : undefined
}

function problemOf(answer: Answer<unknown>): string {
  return answer.status === 'refused' || answer.status === 'unreachable' ? answer.message : ''
}
