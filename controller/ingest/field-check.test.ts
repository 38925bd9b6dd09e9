import { describe, expect, it } from 'vitest'

import { FieldCheck } from './field-check.js'

function checked<Result>(work: (check: FieldCheck) => Result): { result: Result; refused: number } {
  const check = new FieldCheck()
  return { result: work(check), refused: check.refused.get('f') ?? 0 }
}

describe('text', () => {
  it.each([
    ['plain', 'mail', 'mail', 0],
    ['nothing', '', '', 0],
    ['markup is text; who shows it escapes it', '<script>alert(1)</script>', '<script>alert(1)</script>', 0],
    ['a new line', 'a\nb', 'a b', 1],
    ['an escape sequence', '\u001B[2Jx', ' [2Jx', 1],
    ['NUL and DEL', 'a\0b\u007F', 'a b ', 1],
    ['a line separator', 'a\u2028b', 'a b', 1],
    ['right-to-left override', 'a\u202Eb', 'a b', 1],
    ['what was no UTF-8', 'a\uFFFDb', 'a\uFFFDb', 1],
    ['a lone high surrogate', 'a\uD800b', 'a\uFFFDb', 1],
    ['a lone low surrogate', '\uDC00', '\uFFFD', 1],
    ['a whole pair stays', '\u{1F600}', '\u{1F600}', 0],
    ['too long', 'x'.repeat(33), 'x'.repeat(32), 1],
    ['cut within a pair', `${'x'.repeat(31)}\u{1F600}`, `${'x'.repeat(31)}\uFFFD`, 1],
  ])('%s', (_name, value, result, refused) => {
    expect(checked((check) => check.text('f', value, 32))).toEqual({ result, refused })
  })

  it('handles a huge text quickly', () => {
    expect(checked((check) => check.text('f', '\n'.repeat(4e6)).length)).toEqual({ result: 256, refused: 1 })
  })
})

describe('key', () => {
  it.each([
    ['vda', 'vda', 0],
    ['__proto__', '__proto__', 0],
    ['', undefined, 1],
    ['   ', undefined, 1],
    ['\n', undefined, 2],
  ])('%j', (value, result, refused) => {
    expect(checked((check) => check.key('f', value))).toEqual({ result, refused })
  })
})

describe('id', () => {
  it.each(['c7f0c9a4-57d9-4a0e-8f5b-1f3a1f0d8f10', 'xenhv01', 'host.example.org:2', 'constructor', 'x'.repeat(64)])(
    '%j',
    (value) => {
      expect(checked((check) => check.id('f', value))).toEqual({ result: value, refused: 0 })
    },
  )

  // An id with a slash could be joined into the name of another host's series.
  it.each(['', ' ', 'a/b', '../x', 'a b', 'a\n', 'x'.repeat(65), 'é', 'a\0'])('%j is none', (value) => {
    expect(checked((check) => check.id('f', value))).toEqual({ result: undefined, refused: 1 })
  })
})

describe('uuid', () => {
  it.each([
    ['C7F0C9A4-57D9-4A0E-8F5B-1F3A1F0D8F10', 'c7f0c9a4-57d9-4a0e-8f5b-1f3a1f0d8f10', 0],
    ['', undefined, 1],
    ['c7f0c9a457d94a0e8f5b1f3a1f0d8f10', undefined, 1],
    ['c7f0c9a4-57d9-4a0e-8f5b-1f3a1f0d8f10\n', undefined, 1],
    ['g7f0c9a4-57d9-4a0e-8f5b-1f3a1f0d8f10', undefined, 1],
    ['__proto__', undefined, 1],
  ])('%j', (value, result, refused) => {
    expect(checked((check) => check.uuid('f', value))).toEqual({ result, refused })
  })
})

describe('count', () => {
  it.each([
    [undefined, undefined, 0],
    [0n, 0, 0],
    [7, 7, 0],
    [2n ** 53n - 1n, Number.MAX_SAFE_INTEGER, 0],
    [2n ** 53n, undefined, 1],
    [2n ** 63n, undefined, 1],
    [2n ** 64n - 1n, undefined, 1],
    [-1n, undefined, 1],
    [-1, undefined, 1],
    [1.5, undefined, 1],
    [NaN, undefined, 1],
    [Infinity, undefined, 1],
  ])('%s', (value, result, refused) => {
    expect(checked((check) => check.count('f', value))).toEqual({ result, refused })
  })
})

describe('real', () => {
  it.each([
    [undefined, undefined, 0],
    [0, 0, 0],
    [0.25, 0.25, 0],
    [1e15, 1e15, 0],
    [1e15 + 1, undefined, 1],
    [Number.MAX_VALUE, undefined, 1],
    [NaN, undefined, 1],
    [Infinity, undefined, 1],
    [-Infinity, undefined, 1],
    [-1e-300, undefined, 1],
  ])('%s', (value, result, refused) => {
    expect(checked((check) => check.real('f', value))).toEqual({ result, refused })
  })
})

describe('list and unique', () => {
  it('keeps the first so many, and counts once', () => {
    expect(checked((check) => check.list('f', [1, 2, 3], 3))).toEqual({ result: [1, 2, 3], refused: 0 })
    expect(checked((check) => check.list('f', [1, 2, 3, 4, 5], 3))).toEqual({ result: [1, 2, 3], refused: 1 })
  })

  it('keeps the first of each key, whatever the key is called', () => {
    const items = ['a1', '__proto__', 'b1', 'a2', '__proto__', 'a3']
    const kept = checked((check) => check.unique('f', items, (item) => item.replace(/\d/, '')))
    expect(kept).toEqual({ result: ['a1', '__proto__', 'b1'], refused: 3 })
  })
})

describe('numbers', () => {
  it('leaves out what is not there, and keeps 0', () => {
    expect(new FieldCheck().numbers({ a: 1, b: undefined, c: 0 })).toEqual({ a: 1, c: 0 })
  })
})
