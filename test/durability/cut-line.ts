import { connect, createServer, type Server, type Socket } from 'node:net'

/** A TCP connection that can be cut in one moment: nothing that is under way arrives. */
export class CutLine {
  readonly #sockets = new Set<Socket>()
  #isUp = true

  private constructor(
    private readonly server: Server,
    readonly port: number,
  ) {}

  /** Listens on a free port of this machine and passes on to another. */
  static async open(to: number): Promise<CutLine> {
    const server = createServer((near) => line.#join(near, to))
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', () => resolve())
    })
    const address = server.address()
    const line = new CutLine(server, typeof address === 'object' && address !== null ? address.port : 0)
    return line
  }

  /** Ends what is open, and refuses what comes. */
  cut(): void {
    this.#isUp = false
    for (const socket of this.#sockets) socket.destroy()
  }

  mend(): void {
    this.#isUp = true
  }

  async close(): Promise<void> {
    this.cut()
    await new Promise<void>((resolve) => {
      this.server.close(() => resolve())
    })
  }

  #join(near: Socket, to: number): void {
    if (!this.#isUp) {
      near.destroy()
      return
    }
    const far = connect(to, '127.0.0.1')
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#sockets.add(one)
      one.on('error', () => other.destroy())
      one.on('close', () => {
        this.#sockets.delete(one)
        other.destroy()
      })
      one.pipe(other)
    }
  }
}
