import { expect, test } from 'vitest'

import { connectionOf } from './connection.js'
import { answerFailure, connectionFailure, deadlineFailure } from './failure.js'

const connection = connectionOf({}, { HEADROOM_TOKEN: 't' })
const far = connectionOf({ url: 'https://far.example' }, { HEADROOM_TOKEN: 't' })

function failed(code: string): Error {
  return new TypeError('fetch failed', { cause: Object.assign(new Error(`connect ${code}`), { code }) })
}

test.each([
  [
    'ECONNREFUSED',
    'read',
    'unreachable',
    'no controller answers at http://127.0.0.1:8420 – is it running? (systemctl status headroom-controller, or npm start)',
  ],
  ['ECONNREFUSED', 'change', 'unreachable', 'no controller answers'],
  ['ENOTFOUND', 'change', 'unreachable', 'its name is not known'],
  ['CERT_HAS_EXPIRED', 'change', 'unreachable', 'is not trusted'],
  ['UND_ERR_SOCKET', 'read', 'unreachable', 'broke off (UND_ERR_SOCKET)'],
  ['UND_ERR_SOCKET', 'change', 'unknownOutcome', 'broke off (UND_ERR_SOCKET)'],
] as const)('%s on a %s', (code, intent, reason, message) => {
  const error = connectionFailure(failed(code), connection, intent)
  expect(error.reason).toBe(reason)
  expect(error.message).toContain(message)
})

test('a controller elsewhere is not started with npm', () => {
  expect(connectionFailure(failed('ECONNREFUSED'), far, 'read').message).toContain('is this its address?')
})

test('a deadline on a change leaves its outcome unknown', () => {
  expect(deadlineFailure(connection, 10_000, 'read').reason).toBe('unreachable')
  expect(deadlineFailure(connection, 10_000, 'change').reason).toBe('unknownOutcome')
})

const errorBody = (code: string, more: object = {}) => JSON.stringify({ code, message: 'said so', ...more })

test.each([
  [
    401,
    errorBody('unauthenticated'),
    'refused',
    'the token was refused by the controller at http://127.0.0.1:8420 (token of HEADROOM_TOKEN)',
  ],
  [401, '', 'refused', 'the token was refused'],
  [403, errorBody('cross-site'), 'refused', 'refuses this: said so'],
  [429, errorBody('too-many-failures'), 'refused', 'said so'],
  [404, errorBody('vm-unknown'), 'error', 'said so'],
  [404, errorBody('route-unknown'), 'error', 'is not understood'],
  [404, '<html>', 'error', 'is not understood: status 404'],
  [302, '', 'error', 'is not understood: status 302'],
  [
    400,
    errorBody('request-invalid', { field: 'n', expected: 'a number', got: '"x"' }),
    'error',
    'said so (n, expected a number, got "x")',
  ],
  [500, errorBody('internal'), 'error', 'says: said so'],
  [503, errorBody('store-failed'), 'unreachable', 'is not ready: said so'],
  [502, '<html>', 'unreachable', 'is not ready: status 502'],
] as const)('status %d with %s', (status, body, reason, message) => {
  const error = answerFailure(status, body, connection)
  expect(error.reason).toBe(reason)
  expect(error.message).toContain(message)
})

test('without a token the place where one was looked for is named', () => {
  const bare = connectionOf({ url: 'https://far.example' }, {})
  expect(answerFailure(401, '', bare).message).toContain('wants a token: HEADROOM_TOKEN is not set')
})
