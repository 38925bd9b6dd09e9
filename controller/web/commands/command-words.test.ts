import { describe, expect, it } from 'vitest'

import { argsWords, auditWords, doneShare, mayAs } from './command-words.js'

describe('words of commands', () => {
  it.each([
    [{}, ''],
    [{ to: 'h2' }, 'to=h2'],
    [{ write: '5MiB/s', for: '30m' }, 'write=5MiB/s, for=30m'],
  ])('arguments %j', (args, words) => expect(argsWords(args)).toBe(words))

  it.each([
    [undefined, undefined],
    [{ doneBytes: 5, totalBytes: 0 }, undefined],
    [{ doneBytes: 5, totalBytes: 20 }, 0.25],
    [{ doneBytes: 30, totalBytes: 20 }, 1],
  ])('how much is done: %j', (progress, share) =>
    expect(doneShare(progress === undefined ? {} : { progress })).toBe(share),
  )

  it.each([
    ['viewer', 'owner', false],
    ['owner', 'owner', true],
    ['admin', 'operator', true],
    [undefined, 'viewer', false],
  ] as const)('%s may what needs %s: %s', (role, needed, may) => expect(mayAs(role, needed)).toBe(may))

  it('an entry of the audit log in a line, with what is not told elsewhere', () => {
    const what = {
      event: 'asked',
      actor: 'ann',
      id: 'x',
      verb: 'start',
      vm: '<b>mail</b>',
      reason: '',
      args: { a: '1' },
    }
    expect(auditWords(what)).toEqual({
      event: 'asked',
      actor: 'ann',
      rest: 'verb start, vm <b>mail</b>, args {"a":"1"}',
    })
    expect(auditWords({ event: 'running', args: {} }).rest).toBe('')
    expect(auditWords({ event: 7 })).toEqual({ event: '', actor: '', rest: '' })
  })
})
