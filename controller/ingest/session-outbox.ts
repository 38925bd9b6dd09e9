/** Where a session's messages go: as much of a stream as is needed. */
export interface Outlet<Message> {
  readonly writableNeedDrain: boolean
  readonly writableEnded: boolean
  readonly destroyed: boolean
  write(message: Message): unknown
  on(event: 'drain', listener: () => void): unknown
}

/**
 * What is sent to one agent. For one that does not read it holds no more than the newest word on each thing: it says all that those
 * before it said.
 */
export class SessionOutbox<Message> {
  readonly #newest = new Map<string, Message>()
  #dropped = 0

  constructor(
    private readonly outlet: Outlet<Message>,
    private readonly mostWaiting = 4096,
  ) {
    outlet.on('drain', () => this.#flush())
  }

  /** Messages that wait. */
  get waiting(): number {
    return this.#newest.size
  }

  /** Messages for which there was no room: the agent tells again what is not acked. */
  get dropped(): number {
    return this.#dropped
  }

  /** Whether the agent has not read what was sent: what can wait should. */
  get isBehind(): boolean {
    return this.outlet.writableNeedDrain
  }

  /** At once; for the few that each count. */
  send(message: Message): void {
    if (!this.#isOver) this.outlet.write(message)
  }

  /** In the place of what waits on the same thing. */
  say(thing: string, message: Message): void {
    if (this.#isOver) return
    if (!this.outlet.writableNeedDrain) this.outlet.write(message)
    else if (this.#newest.size < this.mostWaiting || this.#newest.has(thing)) this.#newest.set(thing, message)
    else this.#dropped += 1
  }

  /** What waits on a thing that the agent names no more. */
  forget(thing: string): void {
    this.#newest.delete(thing)
  }

  get #isOver(): boolean {
    return this.outlet.writableEnded || this.outlet.destroyed
  }

  #flush(): void {
    for (const [thing, message] of this.#newest) {
      if (this.#isOver || this.outlet.writableNeedDrain) return
      this.#newest.delete(thing)
      this.outlet.write(message)
    }
  }
}
