import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, describe, expect, it } from 'vitest'
import { z } from 'zod'

import { duration, loadConfig, parseConfig, parseConfigWithLines, size } from './config.js'
import { ConfigError } from './config-error.js'

const schema = z.strictObject({
  name: z.string().min(1).max(8).default('here'),
  every: duration.prefault('15s'),
  most: size.prefault('2GiB'),
  level: z.enum(['info', 'warn']).default('info'),
  count: z.int().min(2).max(9).default(3),
  nested: z.strictObject({ deep: z.boolean().default(false) }).prefault({}),
  sources: z
    .array(
      z.discriminatedUnion('kind', [
        z.strictObject({ kind: z.literal('one'), at: z.string().regex(/^\S+:\d+$/, 'host:port') }),
        z.strictObject({ kind: z.literal('two') }),
      ]),
    )
    .min(1)
    .prefault([{ kind: 'two' }]),
})

const defaults = {
  name: 'here',
  every: 15_000,
  most: 2 * 2 ** 30,
  level: 'info',
  count: 3,
  nested: { deep: false },
  sources: [{ kind: 'two' }],
}

function problem(text: string): string {
  try {
    parseConfig(text, schema, 'h.yaml')
  } catch (error) {
    if (error instanceof ConfigError) return error.message
    throw error
  }
  return 'no problem'
}

describe('parseConfig', () => {
  it.each(['', '# nothing', '{}', 'null', '---\n'])('%j means all defaults', (text) => {
    expect(parseConfig(text, schema, 'h.yaml')).toEqual(defaults)
  })

  it('reads what is set', () => {
    const text = 'every: 1.5h\nmost: 512MiB\nnested: { deep: true }\nsources:\n  - { kind: one, at: "a:1" }\n'
    expect(parseConfig(text, schema, 'h.yaml')).toEqual({
      ...defaults,
      every: 5_400_000,
      most: 512 * 2 ** 20,
      nested: { deep: true },
      sources: [{ kind: 'one', at: 'a:1' }],
    })
  })

  it.each([
    [
      'nmae: x',
      '1: nmae: expected a known key (name, every, most, level, count, nested, sources), got unknown key "nmae"',
    ],
    [
      '# c\n\nnestd:\n  deep: true',
      '3: nestd: expected a known key (name, every, most, level, count, nested, sources), got unknown key "nestd"',
    ],
    ['nested:\n  deep: true\n  deeper: 1', '3: nested.deeper: expected a known key (deep), got unknown key "deeper"'],
    [
      '__proto__: { deep: true }',
      '1: __proto__: expected a known key (name, every, most, level, count, nested, sources), got unknown key "__proto__"',
    ],
    [
      'constructor: 1',
      '1: constructor: expected a known key (name, every, most, level, count, nested, sources), got unknown key "constructor"',
    ],
    ['name: 5', '1: name: expected text, in quotes, got 5'],
    ['name: ""', '1: name: expected at least 1 character, got ""'],
    ['name: 123456789a', '1: name: expected at most 8 characters, got "123456789a"'],
    ['every: 10', '1: every: expected a duration such as 15s, 10m or 3d, got 10'],
    ['every: 10 parsecs', '1: every: expected a duration such as 15s, 10m or 3d, got "10 parsecs"'],
    ['every: [15s]', '1: every: expected a duration such as 15s, 10m or 3d, got ["15s"]'],
    ['every: null', '1: every: expected a duration such as 15s, 10m or 3d, got nothing'],
    ['\nmost: -1GiB', '2: most: expected a size such as 512MiB or 2GB, got "-1GiB"'],
    ['level: loud', '1: level: expected one of info, warn, got "loud"'],
    ['count: 1', '1: count: expected at least 2, got 1'],
    ['count: 10', '1: count: expected at most 9, got 10'],
    ['count: 2.5', '1: count: expected a whole number, got 2.5'],
    ['count: .nan', '1: count: expected a number, got NaN'],
    ['nested: [1]', '1: nested: expected keys with values, got [1]'],
    ['nested:\n  deep: yes please', '2: nested.deep: expected true or false, got "yes please"'],
    ['sources: []', '1: sources: expected at least 1 entry, got []'],
    ['sources:\n  - kind: three', '2: sources.0.kind: expected one of one, two, got "three"'],
    ['sources:\n  - kind: one', '2: sources.0.at: expected text, got nothing'],
    ['sources:\n  - kind: two\n  - kind: one\n    at: x', '4: sources.1.at: expected host:port, got "x"'],
    [`name: ${'x'.repeat(200)}`, `1: name: expected at most 8 characters, got "${'x'.repeat(76)}...`],
  ])('%j', (text, message) => {
    expect(problem(text)).toBe(`h.yaml:${message}`)
  })

  it('lists every problem', () => {
    expect(problem('name: 5\nevery: x\nfoo: 1\nbar: 2').split('\n')).toHaveLength(4)
  })

  it.each([
    ['a list', '- 1', 'h.yaml:1: the file: expected keys with values, got [1]'],
    ['a text', 'hello', 'h.yaml:1: the file: expected keys with values, got "hello"'],
  ])('a file that is %s', (_name, text, message) => {
    expect(problem(text)).toBe(message)
  })

  it.each([
    ['an open bracket', 'name: x\nnested: [', 2, 'valid YAML, got a [ that is not closed by a ] (column 10)'],
    ['a key twice', 'name: x\nname: y', 2, 'each key once, got name again (column 1)'],
    ['tabs', 'nested:\n\tdeep: true', 2, 'spaces before a key, got a tab (column 1)'],
    ['two documents', 'name: x\n---\nname: y', 2, 'one document, got another after ---'],
  ])('bad YAML has its line: %s', (_name, text, line, message) => {
    expect(problem(text)).toBe(`h.yaml:${line}: the file: expected ${message}`)
  })

  it.each([
    ['an alias of nothing', 'name: *nope'],
    [
      'an alias bomb',
      `a: &a [${'x,'.repeat(9)}x]\nb: &b [${'*a,'.repeat(9)}*a]\nc: &c [${'*b,'.repeat(9)}*b]\nd: [${'*c,'.repeat(9)}*c]`,
    ],
  ])('%s is bad YAML too', (_name, text) => {
    expect(problem(text)).toMatch(/^h\.yaml(:1)?: the file: expected valid YAML, got /)
  })
})

