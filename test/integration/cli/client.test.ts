import { createServer } from 'node:net'
import { afterEach, expect, test } from 'vitest'

import { ApiClient } from '../../../controller/cli/client.js'
import { CliError } from '../../../controller/cli/cli-error.js'
import { connectionOf } from '../../../controller/cli/connection.js'
import { sampleUuid, sampleVms } from '../../support/cli/sample-views.js'
import { type Override, type StandIn, standInToken, startStandIn } from '../../support/cli/stand-in-controller.js'

/** The client against a real HTTP server that stands in for the controller. */

const limits = { deadlineMs: 5000, maxBytes: 2 ** 20 }
const never = new AbortController().signal
let standIn: StandIn | undefined

afterEach(async () => {
  await standIn?.close()
  standIn = undefined
})

async function clientOf(override?: Override, more: Partial<typeof limits> = {}, token = standInToken) {
  standIn = await startStandIn(override)
  return new ApiClient(connectionOf({ url: standIn.url }, { HEADROOM_TOKEN: token }), { ...limits, ...more })
}

async function failureOf(work: Promise<unknown>): Promise<CliError> {
  const error: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  if (error instanceof CliError) return error
  throw new Error('a CliError was expected', { cause: error })
}

test('every page of a list is read, in order', async () => {
  const client = await clientOf()
  expect((await client.vms(never)).map(({ name }) => name)).toEqual(sampleVms.map(({ name }) => name))
  expect(standIn?.requests).toEqual([
    'GET /api/v1/vms?limit=1000',
    'GET /api/v1/vms?limit=1000&cursor=2',
    'GET /api/v1/vms?limit=1000&cursor=4',
  ])
})

test('pages without end are given up', async () => {
  const client = await clientOf(() => ({ status: 200, body: { vms: [], nextCursor: 'again' } }))
  const error = await failureOf(client.vms(never))
  expect(error.message).toContain('its pages do not end')
  expect(standIn?.requests.length).toBe(2)
})

test('a VM by name, by UUID, and none', async () => {
  const client = await clientOf()
  expect((await client.vm('bell', never)).uuid).toBe(sampleUuid(1))
  expect((await client.vm(sampleUuid(1), never)).name).toBe('bell')
  const error = await failureOf(client.vm('web1', never))
  expect([error.reason, error.message, error.hint]).toEqual(['error', 'no VM is named web1', 'similar: web10, web2'])
  expect((await failureOf(client.vm('..', never))).message).toBe('no VM is named ..')
})

test('a name with slashes stays one segment', async () => {
  const client = await clientOf()
  await failureOf(client.vm('../fleet?x#y', never))
  expect(standIn?.requests[0]).toBe('GET /api/v1/vms/..%2Ffleet%3Fx%23y')
})

test('sizes are passed on, those not given are left out', async () => {
  const client = await clientOf()
  await client.capacity({ reserve: '1GiB', vmMemory: undefined }, never)
  expect(standIn?.requests).toEqual(['GET /api/v1/capacity?reserve=1GiB'])
})

test('a wrong token', async () => {
  const client = await clientOf(undefined, {}, 'wrong')
  expect((await failureOf(client.fleet(never))).reason).toBe('refused')
})

test.each([
  ['no JSON', { status: 200, body: '<html>' }, 'it is no JSON'],
  ['another form', { status: 200, body: { version: 7 } }, 'is not understood: at:'],
  ['a redirect', { status: 302, body: '' }, 'status 302'],
  ['too long', { status: 200, body: 'x'.repeat(2 ** 20 + 1) }, 'longer than 1048576 bytes'],
] as const)('an answer that is %s', async (_name, answer, message) => {
  const client = await clientOf(() => answer)
  const error = await failureOf(client.fleet(never))
  expect(error.reason).toBe('error')
  expect(error.message).toContain(message)
})

test('a controller that hangs: a read is unreachable, a change has an unknown outcome', async () => {
  const client = await clientOf(() => 'hang', { deadlineMs: 100 })
  const read = await failureOf(client.fleet(never))
  expect([read.reason, read.message]).toEqual([
    'unreachable',
    `the controller at ${standIn?.url} did not answer within 0.1 s`,
  ])
  expect((await failureOf(client.createLoginLink(never))).reason).toBe('unknownOutcome')
})

test('a connection that breaks off', async () => {
  const client = await clientOf(() => 'break-off')
  expect((await failureOf(client.fleet(never))).reason).toBe('unreachable')
  expect((await failureOf(client.createLoginLink(never))).reason).toBe('unknownOutcome')
})

test('nobody there', async () => {
  const client = await clientOf()
  await standIn?.close()
  const error = await failureOf(client.fleet(never))
  expect([error.reason, error.message]).toEqual([
    'unreachable',
    `no controller answers at ${standIn?.url} – is it running? (systemctl status headroom-controller, or npm start)`,
  ])
})

test('something that speaks no HTTP', async () => {
  const server = createServer((socket) => socket.resume().end('220 mail.example ESMTP\r\n'))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const client = new ApiClient(connectionOf({ url: `http://127.0.0.1:${port}` }, { HEADROOM_TOKEN: 't' }), limits)
  const error = await failureOf(client.fleet(never))
  expect([error.reason, error.hint]).toEqual(['unreachable', 'is this the address of a controller? (--url)'])
  await new Promise((resolve) => server.close(resolve))
})

test('who aborts gets the abort, not a failure of the controller', async () => {
  const client = await clientOf(() => 'hang')
  const abort = new AbortController()
  const work = client.fleet(abort.signal)
  abort.abort(new Error('enough'))
  await expect(work).rejects.toThrow('enough')
})
