import type { ServerResponse } from 'node:http'

import type { ViewSet } from './fleet-views.js'
import { difference, nothingSent, type Sent } from './view-diff.js'
import type { ChangeView, EventView } from './views.js'

export interface StreamLimits {
  /** Most entities in one event, so that a large fleet arrives in parts. */
  readonly entitiesPerChange: number
  /** Most events that wait for a client that does not read; then the oldest goes. */
  readonly waitingEvents: number
  /** A client with more than this unread is disconnected. */
  readonly bufferedBytes: number
}

/**
 * One open event stream. A client that does not read as fast as the fleet changes loses nothing: it is sent the difference to what it has
 * once it reads again. Only single events may be dropped, and are counted.
 */
export class StreamClient {
  readonly #sent: Sent = nothingSent()
  readonly #waiting: EventView[] = []
  #latest: ViewSet | undefined
  /** True while the socket has not taken what was written. */
  #blocked = false
  #started = false
  #blockedBeats = 0

  constructor(
    private readonly response: ServerResponse,
    private readonly limits: StreamLimits,
    private readonly onEventDropped: () => void,
  ) {
    response.on('drain', () => {
      this.#blocked = false
      this.#blockedBeats = 0
      this.#sendEvents()
      // A part of a set is followed by the rest at once; a newer set waits for its turn.
      if (this.#sent.whole === undefined) this.#sendChanges()
    })
  }

  /** Takes the current state and what happened since the call before. */
  update(latest: ViewSet, events: readonly EventView[]): void {
    this.#latest = latest
    this.#waiting.push(...events)
    while (this.#waiting.length > this.limits.waitingEvents) {
      this.#waiting.shift()
      this.onEventDropped()
    }
    this.#sendChanges()
    this.#sendEvents()
  }

  /** True if it holds up too much: more unread than allowed. */
  get overBuffered(): boolean {
    return this.#blocked && this.response.writableLength > this.limits.bufferedBytes
  }

  /** A sign of life. False if what was written before the last one has still not been read. */
  beat(): boolean {
    if (this.#blocked) {
      this.#blockedBeats += 1
      return this.#blockedBeats < 2
    }
    this.#write(': still here\n\n')
    return true
  }

  /** Ends the stream at once, read or not. */
  close(): void {
    if (this.#blocked) this.response.destroy()
    else this.response.end()
  }

  #sendChanges(): void {
    while (this.#latest !== undefined && !this.#blocked) {
      const change = difference(this.#latest, this.#sent, this.limits.entitiesPerChange, !this.#started)
      if (change === undefined) return
      this.#started = true
      this.#write(eventText('change', change.revision, changeText(change)))
    }
  }

  #sendEvents(): void {
    const revision = this.#latest?.snapshot.revision ?? 0
    while (!this.#blocked) {
      const event = this.#waiting.shift()
      if (event === undefined) return
      this.#write(eventText('happened', revision, JSON.stringify(event)))
    }
  }

  #write(text: string): void {
    if (!this.response.write(text)) this.#blocked = true
  }
}

function eventText(name: string, revision: number, data: string): string {
  return `id: ${revision}\nevent: ${name}\ndata: ${data}\n\n`
}

/** Text of each view once, however many clients get it. */
const texts = new WeakMap<object, string>()

function viewText(view: object): string {
  let text = texts.get(view)
  if (text === undefined) {
    text = JSON.stringify(view)
    texts.set(view, text)
  }
  return text
}

function changeText({ hosts, vms, arrays, agents, alerts, ...rest }: ChangeView): string {
  const lists = Object.entries({ hosts, vms, arrays, agents, alerts })
    .map(([name, views]) => `,"${name}":[${views.map(viewText).join(',')}]`)
    .join('')
  return `${JSON.stringify(rest).slice(0, -1)}${lists}}`
}
