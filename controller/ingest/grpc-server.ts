import {
  Metadata,
  Server,
  ServerCredentials,
  status,
  type handleBidiStreamingCall,
  type handleUnaryCall,
  type ServerUnaryCall,
} from '@grpc/grpc-js'

import { FailureLimit } from '../../common/failure-limit.js'
import type { Log } from '../../common/log.js'
import { addressOf } from '../../common/peer-address.js'
import type { RefusalReason } from '../../common/refusal-reasons.js'
import {
  AgentService,
  type Chunk,
  type EnrolReply,
  type EnrolRequest,
  type RenewReply,
  type RenewRequest,
  type ToAgent,
} from '../../proto/gen/headroom/v1/agent.js'
import type { AgentRegistry } from './agent-registry.js'
import type { CertificateAuthority } from './ca.js'
import { AgentQuotas, defaultAgentLimits, type AgentLimits } from './agent-quotas.js'
import { defaultConnectionLimits, type ConnectionLimits } from './connection-limits.js'
import { FieldCheck } from './field-check.js'
import { wireLimits } from './from-wire.js'
import { authenticate, type KnownCaller } from './grpc-authenticate.js'
import { watchCalls } from './grpc-call-watch.js'
import { PeerLookup } from './grpc-peer.js'
import { CallRefused, endWith, refusal } from './grpc-refusal.js'
import { runSession, type SessionContext } from './grpc-session.js'
import type { IngestMetrics } from './ingest-metrics.js'
import { endSharedSessions } from './open-sessions.js'
import { refusedEnrolment } from './refused-enrolment.js'
import { RefusalNotes } from './refusal-notes.js'
import { SettingsRounds } from './settings-rounds.js'
import { openTlsFront, type TlsFront } from './tls-front.js'

/** Wrong join tokens that one address may show within a minute before it has to wait. Nobody guesses 192 bits; it keeps the store free. */
const guessLimit = { most: 10, windowMs: 60_000, mostPeers: 10_000 } as const

/** Enrolment and renewal: a certificate request, and the names of some hundred hosts. */
const maxRequestBytes = 128 * 1024
/** A session, a renewal, and consoles. */
const maxConcurrentCalls = 4

const defaultRenewExpiredWithinMs = 180 * 86_400_000

export interface IngestServer {
  readonly port: number
  /** Of the certificate that agents are shown. */
  readonly certificateEndsAtMs: number
  /** Takes up the authorities as they are now: for new connections, without closing any. */
  refreshCertificate(): Promise<void>
  close(): Promise<void>
}

