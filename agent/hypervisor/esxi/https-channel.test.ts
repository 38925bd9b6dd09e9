import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'

import { afterEach, expect, test, vi } from 'vitest'

import { HttpsChannel, type Trust } from './https-channel.js'

let server: Server | undefined
const sockets = new Set<Socket>()

afterEach(() => {
  for (const socket of sockets) socket.destroy()
  server?.close()
})

/** Takes connections and says nothing, as a host does whose management service hangs. */
async function silentServer(): Promise<URL> {
  server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.on('close', () => sockets.delete(socket))
    socket.resume()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  return new URL(`https://127.0.0.1:${typeof address === 'object' ? address?.port : 0}/sdk`)
}

test.each<Trust>([{ by: 'thumbprint', sha256: 'AB' }, { by: 'system' }])(
  'a server that never answers the handshake ($by) keeps no connections',
  async (trust) => {
    const channel = new HttpsChannel(await silentServer(), trust, 300)
    const options = { soapAction: undefined, cookie: undefined, deadlineMs: 150, maxBytes: 1000 }
    const tries = Array.from({ length: 3 }, () => channel.post('x', options, new AbortController().signal))
    for (const outcome of await Promise.allSettled(tries)) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: { name: 'HypervisorUnavailable' } })
    }
    await vi.waitFor(() => expect(sockets.size).toBe(0), { timeout: 2000 })
    channel.close()
  },
)
