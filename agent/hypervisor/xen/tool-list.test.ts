import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { recorded } from '../../../test/fixtures/xen/recorded-host.js'
import { damaged, unlessItThrows } from '../../../test/support/damaged-text.js'
import type { VmState } from '../hypervisor.js'
import { parseToolList, type ListedRow } from './tool-list.js'
import { XenToolError } from './xen-tools.js'

const header = 'Name                                        ID   Mem VCPUs      State   Time(s)'
const rowOf = (line: string): ListedRow | undefined => parseToolList(`${header}\n${line}\n`)[0]

test('recorded: xl of Xen 4.17', () => {
  expect(parseToolList(recorded('xl-list.txt'))).toEqual([
    { name: 'Domain-0', id: 0, memoryBytes: 640 * 2 ** 20, vcpus: 1, state: 'running', cpuSeconds: 77.2 },
    { name: 'pv1', id: 1, memoryBytes: 128 * 2 ** 20, vcpus: 1, state: 'running', cpuSeconds: 17.2 },
  ])
})

test('hand-written: xm of Xen 3.4, with a VM that is off', () => {
  const rows = parseToolList(recorded('xm-list.txt'))
  expect(rows.map(({ name, id, state }) => [name, id, state])).toEqual([
    ['Domain-0', 0, 'running'],
    ['bell', 7, 'running'],
    ['kohaku', 8, 'running'],
    ['lupin', 10, 'running'],
    ['mail 2', 11, 'paused'],
    ['maxwell', 5, 'running'],
    ['motty', undefined, 'shutoff'],
    ['ns', 12, 'running'],
    ['panda', 9, 'running'],
    ['tesla', 6, 'running'],
  ])
  expect(rows.find(({ name }) => name === 'panda')).toMatchObject({
    vcpus: 2,
    memoryBytes: 2 ** 31,
    cpuSeconds: 123_456.7,
  })
})

describe('names are what is left of the columns', () => {
  test.each<[string, string, string | undefined, number | undefined]>([
    [
      'blanks and digits',
      'db 3  7                                      4  1024     1     -b----      1.0',
      'db 3  7',
      4,
    ],
    [
      'like columns',
      '12 1024 1 -b---- 1.0                         5  1024     1     r-----      1.0',
      '12 1024 1 -b---- 1.0',
      5,
    ],
    ['digits only', '123                                          5  1024     1     r-----      1.0', '123', 5],
    ['longer than its column', `${'x'.repeat(60)}     5  1024     1     r-----      1.0`, 'x'.repeat(60), 5],
    [
      'other letters',
      'größe-日本                                    5  1024     1     r-----      1.0',
      'größe-日本',
      5,
    ],
    [
      'no name yet, or no longer',
      '(null)                                       5  1024     1     --p--d      1.0',
      undefined,
      5,
    ],
    ['nothing at all', '                                             5  1024     1     --p---      1.0', undefined, 5],
    [
      'off, with a digit at its end',
      'db 3                                           512     1                 0.0',
      'db 3',
      undefined,
    ],
    [
      'columns that are too narrow',
      'a                                        12345 1048576   128     r----- 12345678.9',
      'a',
      12_345,
    ],
    ['a carriage return', 'a                                            5  1024     1     r-----      1.0\r', 'a', 5],
  ])('%s', (_, line, name, id) => {
    expect(rowOf(line)).toMatchObject({ name, id })
  })
})

describe('states by their letters', () => {
  test.each<[string, VmState]>([
    ['r-----', 'running'],
    ['-b----', 'running'],
    ['------', 'running'],
    ['--p---', 'paused'],
    ['-bp---', 'paused'],
    ['---s--', 'shutting-down'],
    // Why it was shut down, since Xen 4.3: to boot again, to be saved, by a watchdog, to be replaced, for a reason of its own.
    ['---sr-', 'shutting-down'],
    ['--pss-', 'shutting-down'],
    ['---sw-', 'shutting-down'],
    ['---sS-', 'shutting-down'],
    ['---s?-', 'shutting-down'],
    ['---sc-', 'crashed'],
    ['----c-', 'crashed'],
    ['-----d', 'shutoff'],
    ['--ps-d', 'shutoff'],
    ['---scd', 'shutoff'],
  ])('%s: %s', (letters, state) => {
    expect(rowOf(`a                                            5  1024     1     ${letters}      1.0`)?.state).toBe(
      state,
    )
  })
})

test('what comes before the header, and blank lines, are nothing', () => {
  const line = 'a                                            5  1024     1     r-----      1.0'
  expect(parseToolList(`warning: old Python\n\n${header}\n\n${line}\n\n`)).toHaveLength(1)
  expect(parseToolList(`${header}\n`)).toEqual([])
})

describe('what is no list says where, what was expected and what is there', () => {
  test.each<[string, string, RegExp]>([
    ['nothing', '', /header: expected Name, ID, .*got ""/],
    ['an error', 'Error: xend is not running', /header.*got "Error: xend is not running"/],
    ['half a line', `${header}\na      5  1024`, /line 2: expected name, id, MiB.*got "a {6}5 {2}1024"/],
    ['letters of nothing', `${header}\na      5  1024   1   x-----   1.0`, /line 2/],
    ['one good, one bad', `${header}\na      5  1024   1   r-----   1.0\nb`, /line 3.*got "b"/],
    ['a line without an end', `${header}\n${'a'.repeat(5000)} 5  1024   1   r-----   1.0`, /line 2/],
    [
      'more domains than can be',
      `${header}\n${'a   5  1   1   r-----   1.0\n'.repeat(16_385)}`,
      /16384 domains at most/,
    ],
  ])('%s', (_, text, message) => {
    expect(() => parseToolList(text)).toThrow(XenToolError)
    expect(() => parseToolList(text)).toThrow(message)
  })
})

test('any name that is on one line comes back as it was', () => {
  const names = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 60 }).filter((name) => {
    return name.trimEnd() === name && name !== '(null)' && !/[\n\r\u2028\u2029]/.test(name)
  })
  fc.assert(
    fc.property(
      names,
      fc.integer({ min: 1, max: 32_751 }),
      fc.integer({ min: 0, max: 99_999_999 }),
      (name, id, tenths) => {
        const line = `${name.padEnd(40)} ${String(id).padStart(5)}  1024     1     -b----  ${(tenths / 10).toFixed(1)}`
        expect(rowOf(line)).toMatchObject({ name, id, cpuSeconds: tenths / 10 })
      },
    ),
  )
})

test('any text: rows, or the one error', () => {
  const pieces = fc.constantFrom(
    header,
    '\n',
    ' ',
    '5',
    'a',
    '1024',
    '-b----',
    '1.0',
    '(null)',
    '\0',
    '\t',
    '9'.repeat(40),
  )
  const texts = fc.oneof(
    fc.string(),
    damaged(recorded('xm-list.txt')),
    fc.array(pieces, { maxLength: 60 }).map((parts) => parts.join('')),
  )
  fc.assert(
    fc.property(texts, (text) => {
      const rows = unlessItThrows(XenToolError, () => parseToolList(text)) ?? []
      for (const { id, memoryBytes, cpuSeconds } of rows) {
        expect(Number.isSafeInteger(id ?? 0)).toBe(true)
        expect(Number.isSafeInteger(memoryBytes)).toBe(true)
        expect(Number.isFinite(cpuSeconds)).toBe(true)
      }
    }),
  )
})
