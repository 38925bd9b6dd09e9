import { generateKeyPairSync } from 'node:crypto'
import { connect as connectTcp, type Socket } from 'node:net'
import { connect as connectTls, createServer, type TLSSocket } from 'node:tls'

import { status } from '@grpc/grpc-js'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import { makeCertificateRequest } from '../../agent/report/certificate-request.js'
import { EnrolmentRefused } from '../../agent/report/enrol.js'
import { loadIdentity, pem, type Identity } from '../../agent/report/identity.js'
import { openCertificateAuthority } from '../../controller/ingest/ca.js'
import { openEmbeddedState } from '../../controller/store/embedded-state/embedded-state.js'
import { AgentClient } from '../../proto/gen/headroom/v1/agent.js'
import { enrolAgent, hostDraft, hostNamed, openRawSession } from '../support/ingest-agent.js'
import { scratch, startIngest, type IngestController } from '../support/ingest-controller.js'
import { collectedLog } from '../support/log-lines.js'

let dir: Awaited<ReturnType<typeof scratch>>
let agentDir: Awaited<ReturnType<typeof scratch>>
let controller: IngestController
let lines: ReturnType<typeof collectedLog>['lines']

beforeEach(async () => {
  dir = await scratch()
  agentDir = await scratch()
  const collected = collectedLog()
  lines = collected.lines
  controller = await startIngest(dir.path, { helloWithinMs: 300, log: collected.log })
})
afterEach(async () => {
  await controller.stop()
  await dir.remove()
  await agentDir.remove()
})

const enrol = (token: string, address = controller.address): Promise<Identity> =>
  enrolAgent({ address, token, dataDir: agentDir.path, hosts: [hostNamed('one')] })

/** It was counted once, and written down with the peer. */
async function assertNoted(reason: string): Promise<void> {
  expect(await controller.counted('refusedConnections', reason)).toBe(1)
  const address = expect.stringMatching(/127\.0\.0\.1:\d+$/)
  expect(lines).toContainEqual(expect.objectContaining({ level: 40, reason, peer: address }))
}

/** A report of 4 MiB: a VM of no bytes again and again. */
function fullOfNothing(): Buffer {
  const bytes = Buffer.alloc(4 * 2 ** 20 - 100)
  for (let at = 0; at < bytes.length; at += 2) bytes[at] = 0x4a
  // Field 3, and a length of four bytes.
  const length = Buffer.from(
    [0, 7, 14, 21].map((shift, at) => ((bytes.length >> shift) & 0x7f) | (at === 3 ? 0 : 0x80)),
  )
  return Buffer.concat([Buffer.from([0x1a]), length, bytes])
}

/** A certificate of an authority for the key of an agent: what the controller itself would never issue. */
async function identityOf(issue: 'foreign' | 'server' | 'expired' | 'unknown'): Promise<Identity> {
  const { csrDer: csr, privateKeyPem } = await makeCertificateRequest()
  const caPem = controller.ca.certificatePem
  const row = await controller.agents.enrol(
    await controller.token(),
    { name: 'x', hosts: [], now: Date.now() },
    async () => new Uint8Array(),
  )
  const agentId = issue === 'unknown' ? 'agent-0' : row.status === 'enrolled' ? row.agent.id : ''
  if (issue === 'server') {
    const { certificatePem, privateKeyPem: serverKey } = await controller.ca.issueServer(Date.now())
    return { agentId, certificatePem, privateKeyPem: serverKey, caPem }
  }
  let authority = controller.ca
  if (issue === 'foreign') {
    const state = openEmbeddedState({ path: `${agentDir.path}/foreign.db` })
    authority = await openCertificateAuthority(state, Date.now())
    await state.close()
  }
  const at = issue === 'expired' ? Date.now() - 91 * 86_400_000 : Date.now()
  return {
    agentId,
    certificatePem: pem('CERTIFICATE', await authority.issueAgent(csr, agentId, at)),
    privateKeyPem,
    caPem,
  }
}

