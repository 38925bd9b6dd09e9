import { expect, test } from 'vitest'

import { parseVmstat } from './vmstat.js'

test.each([
  ['nr_free_pages 1\npswpin 3\npswpout 4\npgfault 9\n', 4096, { swapInBytes: 12288, swapOutBytes: 16384 }],
  ['pswpin 1\npswpout 0\n', 65536, { swapInBytes: 65536, swapOutBytes: 0 }],
  ['nr_free_pages 1\nnot_pswpin 5\npswpin_zero 6\n', 4096, {}],
  ['pswpout 2\n', 4096, { swapOutBytes: 8192 }],
  [
    'nr_dirty 3\nnr_writeback 2\nnr_writeback_temp 9\nnr_dirtied 99\nnr_dirty_threshold 8\nnr_dirty_background_threshold 5\n',
    4096,
    { dirtyBytes: 12_288, writebackBytes: 8192, dirtyLimitBytes: 32_768, dirtyBackgroundBytes: 20_480 },
  ],
])('%j with pages of %d', (text, pageBytes, expected) => {
  expect(parseVmstat(text, pageBytes)).toEqual(expected)
})

test.each([
  ['', '/proc/vmstat:1: expected a name and a count, got ""'],
  ['a 1\npswpin -1\n', '/proc/vmstat:2: expected a count in column 2, got "-1"'],
  ['pswpin x\n', '/proc/vmstat:1: expected a count in column 2, got "x"'],
  ['pswpin 9007199254740991\n', '/proc/vmstat:1: expected fewer bytes in column 2'],
])('%j is refused', (text, message) => {
  expect(() => parseVmstat(text, 4096)).toThrow(message)
})
