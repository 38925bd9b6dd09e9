import http from 'node:http'
import https from 'node:https'

import type { ServerAddress } from './worker-options.js'

/** The server answered with a status that is no success. `body` is its beginning. */
export class ServerStatusError extends Error {
  override readonly name = 'ServerStatusError'
  constructor(
    readonly status: number,
    readonly body: string,
  ) {
    super(`answered ${status}${body === '' ? '' : `: ${body}`}`)
  }
}

interface Call {
  readonly path: string
  readonly query?: readonly (readonly [name: string, value: string])[]
  readonly body?: string
  readonly signal?: AbortSignal
}

const maxAnswerBytes = 256 * 2 ** 20
const shownBytes = 500

/**
 * Requests to one server over connections that are kept open. Each has a deadline from first to last byte and a bound on the answer.
 * Nothing is retried.
 */
export class ServerHttp {
  readonly #agent
  readonly #base: URL
  readonly #headers: Readonly<Record<string, string>>

  constructor(
    address: ServerAddress,
    private readonly deadlineMs: number,
  ) {
    this.#base = new URL(address.url)
    const options = { keepAlive: true, maxSockets: 8 }
    this.#agent =
      this.#base.protocol === 'https:' ? new https.Agent({ ...options, ca: address.ca }) : new http.Agent(options)
    this.#headers = authorization(address)
  }

  /**
   * The answer's text. A call with a body is a POST.
   * @throws ServerStatusError; Error if there was no whole answer in time
   */
  async text(call: Call): Promise<string> {
    let text = ''
    for await (const piece of this.#answer(call)) text += piece
    return text
  }

  /** The answer's lines as they come. @throws as `text` does */
  async *lines(call: Call): AsyncGenerator<string> {
    let rest = ''
    for await (const piece of this.#answer(call)) {
      const lines = (rest + piece).split('\n')
      rest = lines.pop() ?? ''
      yield* lines
    }
    if (rest !== '') yield rest
  }

  /** Ends what is under way. */
  close(): void {
    this.#agent.destroy()
  }

  async *#answer({ path, query = [], body, signal }: Call): AsyncGenerator<string> {
    const deadline = AbortSignal.timeout(this.deadlineMs)
    const either = signal === undefined ? deadline : AbortSignal.any([deadline, signal])
    try {
      const response = await this.#send(path, query, body, either)
      let bytes = 0
      const isSuccess = (response.statusCode ?? 0) >= 200 && (response.statusCode ?? 0) < 300
      let shown = ''
      for await (const piece of response) {
        const text = String(piece)
        bytes += text.length
        if (isSuccess) {
          if (bytes > maxAnswerBytes) throw new Error(`the answer is larger than ${maxAnswerBytes} bytes`)
          yield text
        } else if (shown.length < shownBytes) shown += text
      }
      if (!isSuccess) throw new ServerStatusError(response.statusCode ?? 0, shown.slice(0, shownBytes).trim())
    } catch (error) {
      throw deadline.aborted ? new Error(`no answer within ${this.deadlineMs / 1000} s`, { cause: error }) : error
    }
  }

  #send(
    path: string,
    query: readonly (readonly [name: string, value: string])[],
    body: string | undefined,
    signal: AbortSignal,
  ): Promise<http.IncomingMessage> {
    const url = new URL(`${this.#base.href.replace(/\/$/, '')}${path}`)
    for (const [name, value] of query) url.searchParams.append(name, value)
    return new Promise((resolve, reject) => {
      const request = (url.protocol === 'https:' ? https : http).request(
        url,
        {
          method: body === undefined ? 'GET' : 'POST',
          agent: this.#agent,
          headers: { ...this.#headers, ...(body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }) },
          signal,
        },
        (response) => resolve(response.setEncoding('utf8')),
      )
      request.on('error', reject)
      request.end(body)
    })
  }
}

function authorization({ user, password, token }: ServerAddress): Record<string, string> {
  if (token !== undefined) return { authorization: `Bearer ${token}` }
  if (user === undefined) return {}
  return { authorization: `Basic ${Buffer.from(`${user}:${password ?? ''}`).toString('base64')}` }
}
