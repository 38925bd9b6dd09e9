import { connect, createServer, type Socket } from 'node:net'

export interface SlowLine {
  readonly port: number
  close(): Promise<void>
}

/** A TCP port of this machine that passes everything on to another, each way `delayMs` later. */
export async function openSlowLine(to: number, delayMs: number): Promise<SlowLine> {
  const sockets = new Set<Socket>()
  const server = createServer((near) => {
    const far = connect(to, '127.0.0.1')
    const join = (one: Socket, other: Socket): void => {
      sockets.add(one)
      one.on('data', (bytes) => setTimeout(() => other.write(bytes), delayMs))
      one.on('error', () => other.destroy())
      one.on('close', () => {
        sockets.delete(one)
        other.destroy()
      })
    }
    join(near, far)
    join(far, near)
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve())
  })
  const address = server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    async close() {
      for (const socket of sockets) socket.destroy()
      await new Promise<void>((resolve) => {
        server.close(() => resolve())
      })
    },
  }
}