describe('enrolment', () => {
  it('gives an identity once for a token; the token file is gone then', async () => {
    const token = await controller.token()
    const identity = await enrol(token)
    expect(await loadIdentity(agentDir.path)).toEqual(identity)
    expect(await controller.agents.find(identity.agentId)).toMatchObject({ name: 'test agent', hosts: ['id-of-one'] })
    const again = await scratch()
    const second = enrolAgent({ address: controller.address, token, dataDir: again.path, hosts: [hostNamed('two')] })
    await expect(second).rejects.toThrow(/not known, or was used before/)
    await again.remove()
    await assertNoted('unknown-token')
  })

  it.each([
    ['a guessed secret', (token: string) => token.replace(/\..{5}/, '.xxxxx'), 'unknown-token'],
    ['an unknown id', (token: string) => `zzzzzzzz${token.slice(8)}`, 'unknown-token'],
  ])('refuses %s', async (_name, spoil, reason) => {
    await expect(enrol(spoil(await controller.token()))).rejects.toBeInstanceOf(EnrolmentRefused)
    await assertNoted(reason)
  })

  it('refuses an expired token', async () => {
    const token = await controller.agents.createJoinToken({ now: Date.now() - 10, validMs: 1, grant: 'any', note: '' })
    await expect(enrol(token)).rejects.toThrow(/expired/)
    await assertNoted('expired-token')
  })

  it('refuses a host that another agent speaks for', async () => {
    await enrol(await controller.token())
    const again = await scratch()
    const token = await controller.token()
    const taken = enrolAgent({ address: controller.address, token, dataDir: again.path, hosts: [hostNamed('one')] })
    await expect(taken).rejects.toThrow(/another agent speaks for one of these hosts/)
    await assertNoted('host-taken')
    await again.remove()
  })

  it('never shows the token to a controller that is not the one that made it', async () => {
    // Made by hand: a TLS server with a certificate of another authority, which writes down what it is told.
    const state = openEmbeddedState({ path: `${agentDir.path}/impostor.db` })
    const other = await openCertificateAuthority(state, Date.now())
    await state.close()
    const own = await other.issueServer(Date.now())
    let heard = ''
    const impostor = createServer({
      key: own.privateKeyPem,
      cert: `${own.certificatePem}\n${other.certificatePem}`,
      ALPNProtocols: ['h2'],
    })
    impostor.on('secureConnection', (socket: TLSSocket) => {
      socket.on('data', (bytes: Buffer) => {
        heard += bytes.toString('latin1')
      })
      socket.on('error', () => undefined)
    })
    await new Promise<void>((resolve) => impostor.listen(0, '127.0.0.1', resolve))
    const address = impostor.address()
    const port = typeof address === 'object' ? (address?.port ?? 0) : 0
    const token = await controller.token()
    await expect(enrol(token, `127.0.0.1:${port}`)).rejects.toThrow(/is not the one that made the join token/)
    expect(heard).toBe('')
    await new Promise((resolve) => impostor.close(resolve))
    // The token was not used up by that.
    await expect(enrol(token)).resolves.toMatchObject({ caPem: expect.stringContaining('BEGIN CERTIFICATE') })
  })

  it.each([
    ['no token', ''],
    ['no hash', 'a.b'],
    ['rubbish', '\u0000\n..'],
  ])('refuses %s', async (_name, token) => {
    await expect(enrol(token)).rejects.toBeInstanceOf(EnrolmentRefused)
  })

  it('a request that is malformed uses nothing up', async () => {
    const token = await controller.token()
    const { credentials } = await import('@grpc/grpc-js')
    const client = new AgentClient(
      controller.address,
      credentials.createSsl(Buffer.from(controller.ca.certificatePem)),
      {
        'grpc.ssl_target_name_override': 'controller.headroom.internal',
      },
    )
    const csr = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ type: 'spki', format: 'der' })
    const code = await new Promise((resolve) => {
      const request = {
        joinToken: token,
        csr,
        agentName: 'x',
        version: '',
        hosts: [{ hostId: 'h', name: 'h', kind: 1 }],
      }
      client.enrol({ ...request, hosts: [] }, (error) => resolve(error?.code))
    })
    client.close()
    expect(code).toBe(status.INVALID_ARGUMENT)
    expect(await controller.agents.list()).toEqual([])
    await expect(enrol(token)).resolves.toMatchObject({ agentId: expect.stringMatching(/^agent-/) })
  })

  it('ends at once when the agent stops meanwhile', async () => {
    // Made by hand: a server that takes the connection and says nothing.
    const { createServer: createTcp } = await import('node:net')
    const silent = createTcp()
    const taken: Socket[] = []
    silent.on('connection', (socket) => taken.push(socket))
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
    const address = silent.address()
    const port = typeof address === 'object' ? (address?.port ?? 0) : 0
    const stop = new AbortController()
    const enrolling = enrolAgent({
      address: `127.0.0.1:${port}`,
      token: await controller.token(),
      dataDir: agentDir.path,
      hosts: [],
      signal: stop.signal,
    })
    await vi.waitFor(() => expect(taken).toHaveLength(1))
    stop.abort()
    await expect(enrolling).rejects.toThrow('the agent stops')
    for (const socket of taken) socket.destroy()
    await new Promise((resolve) => silent.close(resolve))
  })
})

