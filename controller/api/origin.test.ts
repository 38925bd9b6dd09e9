import { describe, expect, it } from 'vitest'

import { isLoopbackHost, isLoopbackPeer, sameOrigin } from './origin.js'

describe('names of this machine', () => {
  it.each([
    ['localhost', true],
    ['LocalHost:8420', true],
    ['127.0.0.1:8420', true],
    ['127.255.255.254', true],
    ['[::1]', true],
    ['[::1]:1', true],
    ['', false],
    ['::1', false],
    ['localhost:', false],
    ['localhost:123456', false],
    ['localhost@evil.example', false],
    ['localhost/', false],
    ['127.1', false],
    ['127.0.0.1.nip.io', false],
    ['0.0.0.0', false],
    ['[::]', false],
    ['128.0.0.1', false],
  ])('%j: %s', (host, expected) => {
    expect(isLoopbackHost(host)).toBe(expected)
  })

  it.each([
    ['127.0.0.1', true],
    ['::1', true],
    ['::ffff:127.0.0.1', true],
    ['::ffff:10.0.0.1', false],
    ['10.0.0.1', false],
    ['', false],
  ])('peer %j: %s', (address, expected) => {
    expect(isLoopbackPeer(address)).toBe(expected)
  })
})

describe('same origin', () => {
  const host = 'monitor.example:8420'
  it.each([
    [{ host }, 'unknown'],
    [{ host, origin: 'http://monitor.example:8420' }, 'yes'],
    [{ host: 'Monitor.Example:8420', origin: 'http://monitor.example:8420' }, 'yes'],
    [{ host, origin: 'http://monitor.example' }, 'no'],
    [{ host, origin: 'http://evil.example:8420' }, 'no'],
    [{ host, origin: 'null' }, 'no'],
    [{ host, origin: '' }, 'no'],
    [{ host, origin: 'file://' }, 'no'],
    [{ origin: 'http://monitor.example:8420' }, 'no'],
    [{ host, 'sec-fetch-site': 'same-origin' }, 'yes'],
    [{ host, 'sec-fetch-site': 'same-origin', origin: 'null' }, 'yes'],
    [{ host, 'sec-fetch-site': 'same-site' }, 'no'],
    [{ host, 'sec-fetch-site': 'none' }, 'no'],
    [{ host, 'sec-fetch-site': ['same-origin', 'cross-site'] }, 'no'],
  ])('%j: %s', (headers, expected) => {
    expect(sameOrigin(headers)).toBe(expected)
  })
})
