import { randomBytes } from 'node:crypto'

import { Metadata, Server, ServerCredentials, status, type ServerDuplexStream } from '@grpc/grpc-js'

import type { CertificateAuthority } from '../../controller/ingest/ca.js'
import { AgentService, ToAgent, type FromAgent } from '../../proto/gen/headroom/v1/agent.js'
import type { Lane } from '../../proto/gen/headroom/v1/report.js'

/** How it treats an agent. */
export type Treatment =
  /** Takes its reports and acks them, and asks for intervals that nobody can keep, and new certificates, again and again. */
  | 'absurd-intervals'
  /** Welcomes it with bytes that are no message. */
  | 'random-bytes'
  /** Acks what was never sent, welcomes it a hundred times more, and says that it takes messages of ten bytes. */
  | 'false-acks'
  /** Asks for one certificate after the other, and sends commands. */
  | 'renew-and-obey'
  /** Ends each session at once. */
  | 'send-away'

/**
 * Stands in for a controller that means no good: with the real one's certificate, so that agents listen to it. Counts what they do.
 */
export class HostileController {
  treatment: Treatment = 'absurd-intervals'
  sessions = 0
  renewals = 0
  /** Numbers of the reports that came, by lane. */
  reports: { readonly lane: Lane; readonly seq: number }[] = []
  readonly #server = new Server()
  #onSession: (call: ServerDuplexStream<FromAgent, Buffer>) => void = () => undefined
  readonly #open = new Set<ServerDuplexStream<FromAgent, Buffer>>()

  constructor(private readonly ca: CertificateAuthority) {
    const raw = (bytes: Buffer): Buffer => bytes
    const { session, renew } = AgentService
    const service = { session: { ...session, responseSerialize: raw }, renew }
    this.#server.addService(service, {
      session: (call: ServerDuplexStream<FromAgent, Buffer>) => this.#session(call),
      renew: (_call: unknown, callback: (error: { code: status }) => void) => {
        this.renewals += 1
        callback({ code: status.UNAVAILABLE })
      },
    })
  }

  async listen(port: number): Promise<void> {
    const { privateKeyPem, chainPem } = await this.ca.issueServer(Date.now())
    const identity = { private_key: Buffer.from(privateKeyPem), cert_chain: Buffer.from(chainPem) }
    const credentials = ServerCredentials.createSsl(Buffer.from(this.ca.certificatePem), [identity], true)
    await new Promise<void>((resolve, reject) => {
      this.#server.bindAsync(`127.0.0.1:${port}`, credentials, (error) => {
        if (error === null) resolve()
        else reject(error)
      })
    })
  }

  /** Ends the sessions; agents come back, and meet one treatment after the other, for as long each. */
  rotate(treatments: readonly Treatment[], forMs: number): void {
    let next = 0
    this.#onSession = (call) => {
      this.treatment = treatments[next % treatments.length] ?? this.treatment
      next += 1
      setTimeout(() => call.end(), forMs)
    }
    for (const call of this.#open) call.end()
  }

  close(): void {
    this.#server.forceShutdown()
  }

  #session(call: ServerDuplexStream<FromAgent, Buffer>): void {
    this.sessions += 1
    this.#onSession(call)
    call.sendMetadata(new Metadata())
    const { treatment } = this
    if (treatment === 'send-away') {
      call.end()
      return
    }
    const send = (message: ToAgent['message']): void => {
      if (!call.destroyed && !call.writableEnded) call.write(Buffer.from(ToAgent.encode({ message }).finish()))
    }
    const timer = setInterval(() => this.#pester(treatment, send), 5)
    this.#open.add(call)
    const over = (): void => {
      clearInterval(timer)
      this.#open.delete(call)
    }
    for (const event of ['close', 'error', 'cancelled', 'finish']) call.on(event, over)
    call.on('data', ({ message }: FromAgent) => {
      if (message?.$case === 'hello') {
        const limits = { maxMessageBytes: 10, maxVmsPerReport: 0, maxReportsInFlight: 0 }
        const lastSeq = treatment === 'false-acks' ? 2n ** 63n : 0n
        send({
          $case: 'welcome',
          value: { clockOffsetMs: -(2n ** 62n), lastSeq, limits, refusedHostIds: [], backlog: [] },
        })
        if (treatment === 'random-bytes') call.write(randomBytes(2000))
      }
      if (message?.$case !== 'report') return
      const { spoolId, seq, lane } = message.value
      this.reports.push({ lane, seq: Number(seq) })
      if (treatment === 'absurd-intervals') send({ $case: 'ack', value: { spoolId, throughSeq: seq } })
    })
  }

  #pester(treatment: Treatment, send: (message: ToAgent['message']) => void): void {
    const settings = {
      revision: 2n ** 64n - 1n,
      stateIntervalMs: 1,
      fastIntervalMs: 1,
      guestMemoryIntervalMs: 1,
      inventoryIntervalMs: 2 ** 32 - 1,
      blockIntervalMs: 1,
      renewCertificate: treatment !== 'false-acks',
    }
    send({ $case: 'settings', value: settings })
    if (treatment === 'false-acks') {
      for (const spoolId of ['', 's', '../../etc'])
        send({ $case: 'ack', value: { spoolId, throughSeq: 2n ** 64n - 1n } })
      const value = { clockOffsetMs: 0n, lastSeq: 0n, limits: undefined, refusedHostIds: [], backlog: [] }
      send({ $case: 'welcome', value })
    }
    if (treatment === 'renew-and-obey') send({ $case: 'cancel', value: { id: 'c', actor: '' } })
  }
}
