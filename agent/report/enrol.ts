import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFile, rm } from 'node:fs/promises'

import { credentials, Metadata, type ClientUnaryCall, type ServiceError } from '@grpc/grpc-js'

import type { Log } from '../../common/log.js'
import { controllerServerName } from '../../common/tls.js'
import { AgentClient, type EnrolReply, type RenewReply } from '../../proto/gen/headroom/v1/agent.js'
import type { HostIdentity } from '../hypervisor/hypervisor.js'
import { callEndOf, stepAfter, type CallEnd } from './call-end.js'
import { makeCertificateRequest, type CertificateRequest } from './certificate-request.js'
import { diagnose, presentedChain, spkiHash } from './controller-probe.js'
import { authoritiesOf, loadIdentity, pem, saveIdentity, type Identity } from './identity.js'
import { claimToWire } from './to-wire.js'

const callDeadlineMs = 15_000

/** Enrolment cannot go on before a person acts. */
export class EnrolmentRefused extends Error {
  override readonly name = 'EnrolmentRefused'
}

/** A token that the controller refused, so that it is not asked again and again: a person has to act first. */
export class RefusedToken {
  #last: { readonly token: string; readonly message: string; readonly at: number } | undefined

  constructor(private readonly holdMs = 60_000) {}

  note(token: string, message: string, nowMs: number): void {
    this.#last = { token, message, at: nowMs }
  }

  /** What the controller said of this token a moment ago. */
  recall(token: string, nowMs: number): string | undefined {
    return this.#last?.token === token && nowMs - this.#last.at < this.holdMs ? this.#last.message : undefined
  }
}

/** The controller refused a renewal, or could not be asked. */
export class RenewalFailed extends Error {
  override readonly name = 'RenewalFailed'
  constructor(readonly end: CallEnd) {
    super(end.message)
  }
}

export interface EnrolOptions {
  readonly dataDir: string
  /** host:port of the controller. */
  readonly address: string
  readonly agentName: string
  readonly version: string
  readonly hosts: readonly HostIdentity[]
  readonly log: Log
  /** The machine's clock, to say so if it is that which keeps TLS from working. */
  readonly now?: () => number
  /** Made in this process if absent. */
  readonly certificateRequest?: (() => Promise<CertificateRequest>) | undefined
  /** Ends it early: the agent stops. */
  readonly signal: AbortSignal
}

/**
 * The identity of this agent: the stored one, or a new one by the join token in the file.
 * @throws EnrolmentRefused with what to do
 * @throws Error if the controller cannot be reached; trying again helps
 */
export async function obtainIdentity(
  options: EnrolOptions & { readonly joinTokenFile: string | undefined; readonly refused?: RefusedToken },
): Promise<Identity> {
  const stored = await loadIdentity(options.dataDir)
  if (stored !== undefined) return stored
  const { joinTokenFile, refused = new RefusedToken() } = options
  if (joinTokenFile === undefined) {
    throw new EnrolmentRefused(
      'this agent is not enrolled: run headroom-agent join, or set controllers[0].joinTokenFile to a file with a join token',
    )
  }
  const token = (await readFile(joinTokenFile, 'utf8')).trim()
  const before = refused.recall(token, performance.now())
  if (before !== undefined) throw new EnrolmentRefused(before)
  try {
    const { identity } = await enrol(token, options)
    await rm(joinTokenFile, { force: true })
    return identity
  } catch (error) {
    if (error instanceof EnrolmentRefused) refused.note(token, error.message, performance.now())
    throw error
  }
}

/**
 * Trades a join token for an identity, and saves it.
 * @throws EnrolmentRefused with what to do
 * @throws Error if the controller cannot be reached; trying again helps
 */
