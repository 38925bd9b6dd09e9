import { X509Certificate } from 'node:crypto'
import { Agent, request } from 'node:https'
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { connect, type TLSSocket } from 'node:tls'

import { errorCode } from '../../../common/error-code.js'
import { DeadlineExceeded, withDeadline } from '../../../common/deadline.js'
import { HypervisorDenied, HypervisorUnavailable } from '../hypervisor.js'

/** What proves that the server is the one that is meant: its certificate itself, an authority, or the system's authorities. */
export type Trust =
  | { readonly by: 'thumbprint'; readonly sha256: string }
  | { readonly by: 'ca'; readonly pem: string }
  | { readonly by: 'system' }

export interface Reply {
  readonly status: number
  readonly text: string
  /** `name=value` of the session cookie, if one was set. */
  readonly cookie: string | undefined
}

export interface PostOptions {
  readonly soapAction: string | undefined
  readonly cookie: string | undefined
  readonly deadlineMs: number
  readonly maxBytes: number
}

/** One server, reached by HTTPS. Nothing is sent before its certificate has been checked. */
export class HttpsChannel {
  readonly #url: URL
  readonly #agent: Agent

  /** @param handshakeMs until the server has shown its certificate */
  constructor(url: URL, trust: Trust, handshakeMs = 10_000) {
    this.#url = url
    this.#agent = trust.by === 'thumbprint' ? pinnedAgent(trust.sha256, handshakeMs) : authorityAgent(trust)
  }

  /**
   * Sends one message and waits for the whole answer, whatever its status.
   * @throws HypervisorDenied (certificate), HypervisorUnavailable (network, deadline, answer too long)
   */
  async post(body: string, options: PostOptions, signal: AbortSignal): Promise<Reply> {
    try {
      return await withDeadline(options.deadlineMs, signal, (within) => this.#post(body, options, within))
    } catch (error) {
      signal.throwIfAborted()
      throw told(error, this.#url.host)
    }
  }

  close(): void {
    this.#agent.destroy()
  }

  async #post(body: string, options: PostOptions, signal: AbortSignal): Promise<Reply> {
    const message = await this.#send(body, options, signal).catch((error: unknown) => {
      // A server may close an idle connection just as it is used again. Nothing that is sent here does harm twice.
      if (!(error instanceof StaleConnection) || signal.aborted) throw error
      return this.#send(body, options, signal)
    })
    const text = await textOf(message, options.maxBytes, signal)
    return { status: message.statusCode ?? 0, text, cookie: cookieOf(message) }
  }

  #send(body: string, { soapAction, cookie }: PostOptions, signal: AbortSignal): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const outgoing = request(
        this.#url,
        {
          method: 'POST',
          agent: this.#agent,
          signal,
          headers: {
            'content-type': 'text/xml; charset=utf-8',
            'content-length': Buffer.byteLength(body),
            ...(soapAction === undefined ? {} : { soapaction: soapAction }),
            ...(cookie === undefined ? {} : { cookie }),
          },
        },
        resolve,
      )
      outgoing.on('error', (error) => {
        if (signal.aborted && signal.reason instanceof Error) reject(signal.reason)
        else reject(outgoing.reusedSocket ? new StaleConnection(error.message, { cause: error }) : error)
      })
      outgoing.end(body)
    })
  }
}

class StaleConnection extends Error {
  override readonly name = 'StaleConnection'
}

async function textOf(message: IncomingMessage, maxBytes: number, signal: AbortSignal): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  try {
    for await (const chunk of message) {
      if (!(chunk instanceof Buffer)) continue
      bytes += chunk.length
      if (bytes > maxBytes) throw new HypervisorUnavailable(`the answer is longer than ${maxBytes} bytes`)
      chunks.push(chunk)
    }
  } catch (error) {
    throw signal.aborted && signal.reason instanceof Error ? signal.reason : error
  } finally {
    message.destroy()
  }
  return Buffer.concat(chunks).toString('utf8')
}

function cookieOf(message: IncomingMessage): string | undefined {
  const set = (message.headers['set-cookie'] ?? []).find((one) => /^vmware_soap_session=/i.test(one))
  const pair = set?.split(';', 1)[0]?.trim()
  return pair === undefined || pair.length > 1024 ? undefined : pair
}

function authorityAgent(trust: Trust): Agent {
  return new Agent({ keepAlive: true, maxSockets: 8, ...(trust.by === 'ca' ? { ca: trust.pem } : {}) })
}

/** An agent whose connections come up only if the server shows the certificate with this SHA-256. */
function pinnedAgent(sha256: string, handshakeMs: number): Agent {
  // Without resumption: a resumed session shows no certificate.
  const agent = new Agent({ keepAlive: true, maxSockets: 8, maxCachedSessions: 0 })
  Object.assign(agent, {
    createConnection(options: object, ready: (error: Error | null, socket?: Duplex) => void): undefined {
      // The pin takes the place of the chain, which for a host's own certificate leads nowhere.
      const socket = connect({ ...options, rejectUnauthorized: false })
      // Until then the socket is ours alone: a request that is given up does not end it.
      const late = setTimeout(() => socket.destroy(new Error(`no TLS handshake within ${handshakeMs} ms`)), handshakeMs)
      const failed = (error: Error): void => {
        clearTimeout(late)
        ready(error)
      }
      socket.once('error', failed)
      socket.once('secureConnect', () => {
        clearTimeout(late)
        socket.off('error', failed)
        const shown = thumbprintOf(socket)
        if (shown === sha256) return ready(null, socket)
        socket.destroy()
        ready(
          new HypervisorDenied(
            `the server's certificate has the SHA-256 thumbprint ${shown ?? '(none)'}, expected ${sha256}: nothing was sent to it`,
          ),
        )
      })
    },
  })
  return agent
}

function thumbprintOf(socket: TLSSocket): string | undefined {
  const { raw } = socket.getPeerCertificate()
  return raw instanceof Buffer ? new X509Certificate(raw).fingerprint256 : undefined
}

/** `ab:cd…`, with or without colons → `AB:CD…`. @returns undefined if it is no SHA-256 */
export function parseThumbprint(text: string): string | undefined {
  const hex = text.replaceAll(/[:\s]/g, '').toUpperCase()
  if (!/^[0-9A-F]{64}$/.test(hex)) return undefined
  return hex.replaceAll(/..(?=.)/g, '$&:')
}

const certificateCodes = /^(CERT_|ERR_TLS_CERT|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED|CRL_|INVALID_CA|HOSTNAME_MISMATCH)/

function told(error: unknown, host: string): Error {
  if (error instanceof HypervisorDenied) return new HypervisorDenied(`${host}: ${error.message}`, { cause: error })
  const message = error instanceof Error ? error.message : String(error)
  const code = errorCode(error)
  if (certificateCodes.test(code)) {
    return new HypervisorDenied(`${host}: its certificate is not trusted (${message}): name its thumbprint or its CA`, {
      cause: error,
    })
  }
  if (error instanceof DeadlineExceeded)
    return new HypervisorUnavailable(`${host} does not answer: ${message}`, { cause: error })
  return new HypervisorUnavailable(`${host} cannot be reached: ${message}`, { cause: error })
}
