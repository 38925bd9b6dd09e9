import { Client, Metadata, type ClientDuplexStream, type ServiceError } from '@grpc/grpc-js'

import { channelCredentials } from '../../agent/report/enrol.js'
import type { Identity } from '../../agent/report/identity.js'
import { controllerServerName } from '../../common/tls.js'
import { AgentService, FromAgent, Hello, ToAgent } from '../../proto/gen/headroom/v1/agent.js'
import { Report } from '../../proto/gen/headroom/v1/report.js'
import { hostDraft } from '../support/ingest-agent.js'
import type { SampleBook } from './sample-book.js'

/** Reports on their way at most, so that acks come all the time. */
const window = 48
/** What its figures need. */
const measured = ['host-memory', 'memory-size']
const welcomeWithinMs = 20_000

/**
 * An agent of one host with one VM that says known figures, and writes down what was acked. Its life goes on while the controller
 * dies and comes back: its spools keep their numbering.
 */
export class RecordingAgent {
  readonly hostId: string
  readonly vmUuid: string
  #session: Session | undefined

  constructor(
    readonly name: string,
    readonly identity: Identity,
    /** The present one first, then the backlog. */
    readonly books: readonly SampleBook[],
    number: number,
  ) {
    this.hostId = `id-of-${name}`
    this.vmUuid = `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`
  }

  /** Opens a session. Gives what the controller says is durable, by spool. @throws Error if it is refused */
  async connect(address: string): Promise<ReadonlyMap<string, number>> {
    const session = new Session(address, this.identity, this.books)
    this.#session = session
    const [present, ...backlog] = this.books
    session.write({
      $case: 'hello',
      value: Hello.fromJSON({
        agentId: this.identity.agentId,
        version: '0.1.0',
        spoolId: present?.spoolId ?? '',
        nextSeq: (present?.sent ?? 0) + 1,
        wallMs: Date.now(),
        hosts: [hostDraft(this.name, { capabilities: measured.map((name) => ({ name, support: 1 })) })],
        backlog: backlog.map(({ spoolId, sent }) => ({ spoolId, oldestSeq: 1, nextSeq: sent + 1 })),
      }),
    })
    return session.welcomed
  }

  /** Sends a sample again, as it was. */
  resend(book: SampleBook, seq: number): void {
    this.#session?.write({ $case: 'report', value: this.#report(book, seq) })
  }

  /** Sends what may be sent; returns how many. */
  pump(most: number): number {
    let sent = 0
    for (const book of this.books) {
      while (sent < most && !book.isFull && book.sent - book.acked < window) {
        this.resend(book, book.next().seq)
        sent += 1
      }
    }
    return sent
  }

  /** At once: acks that come later are not heard. */
  close(): void {
    this.#session?.close()
    this.#session = undefined
  }

  #report(book: SampleBook, seq: number): Report {
    const { atMs, hostValue, vmValue } = book.sample(seq)
    return Report.fromJSON({
      spoolId: book.spoolId,
      seq,
      hostId: this.hostId,
      bootId: 'boot-1',
      atMs: atMs - (this.#session?.clockOffsetMs ?? 0),
      lane: 1,
      host: { memoryAvailableBytes: hostValue },
      vms: [{ uuid: this.vmUuid, runId: 'run-1', state: 1, memoryBytes: vmValue }],
      events: [
        {
          atMs: atMs - (this.#session?.clockOffsetMs ?? 0),
          vmUuid: this.vmUuid,
          kind: 'EVENT_KIND_BALLOON_CHANGED',
          message: `${book.spoolId} ${seq}`,
        },
      ],
    })
  }
}

class Session {
  readonly welcomed: Promise<ReadonlyMap<string, number>>
  clockOffsetMs = 0
  readonly #client: Client
  readonly #stream: ClientDuplexStream<Buffer, ToAgent>
  #closed = false

  constructor(address: string, identity: Identity, books: readonly SampleBook[]) {
    this.#client = new Client(address, channelCredentials(identity), {
      'grpc.ssl_target_name_override': controllerServerName,
      'grpc.enable_retries': 0,
    })
    this.#stream = this.#client.makeBidiStreamRequest(
      AgentService.session.path,
      (bytes: Buffer) => bytes,
      (bytes: Buffer) => ToAgent.decode(bytes),
      new Metadata(),
    )
    this.welcomed = new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error('no welcome')), welcomeWithinMs)
      this.#stream.on('error', (error: ServiceError) => {
        clearTimeout(late)
        reject(error)
      })
      this.#stream.on('data', ({ message }: ToAgent) => {
        if (this.#closed) return
        if (message?.$case === 'welcome') {
          clearTimeout(late)
          const { lastSeq, backlog, clockOffsetMs } = message.value
          this.clockOffsetMs = Number(clockOffsetMs)
          const durable = backlog.map(({ spoolId, throughSeq }) => [spoolId, Number(throughSeq)] as const)
          resolve(new Map([[books[0]?.spoolId ?? '', Number(lastSeq)], ...durable]))
        }
        if (message?.$case === 'ack') {
          const { spoolId, throughSeq } = message.value
          books.find((book) => book.spoolId === spoolId)?.ack(Number(throughSeq))
        }
      })
    })
    // Whoever waits hears of it; nobody may.
    this.welcomed.catch(() => undefined)
  }

  write(message: NonNullable<FromAgent['message']>): void {
    if (!this.#closed) this.#stream.write(Buffer.from(FromAgent.encode({ message }).finish()))
  }

  close(): void {
    this.#closed = true
    this.#stream.cancel()
    this.#client.close()
  }
}
