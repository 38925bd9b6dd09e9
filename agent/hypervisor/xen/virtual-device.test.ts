import { expect, test } from 'vitest'

import { diskTarget } from './virtual-device.js'

test.each([
  [51_712, 'xvda'],
  [51_713, 'xvda1'],
  [51_728, 'xvdb'],
  [51_952, 'xvdp'],
  [51_967, 'xvdp15'],
  [2 ** 28 + 16 * 256, 'xvdq'],
  [2 ** 28 + 25 * 256 + 3, 'xvdz3'],
  [2 ** 28 + 26 * 256, 'xvdaa'],
  [2 ** 28 + 702 * 256, 'xvdaaa'],
  [768, 'hda'],
  [768 + 64 + 2, 'hdb2'],
  [5632, 'hdc'],
  [5696, 'hdd'],
  [2048, 'sda'],
  [2048 + 17, 'sdb1'],
  [65 * 256, 'sdq'],
  [768 + 128, undefined],
  [9 * 256, undefined],
  [0, undefined],
  [-1, undefined],
  [2 ** 29, undefined],
  [Number.NaN, undefined],
])('%d is %s', (number, target) => {
  expect(diskTarget(number)).toBe(target)
})
