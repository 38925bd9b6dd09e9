import { expect, test } from 'vitest'

import { parseLogicalVolume } from './logical-volume.js'

const group = 'AbCdEf0123456789ghijklmnopqrstuv'
const uuid = `LVM-${group}${'x'.repeat(32)}`
const groupUuid = 'AbCdEf-0123-4567-89gh-ijkl-mnop-qrstuv'

test.each([
  [uuid, 'vg0-bell', { groupUuid, group: 'vg0', volume: 'bell' }],
  [`${uuid}\n`, 'vg0-bell\n', { groupUuid, group: 'vg0', volume: 'bell' }],
  [uuid, 'my--vg-lv--root--2', { groupUuid, group: 'my-vg', volume: 'lv-root-2' }],
  [`${uuid}-tpool`, 'vg0-pool-tpool', { groupUuid, group: 'vg0', volume: 'pool' }],
  [`${uuid}-real`, 'vg0-bell-real', { groupUuid, group: 'vg0', volume: 'bell' }],
  [uuid, 'renamed', { groupUuid, group: 'renamed', volume: '' }],
])('%j named %j', (id, name, expected) => {
  expect(parseLogicalVolume(id, name)).toEqual(expected)
})

test.each([
  '',
  'mpath-3600a0b80',
  'CRYPT-LUKS2-abc-luks',
  'part1-LVM-x',
  `LVM-${group}`,
  `LVM-${group}${'/'.repeat(32)}`,
])('%j is no logical volume', (id) => {
  expect(parseLogicalVolume(id, 'vg-lv')).toBeUndefined()
})
