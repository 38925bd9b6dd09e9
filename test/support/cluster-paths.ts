import { createServer, request, type IncomingMessage } from 'node:http'

/**
 * Stands in for vminsert and vmselect, which Debian does not have: takes their paths, `/insert/0/…` and `/select/0/prometheus/…`, and gives
 * a single node its own. Hand-written: what a cluster does with many storage nodes it does not show.
 */
export async function startClusterPaths(
  singleNodeUrl: string,
): Promise<{ readonly url: string; stop(): Promise<void> }> {
  const node = new URL(singleNodeUrl)
  const server = createServer((incoming, answer) => {
    const path = /^\/insert\/0(\/influx\/write.*)$|^\/select\/0\/prometheus(\/api\/v1\/.*)$/.exec(incoming.url ?? '')
    if (path === null) {
      answer.writeHead(400).end(`unsupported path ${incoming.url}`)
      return
    }
    const passed = request(
      {
        host: node.hostname,
        port: node.port,
        method: incoming.method,
        path: path[1] ?? path[2],
        headers: incoming.headers,
      },
      (reply: IncomingMessage) => {
        answer.writeHead(reply.statusCode ?? 500, reply.headers)
        reply.pipe(answer)
      },
    )
    passed.on('error', () => answer.writeHead(502).end())
    incoming.pipe(passed)
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no address')
  return {
    url: `http://127.0.0.1:${address.port}`,
    async stop() {
      server.closeAllConnections()
      await new Promise((resolve) => {
        server.close(resolve)
      })
    },
  }
}
