import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'

import { connectionOf, isLoopback, shownUrl } from './connection.js'

const tokenFiles = { good: 'from-option\n', spaces: 'a b', lines: 'a\r\nx: y' }
let root: string
let data: string
let empty: string

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'headroom-cli-'))
  data = join(root, 'data')
  empty = join(root, 'empty')
  mkdirSync(join(data, 'controller'), { recursive: true })
  mkdirSync(join(empty, 'controller'), { recursive: true })
  writeFileSync(join(data, 'controller', 'api-token'), 'from-file\n')
  writeFileSync(join(empty, 'controller', 'api-token'), '\n')
  for (const [name, text] of Object.entries(tokenFiles)) writeFileSync(join(root, name), text)
})

afterAll(() => {
  rmSync(join(data, '..'), { recursive: true })
})

test('the option wins over the environment, the environment over the file', () => {
  const env = { HEADROOM_TOKEN: 'from-environment', HEADROOM_DATA: data }
  expect(connectionOf({ tokenFile: join(root, 'good') }, env).credential.token).toBe('from-option')
  expect(connectionOf({}, env).credential.token).toBe('from-environment')
  const named = { ...env, HEADROOM_TOKEN: '', HEADROOM_TOKEN_FILE: join(root, 'good') }
  expect(connectionOf({}, named).credential.token).toBe('from-option')
  expect(connectionOf({}, { ...env, HEADROOM_TOKEN: '' }).credential.token).toBe('from-file')
  expect(connectionOf({ data }, {}).credential).toEqual({
    token: 'from-file',
    origin: join(data, 'controller', 'api-token'),
  })
})

test('a missing token says where it was looked for', () => {
  const { credential } = connectionOf({ data: join(data, 'nowhere') }, {})
  expect(credential.token).toBeUndefined()
  expect(credential.origin).toContain(join('nowhere', 'controller', 'api-token does not exist'))
})

test("this machine's token goes to another machine only if its directory was named", () => {
  const url = 'https://other.example'
  expect(connectionOf({ url }, {}).credential.origin).toContain('only read for this machine')
  expect(connectionOf({ url, data }, {}).credential.token).toBe('from-file')
})

test.each([
  [{}, {}, 'http://127.0.0.1:8420'],
  [{}, { HEADROOM_URL: 'http://[::1]:9' }, 'http://[::1]:9'],
  [{ url: 'https://a.example/fleet' }, { HEADROOM_URL: 'http://b.example' }, 'https://a.example/fleet'],
  [{ url: 'https://a.example/fleet/?x=1#y' }, {}, 'https://a.example/fleet'],
])('address of %o and %o', (options, env, shown) => {
  expect(shownUrl(connectionOf(options, env))).toBe(shown)
})

test.each([
  [{ url: 'foo' }, 'no address of a controller'],
  [{ url: 'ftp://127.0.0.1' }, 'http:// or https://'],
  [{ url: 'http://me:secret@127.0.0.1' }, 'no user and no password'],
])('%o cannot be used', (options, message) => {
  expect(() => connectionOf(options, {})).toThrow(message)
})

test.each([
  ['spaces', 'spaces holds no token'],
  ['lines', 'lines holds no token'],
  ['nowhere', 'nowhere does not exist'],
])('the token file %s cannot be used', (name, message) => {
  expect(() => connectionOf({ tokenFile: join(root, name) }, {})).toThrow(message)
})

test('an empty token file is said', () => {
  expect(() => connectionOf({ data: empty }, {})).toThrow('api-token holds no token')
})

test.each([
  ['http://127.0.0.1', true],
  ['http://127.9.9.9', true],
  ['http://localhost:1', true],
  ['http://[::1]', true],
  ['http://127.0.0.1.example', false],
  ['http://10.0.0.1', false],
])('%s is this machine: %s', (url, loopback) => {
  expect(isLoopback(new URL(url))).toBe(loopback)
})
