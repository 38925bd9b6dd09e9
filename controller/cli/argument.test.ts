import { expect, test } from 'vitest'

import { countArgument, secondsArgument, settleWatch, sizeArgument } from './argument.js'

test.each([
  ['--watch vm list', '--watch=2 vm list'],
  ['vm list --watch', 'vm list --watch=2'],
  ['vm list --watch 5', 'vm list --watch 5'],
  ['vm show --watch bell', 'vm show --watch=2 bell'],
  ['--watch --url x', '--watch=2 --url x'],
  ['--watch=7 status', '--watch=7 status'],
  ['vm show -- --watch', 'vm show -- --watch'],
])('%s is read as %s', (given, settled) => {
  expect(settleWatch(given.split(' '), 2).join(' ')).toBe(settled)
})

test.each(['0', '101', '-1', '1.5', '', '1e2', 'many'])('%j is no count up to 100', (text) => {
  expect(() => countArgument(100)(text)).toThrow('whole number from 1 to 100')
})

test('a count', () => {
  expect(countArgument(100)('100')).toBe(100)
})

test.each(['0', '0.01', '-1', 'NaN', '1e3', '86401'])('%j is no interval', (text) => {
  expect(() => secondsArgument(text)).toThrow('seconds')
})

test.each(['5', '1 gib', '-1GiB', 'GiB', ''])('%j is no size', (text) => {
  expect(() => sizeArgument(text)).toThrow('such as 512MiB')
})

test('a size is sent as it was written', () => {
  expect(sizeArgument('1.5GiB')).toBe('1.5GiB')
})
