import { afterEach, describe, expect, it, vi } from 'vitest'

import { startFakeDaemon, type FakeDaemon } from '../../../test/support/libvirt-fake-daemon.js'
import { HypervisorDenied, HypervisorUnavailable } from '../hypervisor.js'
import { RpcConnection, type ConnectionOptions } from './connection.js'
import { asOpenError, unixSocket } from './endpoint.js'
import {
  encodePacket,
  keepAliveProcedure,
  keepAliveProgram,
  packetStatus,
  packetType,
  remoteProgram,
} from './packet.js'
import { CallAbandoned, LibvirtError } from './rpc-error.js'
import { XdrWriter } from './xdr.js'

const stops: (() => Promise<void> | void)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop()
})

async function connected(daemon: FakeDaemon, options: Partial<ConnectionOptions> = {}): Promise<RpcConnection> {
  stops.push(() => daemon.stop())
  const connection = await RpcConnection.connect({ endpoint: unixSocket(daemon.path), ...options })
  stops.push(() => connection.close())
  return connection
}

const nothing = Buffer.alloc(0)
const reply = { program: remoteProgram, version: 1, procedure: 1, type: packetType.reply, serial: 1, status: 0 }

describe('calls', () => {
  it('get their own answers, in whatever order these come', async () => {
    const daemon = await startFakeDaemon(() => 'silence')
    const connection = await connected(daemon)
    const answers = [1, 2, 3].map(async (number) => (await connection.call(number, nothing)).int())
    await vi.waitFor(() => expect(daemon.calls).toHaveLength(3))
    for (const call of daemon.calls.toReversed()) daemon.answer(call, new XdrWriter().int(call.procedure * 10).bytes())
    expect(await Promise.all(answers)).toEqual([10, 20, 30])
  })

  it('reject with libvirt’s code and message', async () => {
    const connection = await connected(await startFakeDaemon(() => ({ code: 42, message: 'no domain' })))
    const failure = connection.call(16, nothing)
    await expect(failure).rejects.toThrow(LibvirtError)
    await expect(failure).rejects.toMatchObject({ code: 42, message: 'no domain' })
  })

  it('beyond the limit wait; one that was abandoned keeps its place until the daemon answers it', async () => {
    const daemon = await startFakeDaemon(() => 'silence')
    const connection = await connected(daemon, { maxInFlight: 2 })
    const abandoned = connection.call(1, nothing, { deadlineMs: 30 })
    const second = connection.call(2, nothing)
    const third = connection.call(3, nothing)
    const error: unknown = await abandoned.catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(CallAbandoned)
    await vi.waitFor(() => expect(daemon.calls.map((call) => call.procedure)).toEqual([1, 2]))

    const [first] = daemon.calls
    if (first === undefined || !(error instanceof CallAbandoned)) throw new Error('no call')
    daemon.answer(first, nothing)
    expect(await error.late).toBe('answered')
    await vi.waitFor(() => expect(daemon.calls.map((call) => call.procedure)).toEqual([1, 2, 3]))
    for (const call of daemon.calls.slice(1)) daemon.answer(call, nothing)
    await Promise.all([second, third])
  })

  it('that time out while waiting are never sent', async () => {
    const daemon = await startFakeDaemon(() => 'silence')
    const connection = await connected(daemon, { maxInFlight: 1 })
    const first = connection.call(1, nothing)
    await expect(connection.call(2, nothing, { deadlineMs: 20 })).rejects.toMatchObject({ why: 'timeout' })
    const [call] = daemon.calls
    if (call === undefined) throw new Error('no call')
    daemon.answer(call, nothing)
    await first
    expect(daemon.calls).toHaveLength(1)
  })

  it('end when their signal aborts', async () => {
    const connection = await connected(await startFakeDaemon(() => 'silence'))
    const abort = new AbortController()
    const call = connection.call(1, nothing, { signal: abort.signal })
    abort.abort()
    await expect(call).rejects.toMatchObject({ why: 'aborted' })
  })

  it('are all rejected when the daemon goes', async () => {
    const daemon = await startFakeDaemon(() => 'silence')
    const connection = await connected(daemon, { maxInFlight: 1 })
    const calls = [1, 2, 3].map((number) => connection.call(number, nothing))
    await vi.waitFor(() => expect(daemon.calls).toHaveLength(1))
    for (const socket of daemon.connections) socket.destroy()
    for (const call of calls) await expect(call).rejects.toThrow(HypervisorUnavailable)
    expect(connection.open).toBe(false)
    await expect(connection.call(4, nothing)).rejects.toThrow(HypervisorUnavailable)
  })
})

