import { createServer, type AddressInfo, type Server } from 'node:net'

import { afterEach, expect, it } from 'vitest'

import { clockMessage, diagnose, presentedChain } from './controller-probe.js'

let server: Server | undefined

afterEach(() => new Promise((resolve) => (server === undefined ? resolve(undefined) : server.close(resolve))))

/** Begins a TLS record of 16 KiB and sends a byte of it now and then, for ever: the connection is never idle. */
async function dribbler(): Promise<string> {
  const listening = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.write(Buffer.from([0x16, 0x03, 0x03, 0x40, 0x00, 0x02, 0x00, 0x3f, 0xfc]))
    const timer = setInterval(() => socket.write(Buffer.from([0])), 10)
    socket.on('close', () => clearInterval(timer))
  })
  server = listening
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve))
  return `127.0.0.1:${addressOf(listening).port}`
}

function addressOf(listening: Server): AddressInfo {
  const address = listening.address()
  if (address === null || typeof address === 'string') throw new Error('it does not listen on TCP')
  return address
}

it('whoever answers a byte at a time is left after a while', async () => {
  const address = await dribbler()
  const { signal } = new AbortController()
  await expect(presentedChain(address, signal, 200)).rejects.toThrow(`${address} did not answer in time`)
  expect(await diagnose(address, [], Date.now(), signal, 200)).toEqual({
    status: 'unreachable',
    reason: `${address} did not answer in time`,
  })
})

const at = (text: string): number => Date.parse(text)
const valid = { from: at('2026-03-01T00:00:00Z'), to: at('2026-06-01T00:00:00Z') }

it.each([
  [
    'the controller says what time it is',
    at('2020-01-01T00:00:00Z'),
    at('2026-03-02T00:00:00Z'),
    "this machine's clock says 2020-01-01T00:00:00.000Z, the controller's 2026-03-02T00:00:00.000Z: set the clock of this machine (timedatectl shows it)",
  ],
  [
    'the controller says nothing',
    at('2020-01-01T00:00:00Z'),
    undefined,
    "this machine's clock says 2020-01-01T00:00:00.000Z, but the controller's certificate is valid from 2026-03-01T00:00:00.000Z to 2026-06-01T00:00:00.000Z: one of the two clocks is wrong (date -u on both shows which)",
  ],
  [
    'what it says is against its own certificate',
    at('2027-01-01T00:00:00Z'),
    at('2027-01-01T00:00:00Z'),
    "this machine's clock says 2027-01-01T00:00:00.000Z, but the controller's certificate is valid from 2026-03-01T00:00:00.000Z to 2026-06-01T00:00:00.000Z: one of the two clocks is wrong (date -u on both shows which)",
  ],
])('a wrong clock: %s', (_what, now, theirs, message) => {
  expect(clockMessage(now, { ...valid, theirs })).toBe(message)
})
