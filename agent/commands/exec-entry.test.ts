import { expect, it } from 'vitest'

import { argumentsOf, wholePattern, type ExecArgument } from './exec-entry.js'

const digit = { matches: wholePattern('[0-9]') }
const anything = { matches: wholePattern('.*') }

function given(entryArguments: readonly ExecArgument[], words: readonly string[], name = 'web-1'): unknown {
  const entry = { name: 'job', program: '/bin/true', arguments: entryArguments, timeoutMs: 1000, isBulk: false }
  const args = Object.fromEntries(words.map((word, index) => [`arg${index + 1}`, word]))
  return argumentsOf(entry, { entry: 'job', ...args }, { uuid: 'u-1', name })
}

it('puts fixed words, matching ones and what is known of the VM in their places', () => {
  expect(given(['--level', digit, { vm: 'uuid' }, { vm: 'name' }, anything], ['7', 'x y'])).toEqual({
    words: ['--level', '7', 'u-1', 'web-1', 'x y'],
  })
})

it.each<[what: string, rate: string | undefined, entry: readonly ExecArgument[], words: readonly string[]]>([
  ['in bytes', '5MiB/s', ['-L', { rate: 'bytes' }], ['-L', '5242880']],
  ['in KiB, rounded down', '1500KB/s', ['--bwlimit', { rate: 'KiB' }, 'x'], ['--bwlimit', '1464', 'x']],
  ['never 0, which is no limit to many', '20KiB/s', [{ rate: 'MiB' }], ['1']],
  ['that is not known: the option goes too', undefined, ['-v', '--bwlimit', { rate: 'KiB' }, 'x'], ['-v', 'x']],
])('tells a program its rate %s', (_what, rate, entryArguments, words) => {
  const entry = { name: 'job', program: '/bin/true', arguments: entryArguments, timeoutMs: 1000, isBulk: true }
  const args = { entry: 'job', ...(rate !== undefined && { rate }) }
  expect(argumentsOf(entry, args, { uuid: 'u-1', name: 'web-1' })).toEqual({ words })
})

it.each<[what: string, entry: readonly ExecArgument[], words: readonly string[], refusal: RegExp, name?: string]>([
  ['too many', [digit], ['1', '2'], /takes 1 arguments, not 2/],
  ['too few', [digit, digit], ['1'], /takes 2 arguments, not 1/],
  ['more than the pattern', [digit], ['12'], /argument 1 of job does not match/],
  ['another line', [digit], ['1\n2'], /argument 1/],
  ['an option', [anything], ['--help'], /argument 1/],
  ['a line in what matches anything', [{ matches: wholePattern('[^]*') }], ['a\nb'], /argument 1/],
  ['a VM whose name is an option', [{ vm: 'name' }], [], /name of the VM/, '-rf'],
  ['a VM whose name is a path', [{ vm: 'name' }], [], /name of the VM/, '../x'],
])('refuses %s', (_what, entryArguments, words, refusal, name) => {
  expect(given(entryArguments, words, name)).toEqual({ refusal: expect.stringMatching(refusal) })
})