describe('the daemon', () => {
  it('gets a pong for its ping', async () => {
    const daemon = await startFakeDaemon()
    await connected(daemon)
    await vi.waitFor(() => expect(daemon.connections).toHaveLength(1))
    const header = { program: keepAliveProgram, version: 1, type: packetType.message, serial: 0, status: 0 }
    daemon.connections[0]?.write(encodePacket({ ...header, procedure: keepAliveProcedure.ping, payload: nothing }))
    await vi.waitFor(() => expect(daemon.pongs.map((packet) => packet.procedure)).toEqual([keepAliveProcedure.pong]))
  })

  it('counts as gone when it says nothing at all for four intervals', async () => {
    const connection = await connected(await startFakeDaemon(() => 'silence'), { keepAliveMs: 20 })
    expect((await connection.ended).message).toMatch(/no sign of life/)
  })

  it.each([
    ['an impossible length', Buffer.from('00000003ffffffff', 'hex')],
    ['text', Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')],
    ['an error that is cut short', encodePacket({ ...reply, status: packetStatus.error, payload: nothing })],
  ])('that answers with %s loses the connection, and the call with it', async (_, bytes) => {
    const daemon: FakeDaemon = await startFakeDaemon(() => {
      daemon.connections[0]?.write(bytes)
      return 'silence'
    })
    const connection = await connected(daemon)
    await expect(connection.call(1, nothing)).rejects.toThrow(/no libvirt message/)
    expect(connection.open).toBe(false)
  })

  it('that answers what was never asked is not heard', async () => {
    const daemon: FakeDaemon = await startFakeDaemon(() => {
      daemon.connections[0]?.write(encodePacket({ ...reply, serial: 99, payload: nothing }))
      return new XdrWriter().int(7).bytes()
    })
    expect((await (await connected(daemon)).call(1, nothing)).int()).toBe(7)
  })

  it('that sends a broken event loses the connection, not the program', async () => {
    const event = { program: remoteProgram, version: 1, procedure: 318, type: packetType.message, serial: 0, status: 0 }
    const daemon = await startFakeDaemon(
      () => 'silence',
      (socket) => socket.write(encodePacket({ ...event, payload: nothing })),
    )
    const connection = await connected(daemon, { onMessage: (_, payload) => void payload.int() })
    expect((await connection.ended).message).toMatch(/no libvirt message/)
  })
})

describe('opening', () => {
  it.each([
    ['EACCES', '/run/libvirt/libvirt-sock', HypervisorDenied, /group libvirt.*libvirt-sock-ro/],
    ['EACCES', '/run/libvirt/libvirt-sock-ro', HypervisorDenied, /directory/],
    ['ENOENT', '/run/libvirt/libvirt-sock', HypervisorUnavailable, /there is no/],
    ['ECONNREFUSED', '/run/libvirt/libvirt-sock', HypervisorUnavailable, /nothing listens/],
    ['EMFILE', '/run/libvirt/libvirt-sock', HypervisorUnavailable, /cannot connect/],
  ])('%s on %s', (code, path, kind, message) => {
    const error = asOpenError(path, Object.assign(new Error(code), { code }))
    expect(error).toBeInstanceOf(kind)
    expect(error.message).toMatch(message)
    expect(error.message).toContain(path)
  })

  it('says so when there is no socket', async () => {
    await expect(RpcConnection.connect({ endpoint: unixSocket('/nonexistent/sock') })).rejects.toThrow(
      /there is no \/nonexistent\/sock/,
    )
  })
})

it('does not blame the daemon for a pause of our own', async () => {
  const daemon = await startFakeDaemon(() => 'silence')
  const connection = await connected(daemon)
  const call = connection.call(1, nothing, { deadlineMs: 50 })
  await vi.waitFor(() => expect(daemon.calls).toHaveLength(1), { interval: 1 })
  // The answer is under way while this program is busy with something else.
  for (const asked of daemon.calls) daemon.answer(asked, nothing)
  const endMs = performance.now() + 100
  while (performance.now() < endMs);
  expect((await call).remaining).toBe(0)
})
