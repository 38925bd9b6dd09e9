import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { Client, credentials, Metadata, type ClientDuplexStream, type ServiceError } from '@grpc/grpc-js'

import type { HostIdentity } from '../../agent/hypervisor/hypervisor.js'
import { channelCredentials, obtainIdentity } from '../../agent/report/enrol.js'
import type { Identity } from '../../agent/report/identity.js'
import { createLog } from '../../common/log.js'
import { controllerServerName } from '../../common/tls.js'
import { AgentService, FromAgent, Hello, ToAgent } from '../../proto/gen/headroom/v1/agent.js'
import { Inventory } from '../../proto/gen/headroom/v1/inventory.js'
import { Report } from '../../proto/gen/headroom/v1/report.js'

export function hostNamed(name: string): HostIdentity {
  return { hostId: `id-of-${name}`, name, kind: 'kvm', bootId: 'boot-1', simulated: true }
}

/** Enrols by the agent's own code. */
export async function enrolAgent(options: {
  readonly address: string
  readonly token: string
  readonly dataDir: string
  readonly hosts: readonly HostIdentity[]
  readonly signal?: AbortSignal
}): Promise<Identity> {
  const joinTokenFile = join(options.dataDir, `join-token-${Math.random().toString(36).slice(2)}`)
  await writeFile(joinTokenFile, options.token)
  return obtainIdentity({
    dataDir: options.dataDir,
    address: options.address,
    joinTokenFile,
    agentName: 'test agent',
    version: '0.1.0',
    hosts: options.hosts,
    log: createLog('test', 'silent'),
    signal: options.signal ?? new AbortController().signal,
  })
}

/** A session by hand, to say what no agent of ours says. Messages are drafts: the wire's JSON. */
export interface RawSession {
  readonly received: readonly ToAgent[]
  readonly ended: Promise<{ readonly code: number; readonly details: string }>
  hello(draft?: object): void
  inventory(draft: object): void
  report(draft: object): void
  send(bytes: Buffer): void
  /** The newest ack; 0 before the first. */
  acked(): number
  close(): void
}

export function openRawSession(
  address: string,
  identity: Identity | undefined,
  caPem?: string,
  onMessage: (message: ToAgent) => void = () => undefined,
): RawSession {
  const secure =
    identity === undefined
      ? credentials.createSsl(Buffer.from(caPem ?? ''))
      : channelCredentials(caPem === undefined ? identity : { ...identity, caPem })
  const client = new Client(address, secure, {
    'grpc.ssl_target_name_override': controllerServerName,
    'grpc.enable_retries': 0,
    'grpc.max_send_message_length': -1,
  })
  const stream: ClientDuplexStream<Buffer, ToAgent> = client.makeBidiStreamRequest(
    AgentService.session.path,
    (bytes: Buffer) => bytes,
    (bytes: Buffer) => ToAgent.decode(bytes),
    new Metadata(),
  )
  const received: ToAgent[] = []
  stream.on('data', (message: ToAgent) => {
    received.push(message)
    onMessage(message)
  })
  const ended = new Promise<{ code: number; details: string }>((resolve) => {
    stream.on('error', (error: ServiceError) => resolve({ code: error.code, details: error.details }))
    stream.on('status', (status: { code: number; details: string }) => resolve(status))
  })
  const write = (message: FromAgent): void => {
    stream.write(Buffer.from(FromAgent.encode(message).finish()))
  }
  return {
    received,
    ended,
    hello: (draft = {}) =>
      write({
        message: { $case: 'hello', value: Hello.fromJSON({ spoolId: 's', wallMs: Date.now(), nextSeq: 1, ...draft }) },
      }),
    inventory: (draft) => write({ message: { $case: 'inventory', value: Inventory.fromJSON(draft) } }),
    report: (draft) =>
      write({
        message: { $case: 'report', value: Report.fromJSON({ spoolId: 's', atMs: Date.now(), lane: 1, ...draft }) },
      }),
    send: (bytes) => {
      stream.write(bytes)
    },
    acked: () =>
      received.reduce(
        (newest, { message }) =>
          message?.$case === 'ack' ? Math.max(newest, Number(message.value.throughSeq)) : newest,
        0,
      ),
    close() {
      stream.cancel()
      client.close()
    },
  }
}

/** A host of a hello, as a draft. */
export function hostDraft(name: string, more: object = {}): object {
  return {
    hostId: `id-of-${name}`,
    name,
    kind: 1,
    bootId: 'boot-1',
    capabilities: ['cpu', 'host-cpu'].map((capability) => ({ name: capability, support: 1 })),
    ...more,
  }
}