describe('loadConfig', () => {
  const directory = mkdtempSync(join(tmpdir(), 'headroom-config-'))
  afterAll(() => rmSync(directory, { recursive: true }))

  it('reads a file', () => {
    const file = join(directory, 'a.yaml')
    writeFileSync(file, 'name: there\n')
    expect(loadConfig(file, schema).name).toBe('there')
  })

  it('takes a missing file as all defaults only where that is said', () => {
    const file = join(directory, 'missing.yaml')
    expect(loadConfig(file, schema, { required: false })).toEqual(defaults)
    expect(() => loadConfig(file, schema)).toThrow(/missing\.yaml: the file: expected a readable file, got ENOENT/)
  })

  it('never takes a file that cannot be read as missing', () => {
    expect(() => loadConfig(directory, schema, { required: false })).toThrow(/expected a readable file, got EISDIR/)
  })

  it('a tag that makes something else of a value is bad YAML', () => {
    expect(problem('name: !!binary aGk=')).toContain('h.yaml:1: the file: expected valid YAML, got Unresolved tag')
  })

  it('an exclusive bound and a number that JSON does not have are told as they are', () => {
    const bounded = z.strictObject({ a: z.number().positive().optional(), b: z.number().optional() })
    expect(() => parseConfig('a: 0', bounded, 'h')).toThrow('h:1: a: expected more than 0, got 0')
    expect(() => parseConfig('b: .inf', bounded, 'h')).toThrow('h:1: b: expected a number, got Infinity')
  })

  it('gives the lines of keys, and of what is nearest above', () => {
    const { value, lineOf } = parseConfigWithLines('name: x\n\nnested:\n  deep: true', schema, 'h')
    expect(value.nested).toEqual({ deep: true })
    expect([['nested', 'deep'], ['nested', 'none', 'at', 'all'], ['name'], ['none']].map(lineOf)).toEqual([4, 3, 1, 1])
  })
})
