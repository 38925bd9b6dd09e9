/**
 * A controller that means no good, in a process of its own, with the certificate of the real one: agents listen to it. It welcomes them, acks what they
 * report, and sends what its parent says. Told by messages, answers with what agents say.
 */
import { Metadata, Server, ServerCredentials, type ServerDuplexStream } from '@grpc/grpc-js'

import { AgentService, ToAgent, type FromAgent } from '../../proto/gen/headroom/v1/agent.js'

export type ToMalicious =
  | {
      readonly type: 'listen'
      readonly port: number
      readonly caPem: string
      readonly privateKeyPem: string
      readonly chainPem: string
    }
  /** A message to the agent: as it is, or its bytes. */
  | { readonly type: 'send'; readonly message: ToAgent['message'] | Uint8Array }

export type FromMalicious =
  | { readonly type: 'listening' }
  | { readonly type: 'heard'; readonly message: NonNullable<FromAgent['message']> }

let open: ServerDuplexStream<FromAgent, Buffer> | undefined

function tell(message: FromMalicious): void {
  process.send?.(message)
}

function send(message: ToAgent['message'] | Uint8Array): void {
  if (open === undefined || open.destroyed) return
  open.write(message instanceof Uint8Array ? Buffer.from(message) : Buffer.from(ToAgent.encode({ message }).finish()))
}

function serve(call: ServerDuplexStream<FromAgent, Buffer>): void {
  open = call
  call.sendMetadata(new Metadata())
  call.on('error', () => undefined)
  call.on('data', ({ message }: FromAgent) => {
    if (message === undefined) return
    if (message.$case === 'hello') {
      const limits = { maxMessageBytes: 4 * 2 ** 20, maxVmsPerReport: 4096, maxReportsInFlight: 64 }
      const value = { clockOffsetMs: 0n, lastSeq: 0n, limits, refusedHostIds: [], backlog: [] }
      send({ $case: 'welcome', value })
    }
    if (message.$case === 'report') {
      const { spoolId, seq } = message.value
      send({ $case: 'ack', value: { spoolId, throughSeq: seq } })
      return
    }
    tell({ type: 'heard', message })
  })
}

async function listen({
  port,
  caPem,
  privateKeyPem,
  chainPem,
}: Extract<ToMalicious, { type: 'listen' }>): Promise<void> {
  const server = new Server()
  const { session } = AgentService
  server.addService({ session: { ...session, responseSerialize: (bytes: Buffer) => bytes } }, { session: serve })
  const identity = { private_key: Buffer.from(privateKeyPem), cert_chain: Buffer.from(chainPem) }
  const credentials = ServerCredentials.createSsl(Buffer.from(caPem), [identity], true)
  await new Promise<void>((resolve, reject) => {
    server.bindAsync(`127.0.0.1:${port}`, credentials, (error) => {
      if (error === null) resolve()
      else reject(error)
    })
  })
  tell({ type: 'listening' })
}

process.on('message', (message: ToMalicious) => {
  if (message.type === 'listen') void listen(message)
  else send(message.message)
})
process.on('disconnect', () => process.exit(0))
