/** Where a session's messages go: as much of a stream as is needed. */
export interface Outlet<Message> {
  readonly writableNeedDrain: boolean
  readonly writableEnded: boolean
  readonly destroyed: boolean
  write(message: Message): unknown
  on(event: 'drain', listener: () => void): unknown
}

/**
 * What is sent to one agent. For one that does not read it holds no more than the newest ack of each spool: an ack says all that
 * those before it said.
 */
export class SessionOutbox<Message> {
  readonly #acks = new Map<string, Message>()

  constructor(private readonly outlet: Outlet<Message>) {
    outlet.on('drain', () => this.#flush())
  }

  /** Acks that wait. */
  get waiting(): number {
    return this.#acks.size
  }

  /** Whether the agent has not read what was sent: what can wait should. */
  get isBehind(): boolean {
    return this.outlet.writableNeedDrain
  }

  send(message: Message): void {
    if (!this.#isOver) this.outlet.write(message)
  }

  ack(spoolId: string, ack: Message): void {
    if (this.#isOver) return
    if (this.outlet.writableNeedDrain) this.#acks.set(spoolId, ack)
    else this.outlet.write(ack)
  }

  /** What waits for a spool that the agent names no more. */
  forget(spoolId: string): void {
    this.#acks.delete(spoolId)
  }

  get #isOver(): boolean {
    return this.outlet.writableEnded || this.outlet.destroyed
  }

  #flush(): void {
    for (const [spoolId, ack] of this.#acks) {
      if (this.#isOver || this.outlet.writableNeedDrain) return
      this.#acks.delete(spoolId)
      this.outlet.write(ack)
    }
  }
}
