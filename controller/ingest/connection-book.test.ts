import { describe, expect, it } from 'vitest'

import { ConnectionBook, type Connection, type ConnectedSocket } from './connection-book.js'
import { defaultConnectionLimits, type ConnectionLimits } from './connection-limits.js'

class FakeSocket implements ConnectedSocket {
  bytesRead = 0
  isOpen = true
  destroy(): void {
    this.isOpen = false
  }
}

function book(limits: Partial<ConnectionLimits> = {}): {
  book: ConnectionBook
  refused: string[]
  connect: (port: number, now?: number, address?: string) => { connection: Connection | undefined; socket: FakeSocket }
  agent: (agentId: string, port: number, now?: number) => { connection: Connection; socket: FakeSocket }
} {
  const refused: string[] = []
  const made = new ConnectionBook(
    { ...defaultConnectionLimits, ...limits },
    (reason, peer) => {
      refused.push(`${reason} ${peer}`)
    },
    0,
  )
  const connect = (port: number, now = 0, address = '192.0.2.1') => {
    const socket = new FakeSocket()
    return { socket, connection: made.accept(socket, { address, port }, now) }
  }
  return {
    book: made,
    refused,
    connect,
    agent(agentId, port, now = 0) {
      const { socket, connection } = connect(port, now)
      if (connection === undefined) throw new Error('refused')
      made.identify(connection, agentId, now)
      return { socket, connection }
    },
  }
}

describe('new connections', () => {
  it('are let in at a rate, of each address and in all', () => {
    const { connect, refused } = book({ newPerSecondPerAddress: 8, newPerSecond: 12 })
    for (const port of [1, 2, 3]) connect(port)
    for (const port of [4, 5]) connect(port, 0, '192.0.2.2')
    connect(6, 125)
    expect(refused).toEqual(['too-fast 192.0.2.1:3', 'too-fast 192.0.2.2:5'])
  })

  it('forget addresses that have been quiet', () => {
    const { book: made, connect } = book({ newPerSecondPerAddress: 1 })
    connect(1)
    made.sweep(5000)
    expect(connect(2, 5000).connection).toBeDefined()
  })
})

describe('strangers', () => {
  it('are so many of one address, and the first are left to end their handshakes; agents are never touched by that', () => {
    const { connect, agent, refused, book: made } = book({ strangersPerAddress: 2, strangers: 3 })
    const good = agent('a', 1)
    const own = [2, 3, 4].map((port) => connect(port))
    for (const { socket } of own) socket.bytesRead = 1
    connect(5, 9000)
    expect(refused).toEqual(['crowded 192.0.2.1:4', 'crowded 192.0.2.1:5'])
    expect([...own, good].map(({ socket }) => socket.isOpen)).toEqual([true, true, false, true])
    expect([made.strangers, made.agentConnections]).toEqual([2, 1])
  })

  it('that say nothing make room after a while, the oldest first', () => {
    const { connect, refused } = book({ strangersPerAddress: 2 })
    const [first, second] = [connect(1), connect(2, 1)]
    connect(3, 2999)
    connect(4, 3000)
    second.socket.bytesRead = 1
    connect(5, 9000)
    connect(6, 9000)
    expect(refused).toEqual([
      'crowded 192.0.2.1:3',
      'crowded 192.0.2.1:1',
      'crowded 192.0.2.1:4',
      'crowded 192.0.2.1:6',
    ])
    expect([first.socket.isOpen, second.socket.isOpen]).toEqual([false, true])
  })

  it('of an address that has most of them make room for those of others', () => {
    const { connect, refused, book: made } = book({ strangersPerAddress: 3, strangers: 4 })
    const many = [1, 2, 3].map((port) => connect(port))
    const few = [4, 5, 6].map((port) => connect(port, 0, '192.0.2.2'))
    expect(refused).toEqual(['crowded 192.0.2.1:1', 'crowded 192.0.2.2:6'])
    expect([...many, ...few].map(({ socket }) => socket.isOpen)).toEqual([false, true, true, true, true, false])
    expect(made.strangers).toBe(4)
  })

  it.each([
    ['in its handshake', 9999, 10_000, 'handshake-timeout', false],
    ['that shook hands and has no call', 14_999, 15_000, 'no-call', true],
  ])('%s has its time', (_what, before, after, reason, hasShaken) => {
    const { connect, refused, book: made } = book()
    const { connection } = connect(1)
    if (hasShaken && connection !== undefined) made.identify(connection, undefined, 0)
    made.sweep(before)
    expect(refused).toEqual([])
    made.sweep(after)
    expect(refused).toEqual([`${reason} 192.0.2.1:1`])
    expect(made.strangers).toBe(0)
  })

  it('with a call have a time and a number of bytes for all that they do', () => {
    const { connect, refused, book: made } = book({ idleMs: 1000 })
    const [slow, loud] = [connect(1), connect(2)]
    for (const { connection } of [slow, loud]) {
      if (connection === undefined) throw new Error('refused')
      made.identify(connection, undefined, 0)
      made.openCall(connection, 0).received(0)
    }
    loud.socket.bytesRead = 256 * 1024 + 1
    made.sweep(1000)
    made.sweep(30_000)
    expect(refused).toEqual(['stranger-bytes 192.0.2.1:2', 'stranger-timeout 192.0.2.1:1'])
  })
})

