import { createHash, X509Certificate } from 'node:crypto'
import { connect as connectHttp2 } from 'node:http2'
import { connect, type DetailedPeerCertificate, type TLSSocket } from 'node:tls'

import { errorCode } from '../../common/error-code.js'
import { controllerServerName } from '../../common/tls.js'

/** For the whole of a look, however slowly bytes drip in. */
const lookWithinMs = 15_000

/**
 * The certificates that whoever answers at an address presents, its own first. Nobody is trusted here, and nothing secret
 * is sent: it is to learn who is there.
 * @throws Error if nobody answers, or in time, or the signal aborts
 */
export async function presentedChain(
  address: string,
  signal: AbortSignal,
  withinMs = lookWithinMs,
): Promise<X509Certificate[]> {
  const socket = await shakeHands(address, signal, AbortSignal.timeout(withinMs))
  try {
    return chainOf(socket, address)
  } finally {
    socket.destroy()
  }
}

/** SHA-256 of a certificate's public key (SPKI), base64url: what join tokens name. */
export function spkiHash(certificate: X509Certificate): string {
  const spki = certificate.publicKey.export({ type: 'spki', format: 'der' })
  return createHash('sha256').update(new Uint8Array(spki)).digest('base64url')
}

/** Why no connection comes about, as far as TLS has to do with it. */
export type Diagnosis =
  | { readonly status: 'unreachable'; readonly reason: string }
  /** Someone else answers, or the controller's authority is none that this agent knows. */
  | { readonly status: 'stranger' }
  /** It is our controller, but by this machine's clock its certificate is not valid. */
  | { readonly status: 'clock'; readonly message: string }
  | { readonly status: 'fine' }

/** Finds out what is between this agent and its controller. Compares the certificates without trusting either clock. */
export async function diagnose(
  address: string,
  trustedPems: readonly string[],
  nowMs: number,
  signal: AbortSignal,
  withinMs = lookWithinMs,
): Promise<Diagnosis> {
  const late = AbortSignal.timeout(withinMs)
  let socket: TLSSocket
  try {
    socket = await shakeHands(address, signal, late)
  } catch (error) {
    return { status: 'unreachable', reason: error instanceof Error ? error.message : String(error) }
  }
  try {
    const [own] = chainOf(socket, address)
    if (own === undefined || !isOurs(own, trustedPems)) return { status: 'stranger' }
    const from = Date.parse(own.validFrom)
    const to = Date.parse(own.validTo)
    if (nowMs >= from && nowMs <= to) return { status: 'fine' }
    const theirs = await dateOf(socket, AbortSignal.any([signal, late]))
    return { status: 'clock', message: clockMessage(nowMs, { from, to, theirs }) }
  } catch (error) {
    return { status: 'unreachable', reason: error instanceof Error ? error.message : String(error) }
  } finally {
    socket.destroy()
  }
}

/** What a person has to know; the controller's clock is believed only if its own certificate agrees with it. */
export function clockMessage(
  nowMs: number,
  { from, to, theirs }: { readonly from: number; readonly to: number; readonly theirs: number | undefined },
): string {
  const here = `this machine's clock says ${iso(nowMs)}`
  return theirs !== undefined && theirs >= from && theirs <= to
    ? `${here}, the controller's ${iso(theirs)}: set the clock of this machine (timedatectl shows it)`
    : `${here}, but the controller's certificate is valid from ${iso(from)} to ${iso(to)}: one of the two clocks is wrong (date -u on both shows which)`
}

function iso(ms: number): string {
  return new Date(ms).toISOString()
}

function isOurs(own: X509Certificate, trustedPems: readonly string[]): boolean {
  if (own.checkHost(controllerServerName) === undefined) return false
  return trustedPems.some((pem) => {
    const authority = new X509Certificate(pem)
    return own.checkIssued(authority) && own.verify(authority.publicKey)
  })
}

async function shakeHands(address: string, signal: AbortSignal, late: AbortSignal): Promise<TLSSocket> {
  const separator = address.lastIndexOf(':')
  const host = address.slice(0, separator).replaceAll(/^\[|\]$/g, '')
  const port = Number(address.slice(separator + 1))
  return new Promise((resolve, reject) => {
    const socket = connect({
      host,
      port,
      servername: controllerServerName,
      rejectUnauthorized: false,
      ALPNProtocols: ['h2'],
    })
    const ended = AbortSignal.any([signal, late])
    const stop = (): void => {
      socket.destroy(new Error(signal.aborted ? 'the agent stops' : `${address} did not answer in time`))
    }
    ended.addEventListener('abort', stop, { once: true })
    if (ended.aborted) stop()
    socket.once('close', () => {
      ended.removeEventListener('abort', stop)
      reject(new Error(`${address} closed the connection`))
    })
    // Stays, for what comes after the handshake.
    socket.on('error', (error) => reject(new Error(reasonOf(error), { cause: error })))
    socket.once('secureConnect', () => resolve(socket))
  })
}

/** Words for what Node says with a code of OpenSSL, or with none: of several addresses that all fail it gives an empty message. */
function reasonOf(error: Error): string {
  const code = errorCode(error)
  if (code === 'ERR_SSL_WRONG_VERSION_NUMBER' || code === 'ERR_SSL_PACKET_LENGTH_TOO_LONG') {
    return 'what answers there does not speak TLS'
  }
  return error.message || code || error.name
}

/** @throws Error if what was presented cannot be read */
function chainOf(socket: TLSSocket, address: string): X509Certificate[] {
  try {
    const chain: X509Certificate[] = []
    let at: DetailedPeerCertificate | undefined = socket.getPeerCertificate(true)
    while (at?.raw !== undefined && chain.length < 8) {
      chain.push(new X509Certificate(at.raw))
      // A root names itself as its issuer.
      if (at.issuerCertificate === at) break
      at = at.issuerCertificate
    }
    return chain
  } catch (error) {
    throw new Error(`the certificates of ${address} cannot be read`, { cause: error })
  }
}

/** The moment that an HTTP/2 server writes into its answers; undefined if it answers none. Asks for nothing in particular. */
async function dateOf(socket: TLSSocket, signal: AbortSignal): Promise<number | undefined> {
  return new Promise((resolve) => {
    const session = connectHttp2('https://controller', { createConnection: () => socket })
    const done = (date: unknown): void => {
      const ms = typeof date === 'string' ? Date.parse(date) : Number.NaN
      session.destroy()
      resolve(Number.isFinite(ms) ? ms : undefined)
    }
    session.on('error', () => done(undefined))
    session.on('close', () => done(undefined))
    const request = session.request({ ':path': '/' }, { signal })
    request.on('error', () => done(undefined))
    request.on('response', (headers) => done(headers['date']))
    request.end()
  })
}