/** The gRPC side of the controller: enrolment, renewal and one session an agent. */
export async function openIngestServer(options: {
  readonly host: string
  readonly port: number
  readonly ca: CertificateAuthority
  readonly registry: AgentRegistry
  readonly metrics: IngestMetrics
  readonly log: Log
  readonly now: () => number
  readonly session: Omit<SessionContext, 'call' | 'agent' | 'issuerKeyHash' | 'renewalDue' | 'notes' | 'quotas'>
  /** How long after its end a certificate may still renew. */
  readonly renewExpiredWithinMs?: number
  readonly connectionLimits?: Partial<ConnectionLimits>
  readonly agentLimits?: Partial<AgentLimits>
  /** Writes into the audit log that an agent has joined. */
  readonly audit?: (what: Readonly<Record<string, unknown>>) => Promise<void>
}): Promise<IngestServer> {
  const { ca, registry, metrics, log, now, renewExpiredWithinMs = defaultRenewExpiredWithinMs } = options
  let front: TlsFront | undefined
  const peers = new PeerLookup((connection) => front?.peerAt(connection) ?? { status: 'none' })
  const guesses = new FailureLimit(guessLimit)
  const limits = { ...defaultConnectionLimits, ...options.connectionLimits }
  const clock = (): number => performance.now()
  const notes = new RefusalNotes(metrics, log, clock)
  const quotas = new AgentQuotas({ ...defaultAgentLimits, ...options.agentLimits }, clock)
  const calls = watchCalls({
    trackCall: (connection) => front?.trackCall(connection),
    onRefused: (reason, peer) => notes.message(reason, { peer }),
    clock,
  })
  const server = new Server({
    interceptors: [calls, peers.interceptor],
    'grpc.max_receive_message_length': wireLimits.maxMessageBytes,
    'grpc.keepalive_time_ms': limits.pingEveryMs,
    'grpc.keepalive_timeout_ms': limits.pingAnswerMs,
    'grpc.max_concurrent_streams': maxConcurrentCalls,
    // Nobody looks at it, and it remembers every call.
    'grpc.enable_channelz': 0,
  })

  const refuse = (reason: RefusalReason, code: status, details: string, peer: string): CallRefused => {
    notes.call(reason, { peer })
    return refusal(code, details, reason)
  }

  const caller = (call: Caller, purpose: 'session' | 'renewal'): Promise<KnownCaller> =>
    authenticate(call, purpose, { peerOf: (one) => peers.of(one), registry, now, renewExpiredWithinMs, refuse })

  /** Newest first, as the contract says. */
  const authorities = (): Buffer[] => ca.trusted.map(({ certificateDer }) => Buffer.from(certificateDer))

  /** Issues a certificate; what is wrong with a request is the requester's business, not a fault of ours. */
  const issue = async (csr: Uint8Array, agentId: string, peer: string): Promise<Buffer> => {
    try {
      return Buffer.from(await ca.issueAgent(csr, agentId, now()))
    } catch (error) {
      log.debug({ err: error, peer }, 'certificate request not usable')
      throw refuse('bad-request', status.INVALID_ARGUMENT, 'the certificate request is malformed', peer)
    }
  }

  const enrol = unary<EnrolRequest, EnrolReply>(log, async (call) => {
    const { request } = call
    const peer = call.getPeer()
    if (guesses.waitMs(addressOf(peer), now()) !== undefined) throw refuse('too-many-tokens', ...tooManyTokens, peer)
    const check = new FieldCheck()
    const name = check.text('enrol.agent_name', request.agentName, 128)
    const hosts = check.list('enrol.hosts', request.hosts, wireLimits.maxHostsPerAgent).flatMap((host) => {
      const hostId = check.id('enrol.host_id', host.hostId)
      return hostId === undefined ? [] : [{ hostId, name: check.text('enrol.host_name', host.name) }]
    })
    notes.fields(check, { peer })
    const outcome = await registry.enrol(request.joinToken, { name, hosts, now: now() }, (agentId) =>
      issue(request.csr, agentId, peer),
    )
    if (outcome.status === 'refused') {
      if (outcome.reason === 'unknown-token') guesses.record(addressOf(peer), now())
      throw refuse(outcome.reason, status.PERMISSION_DENIED, refusedEnrolment(outcome, hosts, now()), peer)
    }
    const { agent, certificate } = outcome
    const grantedHostIds = agent.hosts === 'any' ? hosts.map(({ hostId }) => hostId) : agent.hosts
    log.info({ agentId: agent.id, name, hostIds: grantedHostIds, peer }, 'agent enrolled')
    await options.audit?.({ event: 'agent-joined', agentId: agent.id, agent: name, hosts: agent.hosts, address: peer })
    // What was anybody's is this agent's now.
    if (agent.hosts !== 'any') endSharedSessions(options.session.sessions, agent)
    return { agentId: agent.id, certificate: Buffer.from(certificate), ca: authorities(), grantedHostIds }
  })

  const renew = unary<RenewRequest, RenewReply>(log, async (call) => {
    const peer = call.getPeer()
    const { agent, certificate: former } = await caller(call, 'renewal')
    const certificate = await issue(call.request.csr, agent.id, peer)
    await registry.noteAuthorities(agent.id)
    log.info({ agentId: agent.id, formerEnd: new Date(former.notAfter), peer }, 'certificate of an agent renewed')
    return { certificate, ca: authorities() }
  })

  const session: handleBidiStreamingCall<Buffer, ToAgent> = (call) => {
    // At once: a client keeps everything it sent for a retry until response headers come.
    call.sendMetadata(new Metadata())
    call.on('error', (error) => log.debug({ err: error, peer: call.getPeer() }, 'session broke'))
    const run = async (): Promise<void> => {
      const { agent, certificate } = await caller(call, 'session')
      const { issuerKeyHash, notAfter } = certificate
      await registry.noteCertificate(agent.id, { issuer: issuerKeyHash, notAfter })
      const trusts = agent.trusts ?? [issuerKeyHash]
      const renewalDue = issuerKeyHash !== ca.keyHash || trusts.join(' ') !== ca.keyHashes.join(' ')
      await runSession({ ...options.session, call, agent, issuerKeyHash, renewalDue, notes, quotas })
    }
    run().catch((error: unknown) => {
      endWith(call, asRefusal(error, log))
    })
  }

  const tunnel: handleBidiStreamingCall<Chunk, Chunk> = (call) => {
    call.on('error', (error) => log.debug({ err: error, peer: call.getPeer() }, 'tunnel refused'))
    endWith(call, refusal(status.UNIMPLEMENTED, 'this controller opens no consoles'))
  }

  server.addService(service, { enrol, renew, session, tunnel })
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure())
  const opened = await openTlsFront({
    host: options.host,
    port: options.port,
    ca,
    limits,
    metrics,
    onRefused: (reason, peer) => notes.connection(reason, peer),
    log,
    now,
    onConnection: (socket) => injector.injectConnection(socket),
  })
  front = opened
  const rounds = new SettingsRounds(options.session)
  rounds.start()
  return {
    port: opened.port,
    get certificateEndsAtMs() {
      return opened.certificateEndsAtMs
    },
    refreshCertificate: () => opened.refresh(),
    async close() {
      await rounds.stop()
      injector.destroy()
      server.forceShutdown()
      await opened.close()
    },
  }
}

