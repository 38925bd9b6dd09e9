import { createHash, X509Certificate } from 'node:crypto'
import { readFile, rm } from 'node:fs/promises'
import { connect, type DetailedPeerCertificate } from 'node:tls'

import { credentials, Metadata, status, type ClientUnaryCall, type ServiceError } from '@grpc/grpc-js'

import type { Log } from '../../common/log.js'
import { controllerServerName } from '../../common/tls.js'
import { AgentClient, type EnrolReply, type RenewReply } from '../../proto/gen/headroom/v1/agent.js'
import type { HostIdentity } from '../hypervisor/hypervisor.js'
import { makeCertificateRequest } from './certificate-request.js'
import { loadIdentity, pem, saveIdentity, type Identity } from './identity.js'
import { claimToWire } from './to-wire.js'

const callDeadlineMs = 15_000

/** Enrolment cannot go on before a person acts. */
export class EnrolmentRefused extends Error {
  override readonly name = 'EnrolmentRefused'
}

/**
 * The identity of this agent: the stored one, or a new one by the join token in the file.
 * @throws EnrolmentRefused with what to do
 * @throws Error if the controller cannot be reached; trying again helps
 */
export async function obtainIdentity(options: {
  readonly dataDir: string
  readonly address: string
  readonly joinTokenFile: string | undefined
  readonly agentName: string
  readonly version: string
  readonly hosts: readonly HostIdentity[]
  readonly log: Log
  /** Ends it early: the agent stops. */
  readonly signal: AbortSignal
}): Promise<Identity> {
  const stored = await loadIdentity(options.dataDir)
  if (stored !== undefined) return stored
  const { joinTokenFile, address, signal } = options
  if (joinTokenFile === undefined) {
    throw new EnrolmentRefused(
      'this agent is not enrolled: set controllers[0].joinTokenFile to a file with a join token',
    )
  }
  const token = (await readFile(joinTokenFile, 'utf8')).trim()
  const caPem = await fetchCa(address, token.split('.')[2] ?? '', signal)
  const { privateKeyPem, csrDer } = await makeCertificateRequest()
  const client = new AgentClient(address, credentials.createSsl(Buffer.from(caPem)), {
    'grpc.ssl_target_name_override': controllerServerName,
  })
  try {
    const request = {
      joinToken: token,
      csr: Buffer.from(csrDer),
      agentName: options.agentName,
      hosts: options.hosts.map(claimToWire),
      version: options.version,
    }
    const reply = await answered<EnrolReply>(signal, (within, done) =>
      client.enrol(request, new Metadata(), within, done),
    )
    const identity: Identity = {
      agentId: reply.agentId,
      certificatePem: pem('CERTIFICATE', reply.certificate),
      privateKeyPem,
      caPem: reply.ca.map((der) => pem('CERTIFICATE', der)).join(''),
    }
    await saveIdentity(options.dataDir, identity)
    await rm(joinTokenFile, { force: true })
    options.log.info({ agentId: identity.agentId, controller: address }, 'enrolled')
    return identity
  } finally {
    client.close()
  }
}

/** A fresh certificate and key for the same identity, saved. */
export async function renewIdentity(
  identity: Identity,
  { dataDir, address, signal }: { readonly dataDir: string; readonly address: string; readonly signal: AbortSignal },
): Promise<Identity> {
  const { privateKeyPem, csrDer } = await makeCertificateRequest()
  const client = new AgentClient(address, channelCredentials(identity), {
    'grpc.ssl_target_name_override': controllerServerName,
  })
  try {
    const request = { csr: Buffer.from(csrDer) }
    const reply = await answered<RenewReply>(signal, (within, done) =>
      client.renew(request, new Metadata(), within, done),
    )
    const renewed: Identity = {
      agentId: identity.agentId,
      certificatePem: pem('CERTIFICATE', reply.certificate),
      privateKeyPem,
      caPem: reply.ca.map((der) => pem('CERTIFICATE', der)).join(''),
    }
    await saveIdentity(dataDir, renewed)
    return renewed
  } finally {
    client.close()
  }
}

/** Mutual TLS: we show our certificate and take no controller but the one of our CA. */
export function channelCredentials(identity: Identity): ReturnType<typeof credentials.createSsl> {
  return credentials.createSsl(
    Buffer.from(identity.caPem),
    Buffer.from(identity.privateKeyPem),
    Buffer.from(identity.certificatePem),
  )
}

/** True once half of the certificate's life is over. */
export function isRenewalDue(identity: Identity, nowMs: number): boolean {
  const { validFrom, validTo } = new X509Certificate(identity.certificatePem)
  return nowMs > (Date.parse(validFrom) + Date.parse(validTo)) / 2
}

/** One call under a deadline; it is cancelled when the signal aborts. */
function answered<Reply>(
  signal: AbortSignal,
  start: (
    within: { readonly deadline: number },
    done: (error: ServiceError | null, reply: Reply) => void,
  ) => ClientUnaryCall,
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const call = start({ deadline: Date.now() + callDeadlineMs }, (error, reply) => {
      signal.removeEventListener('abort', cancel)
      if (error === null) resolve(reply)
      // The same request would be refused again.
      else if (error.code === status.PERMISSION_DENIED || error.code === status.INVALID_ARGUMENT) {
        reject(new EnrolmentRefused(error.details, { cause: error }))
      } else reject(error)
    })
    const cancel = (): void => call.cancel()
    signal.addEventListener('abort', cancel, { once: true })
    if (signal.aborted) cancel()
  })
}

/**
 * The CA certificate that the controller presents, if its public key is the one that the join token names. Nothing secret
 * is sent on this connection; the token goes over the next one, which trusts this CA alone.
 */
async function fetchCa(address: string, keyHash: string, signal: AbortSignal): Promise<string> {
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
      timeout: callDeadlineMs,
    })
    const stop = (): void => {
      socket.destroy(new Error('the agent stops'))
    }
    signal.addEventListener('abort', stop, { once: true })
    socket.once('close', () => signal.removeEventListener('abort', stop))
    socket.once('timeout', () => socket.destroy(new Error(`${address} did not answer within ${callDeadlineMs} ms`)))
    socket.once('error', reject)
    socket.once('secureConnect', () => {
      try {
        const ca = chainOf(socket.getPeerCertificate(true)).find((one) => spkiHash(one) === keyHash)
        if (ca === undefined) {
          reject(new EnrolmentRefused(`the controller at ${address} is not the one that made the join token`))
        } else resolve(ca.toString())
      } catch (error) {
        reject(new Error(`the certificates of ${address} cannot be read`, { cause: error }))
      } finally {
        socket.destroy()
      }
    })
  })
}

function chainOf(leaf: DetailedPeerCertificate): X509Certificate[] {
  const chain: X509Certificate[] = []
  let at: DetailedPeerCertificate | undefined = leaf
  while (at?.raw !== undefined && chain.length < 8) {
    chain.push(new X509Certificate(at.raw))
    // A root names itself as its issuer.
    if (at.issuerCertificate === at) break
    at = at.issuerCertificate
  }
  return chain
}

function spkiHash(certificate: X509Certificate): string {
  const spki = certificate.publicKey.export({ type: 'spki', format: 'der' })
  return createHash('sha256').update(new Uint8Array(spki)).digest('base64url')
}
