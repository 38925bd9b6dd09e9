import { expect, test } from 'vitest'

import { frame } from './live-screen.js'

const plain = (text: string) => text.replaceAll('\u001b[', '^').replaceAll('\r\n', '|')

test('a frame begins at the corner, clears the rest of each line and what is below', () => {
  expect(plain(frame(['one', 'two'], { rows: 5, columns: 10 }))).toBe('^?2026h^Hone^K|two^K|^J^?2026l')
})

test('a full line is not cleared behind its last column, colours not counted', () => {
  expect(plain(frame(['\u001b[1mabc\u001b[22m', 'ab'], { rows: 3, columns: 3 }))).toBe(
    '^?2026h^H^1mabc^22m|ab^K|^J^?2026l',
  )
})

test('what does not fit is counted', () => {
  expect(plain(frame(['1', '2', '3', '4'], { rows: 3, columns: 20 }))).toBe('^?2026h^H1^K|2^K|… 2 more lines^K^?2026l')
  expect(plain(frame(['1', '2', '3'], { rows: 3, columns: 20 }))).toBe('^?2026h^H1^K|2^K|3^K^?2026l')
})