describe('sessions', () => {
  it.each([
    ['no certificate', undefined, 'no-certificate'],
    ['a certificate of another authority', 'foreign', 'other-authority'],
    ["the controller's own kind of certificate", 'server', 'other-authority'],
    ['an expired certificate', 'expired', 'certificate-expired'],
    ['a certificate of an agent that does not exist', 'unknown', 'agent-unknown'],
  ] as const)('are refused with %s, and counted', async (_name, issue, reason) => {
    const identity = issue === undefined ? undefined : await identityOf(issue)
    const session = openRawSession(controller.address, identity, controller.ca.certificatePem)
    session.hello({ hosts: [hostDraft('one')] })
    expect(await session.ended).toMatchObject({ code: status.UNAUTHENTICATED })
    session.close()
    await assertNoted(reason)
    expect(controller.fleet.snapshot().agents.size).toBe(0)
  })

  it('that are refused leave few lines, also if the clock is set meanwhile', async () => {
    let aheadMs = 0
    const { log: kept, lines: written } = collectedLog()
    const other = await scratch()
    const steered = await startIngest(other.path, { log: kept, now: () => Date.now() + aheadMs })
    for (let count = 0; count < 7; count += 1) {
      const session = openRawSession(steered.address, undefined, steered.ca.certificatePem)
      expect(await session.ended).toMatchObject({ code: status.UNAUTHENTICATED })
      session.close()
      aheadMs += 120_000
    }
    expect(await steered.counted('refusedConnections', 'no-certificate')).toBe(7)
    expect(written.filter(({ reason }) => reason === 'no-certificate')).toHaveLength(5)
    await steered.stop()
    await other.remove()
  })

  it('of a revoked agent are refused', async () => {
    const identity = await enrol(await controller.token())
    const row = await controller.agents.find(identity.agentId)
    await controller.state.tx(async (tx) => tx.put('agents', identity.agentId, { ...row, revoked: true }))
    const session = openRawSession(controller.address, identity)
    expect(await session.ended).toMatchObject({ code: status.PERMISSION_DENIED })
    await assertNoted('agent-revoked')
    session.close()
  })

  it('end without a hello in time', async () => {
    const session = openRawSession(controller.address, await enrol(await controller.token()))
    expect(await session.ended).toMatchObject({ code: status.DEADLINE_EXCEEDED, details: 'no hello' })
    session.close()
    await assertNoted('no-hello')
  })

  it('end when something comes before the hello', async () => {
    const session = openRawSession(controller.address, await enrol(await controller.token()))
    session.report({ hostId: 'id-of-one', seq: 1 })
    expect(await session.ended).toMatchObject({ code: status.FAILED_PRECONDITION })
    session.close()
    await assertNoted('no-hello')
    expect((await controller.metrics.sessions.get()).values[0]?.value).toBe(0)
  })

  it('drop and count reports and inventories of a host that was not granted; the rest goes on', async () => {
    const session = openRawSession(controller.address, await enrol(await controller.token()))
    session.hello({ hosts: [hostDraft('one'), hostDraft('two')] })
    await vi.waitFor(() => expect(session.received.length).toBeGreaterThan(0))
    const [welcome] = session.received
    expect(welcome?.message).toMatchObject({ $case: 'welcome', value: { refusedHostIds: ['id-of-two'] } })
    session.inventory({ hostId: 'id-of-two', host: { name: 'two' } })
    session.report({ hostId: 'id-of-two', seq: 1 })
    session.report({ hostId: 'id-of-two/../id-of-one', seq: 2 })
    session.report({ hostId: 'id-of-one', seq: 3, host: { load1: 3 } })
    await vi.waitFor(() => expect(session.acked()).toBe(3))
    expect([...controller.fleet.snapshot().hosts.keys()]).toEqual(['id-of-one'])
    expect(await controller.counted('refusedConnections', 'host-not-granted')).toBe(1)
    expect(lines).toContainEqual(
      expect.objectContaining({ level: 40, hostIds: ['id-of-two'], peer: expect.any(String) }),
    )
    expect(await controller.counted('refusedFields', 'host_id.not-granted')).toBe(2)
    expect(await controller.counted('refusedFields', 'report.host_id')).toBe(1)
    session.close()
  })

  it.each([
    ['a message over 4 MiB', Buffer.alloc(10 * 1024 * 1024), status.RESOURCE_EXHAUSTED, 'too-large'],
    ['bytes that are no message', Buffer.from([0x0a, 0xff, 0xff]), status.INVALID_ARGUMENT, 'malformed'],
    ['a message of too many parts', fullOfNothing(), status.INVALID_ARGUMENT, 'too-many-parts'],
  ])('%s ends that session only', async (_name, bytes, code, reason) => {
    const bad = openRawSession(controller.address, await enrol(await controller.token()))
    bad.hello({ hosts: [hostDraft('one')] })
    const otherDir = await scratch()
    const token = await controller.token()
    const good = openRawSession(
      controller.address,
      await enrolAgent({ address: controller.address, token, dataDir: otherDir.path, hosts: [hostNamed('two')] }),
    )
    good.hello({ hosts: [hostDraft('two')] })
    await vi.waitFor(() => expect(controller.fleet.snapshot().agents.size).toBe(2))
    bad.send(bytes)
    expect(await bad.ended).toMatchObject({ code })
    expect(await controller.counted('refusedMessages', reason)).toBe(1)
    expect(lines).toContainEqual(expect.objectContaining({ reason, peer: expect.stringContaining('127.0.0.1:') }))
    good.report({ hostId: 'id-of-two', seq: 1 })
    await vi.waitFor(() => expect(good.acked()).toBe(1))
    await vi.waitFor(() => {
      const connected = [...controller.fleet.snapshot().agents.values()].filter((one) => one.connected)
      expect(connected.map((one) => one.hostIds)).toEqual([['id-of-two']])
    })
    bad.close()
    good.close()
    await otherDir.remove()
  })

  it('cannot move the marks of a spool of another agent', async () => {
    const victim = openRawSession(controller.address, await enrol(await controller.token()))
    victim.hello({ hosts: [hostDraft('one')], spoolId: 's' })
    const otherDir = await scratch()
    const token = await controller.token()
    const thief = openRawSession(
      controller.address,
      await enrolAgent({ address: controller.address, token, dataDir: otherDir.path, hosts: [hostNamed('two')] }),
    )
    thief.hello({ hosts: [hostDraft('two')], spoolId: 's' })
    thief.report({ hostId: 'id-of-two', seq: 1_000_000, spoolId: 's' })
    await vi.waitFor(() => expect(thief.acked()).toBe(1_000_000))
    victim.report({ hostId: 'id-of-one', seq: 1, spoolId: 's', host: { load1: 1 } })
    await vi.waitFor(() => expect(victim.acked()).toBe(1))
    expect(await controller.counted('duplicates')).toBe(0)
    victim.close()
    thief.close()
    await otherDir.remove()
  })
})