/**
 * The contract's service, but for how its requests are read: those of a session by the session itself, when it is their turn, so
 * that nothing is unpacked before it is known how much the agent may say; the others only if they are short.
 */
const service = {
  ...AgentService,
  enrol: { ...AgentService.enrol, requestDeserialize: short(AgentService.enrol.requestDeserialize) },
  renew: { ...AgentService.renew, requestDeserialize: short(AgentService.renew.requestDeserialize) },
  session: { ...AgentService.session, requestDeserialize: (bytes: Buffer) => bytes },
}

function short<Request>(deserialize: (bytes: Buffer) => Request): (bytes: Buffer) => Request {
  return (bytes) => {
    if (bytes.length <= maxRequestBytes) return deserialize(bytes)
    throw new Error(`a request of ${bytes.length} bytes; at most ${maxRequestBytes}`)
  }
}

const tooManyTokens = [
  status.RESOURCE_EXHAUSTED,
  'too many wrong join tokens from this address: wait a minute',
] as const

interface Caller {
  readonly metadata: Metadata
  getPeer(): string
}

function unary<Request, Reply>(
  log: Log,
  answer: (call: ServerUnaryCall<Request, Reply>) => Promise<Reply>,
): handleUnaryCall<Request, Reply> {
  return (call, callback) => {
    const run = async (): Promise<void> => {
      try {
        callback(null, await answer(call))
      } catch (error) {
        callback(asRefusal(error, log))
      }
    }
    void run()
  }
}

/** What a call ends with: a refusal as it is; anything else is our fault, and its details stay here. */
function asRefusal(error: unknown, log: Log): CallRefused {
  if (error instanceof CallRefused) return error
  log.error({ err: error }, 'call of an agent failed')
  return refusal(status.INTERNAL, 'internal error of the controller')
}