export async function enrol(
  token: string,
  options: EnrolOptions,
): Promise<{ readonly identity: Identity; readonly grantedHostIds: readonly string[] }> {
  const { dataDir, address, agentName, version, hosts, log, now = Date.now, signal } = options
  const { certificateRequest = makeCertificateRequest } = options
  const caPem = await fetchCa(address, token.split('.').slice(2), signal)
  const { privateKeyPem, csrDer } = await certificateRequest()
  const client = new AgentClient(address, credentials.createSsl(Buffer.from(caPem)), {
    'grpc.ssl_target_name_override': controllerServerName,
  })
  try {
    const request = { joinToken: token, csr: Buffer.from(csrDer), agentName, hosts: hosts.map(claimToWire), version }
    const reply = await answered<EnrolReply>(signal, (within, done) =>
      client.enrol(request, new Metadata(), within, done),
    )
    const identity = identityOf(reply, { agentId: reply.agentId, privateKeyPem, controller: address })
    await saveIdentity(dataDir, identity)
    log.info({ agentId: identity.agentId, controller: address, hostIds: reply.grantedHostIds }, 'enrolled')
    return { identity, grantedHostIds: reply.grantedHostIds }
  } catch (error) {
    const step = stepAfter(callEndOf(error))
    if (step.kind === 'hold') {
      const said = callEndOf(error).message
      throw new EnrolmentRefused(`the controller at ${address} refuses this agent: ${said}`, { cause: error })
    }
    if (step.kind === 'look') {
      const diagnosis = await diagnose(address, [caPem], now(), signal)
      if (diagnosis.status === 'clock') throw new EnrolmentRefused(diagnosis.message, { cause: error })
    }
    throw error
  } finally {
    client.close()
  }
}

/**
 * A fresh certificate and key for the same identity, saved. The present certificate may have expired.
 * @throws RenewalFailed
 */
export async function renewIdentity(
  identity: Identity,
  options: Pick<EnrolOptions, 'dataDir' | 'address' | 'certificateRequest' | 'signal'>,
): Promise<Identity> {
  const { dataDir, address, certificateRequest = makeCertificateRequest, signal } = options
  const { privateKeyPem, csrDer } = await certificateRequest()
  const client = new AgentClient(address, channelCredentials(identity), {
    'grpc.ssl_target_name_override': controllerServerName,
  })
  try {
    const request = { csr: Buffer.from(csrDer) }
    const reply = await answered<RenewReply>(signal, (within, done) =>
      client.renew(request, new Metadata(), within, done),
    )
    const renewed = identityOf(reply, { agentId: identity.agentId, privateKeyPem, controller: identity.controller })
    await saveIdentity(dataDir, renewed)
    return renewed
  } catch (error) {
    throw new RenewalFailed(callEndOf(error))
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

/**
 * What the controller answered, as an identity. It replaces one that works, so it is looked at first.
 * @throws Error if it could not be used
 */
function identityOf(
  { certificate, ca }: { readonly certificate: Uint8Array; readonly ca: readonly Uint8Array[] },
  own: Pick<Identity, 'agentId' | 'privateKeyPem' | 'controller'>,
): Identity {
  const identity: Identity = {
    ...own,
    certificatePem: pem('CERTIFICATE', certificate),
    caPem: ca.map((der) => pem('CERTIFICATE', der)).join(''),
  }
  const issued = new X509Certificate(certificate)
  const issuers = authoritiesOf(identity).map((text) => new X509Certificate(text))
  const fits =
    issued.checkPrivateKey(createPrivateKey(own.privateKeyPem)) &&
    issuers.some((issuer) => issued.checkIssued(issuer) && issued.verify(issuer.publicKey))
  if (!fits) throw new Error('the controller answered with a certificate that cannot be used')
  return identity
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
      else reject(error)
    })
    const cancel = (): void => call.cancel()
    signal.addEventListener('abort', cancel, { once: true })
    if (signal.aborted) cancel()
  })
}

/**
 * The CA certificate that the controller presents, if its public key is one that the join token names. Nothing secret
 * is sent on this connection; the token goes over the next one, which trusts this CA alone.
 */
async function fetchCa(address: string, keyHashes: readonly string[], signal: AbortSignal): Promise<string> {
  const chain = await presentedChain(address, signal).catch((error: unknown) => {
    const reason = error instanceof Error ? error.message : String(error)
    const next =
      'is it running, is this its address for agents (port 8421), and do its grpc.host and firewalls let us in?'
    throw new Error(`no controller answers at ${address}: ${reason}; ${next}`, { cause: error })
  })
  const ca = chain.find((one) => keyHashes.includes(spkiHash(one)))
  if (ca === undefined) {
    const got = chain.map(spkiHash).at(-1) ?? 'none'
    throw new EnrolmentRefused(
      `the controller at ${address} is not the one that made the join token, or its certificate authority has changed since: expected the key ${keyHashes.join(' or ')}, got ${got}; 'headroom ca show' prints a controller's own. Check the address, or make a new token there: headroom agent join-token`,
    )
  }
  return ca.toString()
}
