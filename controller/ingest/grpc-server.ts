import {
  Metadata,
  Server,
  ServerCredentials,
  status,
  type handleBidiStreamingCall,
  type handleUnaryCall,
} from '@grpc/grpc-js'

import type { Log } from '../../common/log.js'
import {
  AgentService,
  type AgentServer,
  type Chunk,
  type EnrolReply,
  type EnrolRequest,
  type FromAgent,
  type RenewReply,
  type RenewRequest,
  type ToAgent,
} from '../../proto/gen/headroom/v1/agent.js'
import type { AgentRegistry } from './agent-registry.js'
import type { CertificateAuthority } from './ca.js'
import { FieldCheck } from './field-check.js'
import { wireLimits } from './from-wire.js'
import { CallRefused, refusal } from './grpc-refusal.js'
import { runSession, type SessionContext } from './grpc-session.js'
import { countRefusals, type IngestMetrics } from './ingest-metrics.js'
import { openTlsFront } from './tls-front.js'

export interface IngestServer {
  readonly port: number
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
  readonly session: Omit<SessionContext, 'call' | 'agent'>
}): Promise<IngestServer> {
  const { ca, registry, metrics, log, now } = options
  const server = new Server({
    'grpc.max_receive_message_length': wireLimits.maxMessageBytes,
    'grpc.keepalive_time_ms': 20_000,
    'grpc.keepalive_timeout_ms': 10_000,
    'grpc.max_concurrent_streams': 16,
  })

  const refuse = (reason: string, code: status, details: string, peer: string): Error => {
    metrics.refusedConnections.inc({ reason })
    log.warn({ reason, peer }, 'call of an agent refused')
    return refusal(code, details)
  }

  const unauthenticated = (peer: string): Error =>
    refuse('no-certificate', status.UNAUTHENTICATED, 'a valid certificate of this controller is needed', peer)

  /** Issues a certificate; what is wrong with a request is the requester's business, not a fault of ours. */
  const issue = async (csr: Uint8Array, agentId: string, peer: string): Promise<Buffer> => {
    try {
      return Buffer.from(await ca.issueAgent(csr, agentId, now()))
    } catch (error) {
      log.debug({ err: error, peer }, 'certificate request not usable')
      throw refuse('bad-request', status.INVALID_ARGUMENT, 'the certificate request is malformed', peer)
    }
  }

  const enrol = unary<EnrolRequest, EnrolReply>(log, async ({ request, peer }) => {
    const check = new FieldCheck()
    const name = check.text('enrol.agent_name', request.agentName, 128)
    const hostIds = check
      .list('enrol.hosts', request.hosts, wireLimits.maxHostsPerAgent)
      .flatMap((host) => check.id('enrol.host_id', host.hostId) ?? [])
    countRefusals(metrics, check, log)
    const outcome = await registry.enrol(request.joinToken, { name, hostIds, now: now() }, (agentId) =>
      issue(request.csr, agentId, peer),
    )
    if (outcome.status === 'refused') {
      throw refuse(outcome.reason, status.PERMISSION_DENIED, refusedEnrolment[outcome.reason], peer)
    }
    const { agent, certificate } = outcome
    log.info({ agentId: agent.id, name, hostIds, peer }, 'agent enrolled')
    const grantedHostIds = agent.hosts === 'any' ? hostIds : agent.hosts
    return {
      agentId: agent.id,
      certificate: Buffer.from(certificate),
      ca: [Buffer.from(ca.certificateDer)],
      grantedHostIds,
    }
  })

  const renew = unary<RenewRequest, RenewReply>(log, async ({ request, peer, agentId }) => {
    const agent = agentId === undefined ? undefined : await registry.find(agentId)
    if (agent === undefined) throw unauthenticated(peer)
    const certificate = await issue(request.csr, agent.id, peer)
    log.info({ agentId: agent.id }, 'certificate of an agent renewed')
    return { certificate, ca: [Buffer.from(ca.certificateDer)] }
  })

  const session: handleBidiStreamingCall<FromAgent, ToAgent> = (call) => {
    // At once: a client keeps everything it sent for a retry until response headers come.
    call.sendMetadata(new Metadata())
    call.on('error', (error) => log.debug({ err: error, peer: call.getPeer() }, 'session broke'))
    const run = async (): Promise<void> => {
      const agentId = peerAgentId(call)
      const agent = agentId === undefined ? undefined : await registry.find(agentId)
      if (agent === undefined) throw unauthenticated(call.getPeer())
      await runSession({ ...options.session, call, agent })
    }
    run().catch((error: unknown) => {
      call.destroy(asRefusal(error, log))
    })
  }

  const tunnel: handleBidiStreamingCall<Chunk, Chunk> = (call) => {
    call.on('error', (error) => log.debug({ err: error, peer: call.getPeer() }, 'tunnel refused'))
    call.destroy(refusal(status.UNIMPLEMENTED, 'this controller opens no consoles'))
  }

  const handlers: AgentServer = { enrol, renew, session, tunnel }
  server.addService(AgentService, handlers)
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure())
  const front = await openTlsFront({
    host: options.host,
    port: options.port,
    ca,
    metrics,
    log,
    now,
    onConnection: (socket) => injector.injectConnection(socket),
  })
  return {
    port: front.port,
    async close() {
      injector.destroy()
      server.forceShutdown()
      await front.close()
    },
  }
}

/** The agent id in the peer's certificate; undefined if it showed none that our CA signed for clients. */
function peerAgentId(call: {
  getAuthContext(): { sslPeerCertificate?: { subject: { CN?: string | string[] }; ext_key_usage?: string[] } }
}): string | undefined {
  const certificate = call.getAuthContext().sslPeerCertificate
  const clientAuth = '1.3.6.1.5.5.7.3.2'
  if (certificate === undefined || !(certificate.ext_key_usage?.includes(clientAuth) ?? false)) return undefined
  const name = certificate.subject.CN
  return typeof name === 'string' ? name : undefined
}

const refusedEnrolment = {
  'unknown-token': 'the join token is not known, or was used before; make a new one on the controller',
  'expired-token': 'the join token has expired; make a new one on the controller',
  'host-taken': 'another agent speaks for one of these hosts; revoke it first',
} as const

interface UnaryRequest<Request> {
  readonly request: Request
  readonly peer: string
  /** From the peer's certificate. */
  readonly agentId: string | undefined
}

function unary<Request, Reply>(
  log: Log,
  answer: (request: UnaryRequest<Request>) => Promise<Reply>,
): handleUnaryCall<Request, Reply> {
  return (call, callback) => {
    const run = async (): Promise<void> => {
      try {
        const reply = await answer({ request: call.request, peer: call.getPeer(), agentId: peerAgentId(call) })
        callback(null, reply)
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