describe('agents', () => {
  it('have so many connections each, of which the oldest goes, and so many in all', () => {
    const { agent, refused, book: made } = book({ perAgent: 2, agents: 3 })
    const a = [1, 2, 3].map((port) => agent('a', port))
    agent('b', 4)
    const last = agent('c', 5)
    expect(refused).toEqual(['too-many-of-agent 192.0.2.1:1', 'too-many-connections 192.0.2.1:5'])
    expect([...a, last].map(({ socket }) => socket.isOpen)).toEqual([false, true, true, false])
    for (const { connection } of [...a, last]) made.closed(connection)
    expect(made.agentConnections).toBe(1)
  })

  it('come back only so often', () => {
    const { agent, refused, book: made } = book()
    for (let port = 0; port < 21; port += 1) made.closed(agent('a', port).connection)
    agent('b', 50)
    agent('a', 60, 1000)
    expect(refused).toEqual(['too-many-of-agent 192.0.2.1:20'])
  })

  it('may make so many calls on a connection', () => {
    const { agent, refused, book: made } = book()
    const { connection, socket } = agent('a', 1)
    for (let calls = 0; calls < 32; calls += 1) made.openCall(connection, 0).ended(0)
    expect(socket.isOpen).toBe(true)
    made.openCall(connection, 0)
    made.openCall(connection, 0)
    expect([refused, socket.isOpen]).toEqual([['too-many-calls 192.0.2.1:1'], false])
  })

  it('may stay as long as a call is open in which they have spoken', () => {
    const { agent, refused, book: made } = book()
    const { connection } = agent('a', 1)
    const call = made.openCall(connection, 0)
    made.openCall(connection, 0)
    call.received(14_000)
    made.sweep(1e9)
    expect(refused).toEqual([])
    call.ended(1e9)
    call.ended(2e9)
    made.sweep(1e9 + 14_999)
    expect(refused).toEqual([])
    made.sweep(1e9 + 15_000)
    expect(refused).toEqual(['no-call 192.0.2.1:1'])
  })
})

describe('a message', () => {
  const beginning = 100_000

  function waiting(limits: Partial<ConnectionLimits> = {}) {
    const made = book(limits)
    const { connection, socket } = made.agent('a', 1, beginning)
    const call = made.book.openCall(connection, beginning)
    call.received(beginning)
    call.awaits(beginning)
    return { ...made, call, socket }
  }

  it('may not be on its way for longer than a minute', () => {
    const { book: made, socket, refused } = waiting()
    socket.bytesRead = 6000
    made.sweep(beginning + 1000)
    made.sweep(beginning + 60_999)
    expect(refused).toEqual([])
    made.sweep(beginning + 61_000)
    expect(refused).toEqual(['slow-message 192.0.2.1:1'])
  })

  it('that is complete in time makes room for the next', () => {
    const { book: made, socket, call, refused } = waiting()
    for (let at = beginning; at < beginning + 600_000; at += 40_000) {
      socket.bytesRead += 1_000_000
      made.sweep(at)
      made.sweep(at + 39_000)
      call.received(at + 39_000)
      call.awaits(at + 39_000)
    }
    expect(refused).toEqual([])
  })

  it('is not late while it is the controller that does not read', () => {
    const { book: made, socket, call, refused } = waiting()
    call.received(beginning)
    socket.bytesRead = 60_000
    for (const afterMs of [1000, 100_000, 200_000]) made.sweep(beginning + afterMs)
    call.awaits(beginning + 200_000)
    made.sweep(beginning + 300_000)
    expect(refused).toEqual([])
  })

  it('is not what pings are, in however long a silence', () => {
    const { book: made, socket, refused } = waiting()
    for (let seconds = 0; seconds < 86_400; seconds += 20) {
      socket.bytesRead += 80
      made.sweep(beginning + seconds * 1000)
    }
    expect(refused).toEqual([])
  })

  it('may not be larger than there are, nor several of them unfinished at once', () => {
    const { book: made, socket, refused } = waiting({ messageBytes: 10_000 })
    socket.bytesRead = 10_001
    made.sweep(beginning + 1)
    expect(refused).toEqual(['slow-message 192.0.2.1:1'])
  })
})