describe('the port', () => {
  it('outlives whatever connects to it', async () => {
    const [host = '', port = ''] = controller.address.split(':')
    const at = { host, port: Number(port) }
    const plain = connectTcp(at)
    plain.on('error', () => undefined)
    plain.write('GET / HTTP/1.1\r\n\r\n')
    const noAlpn = connectTls({ ...at, rejectUnauthorized: false })
    noAlpn.on('error', () => undefined)
    noAlpn.write('\u0000'.repeat(1000))
    const http1 = connectTls({ ...at, rejectUnauthorized: false, ALPNProtocols: ['http/1.1'] })
    http1.on('error', () => undefined)
    http1.resume()
    const garbage = connectTls({ ...at, rejectUnauthorized: false, ALPNProtocols: ['h2'] })
    garbage.on('error', () => undefined)
    garbage.resume()
    garbage.write('this is no HTTP/2 preface, nor will it be one\r\n\r\n')
    await vi.waitFor(
      () => expect([plain, http1, garbage].map((socket) => socket.destroyed)).toEqual([true, true, true]),
      5000,
    )
    noAlpn.destroy()
    const session = openRawSession(controller.address, await enrol(await controller.token()))
    session.hello({ hosts: [hostDraft('one')] })
    await vi.waitFor(() => expect(session.received.length).toBeGreaterThan(0))
    session.close()
    expect(await controller.counted('refusedConnections', 'tls')).toBeGreaterThan(0)
  })

  it('closes quickly with idle peers, half-open ones and sessions', async () => {
    const [host = '', port = ''] = controller.address.split(':')
    const idle = connectTcp({ host, port: Number(port) })
    const shaken = connectTls({ host, port: Number(port), rejectUnauthorized: false, ALPNProtocols: ['h2'] })
    for (const socket of [idle, shaken]) socket.on('error', () => undefined).resume()
    const session = openRawSession(controller.address, await enrol(await controller.token()))
    session.hello({ hosts: [hostDraft('one')] })
    await vi.waitFor(() => expect(session.received.length).toBeGreaterThan(0))
    await vi.waitFor(() => expect(idle.readyState).toBe('open'))
    const began = performance.now()
    await controller.server.close()
    expect(performance.now() - began).toBeLessThan(1000)
    await session.ended
    session.close()
    await vi.waitFor(() => expect([idle.destroyed, shaken.destroyed]).toEqual([true, true]))
  })
})
