import { expect, it } from 'vitest'

import { calibrationHint } from './array-calibration.js'

const array = {
  key: "iscsi:it's",
  revision: 1,
  name: 'box',
  kind: 'iscsi',
  hosts: ['a', 'b'],
  vms: [],
  metrics: {},
}
const around = (likely: number) => ({ low: likely, likely, high: likely })
const burst = { roomBytes: around(1), bulkCopyBytesPerSecond: 1, bulkCopies: 0 }
const cacheOf = (basis: 'assumed' | 'learnt', likely: number) => ({
  box: 'box',
  state: 'idle' as const,
  since: 0,
  capacityBytes: { ...around(likely), basis },
  drainBytesPerSecond: { ...around(1), basis },
  drains: {},
  loadClass: 'sequential' as const,
  burst,
  overflows: 0,
  observedSeconds: 1,
  users: [],
  culprits: { suspects: [], victims: [] },
  remedies: [],
  events: [],
  metrics: {},
})

it('what to run is quoted for a shell, tried dry first, and large enough for what is known', () => {
  const { commands, hosts } = calibrationHint(array)
  expect(hosts).toEqual(['a', 'b'])
  expect(commands[0]).toBe(
    String.raw`headroom-agent calibrate --array 'iscsi:it'\''s' --size 2GiB --file /MOUNT-OF-THE-ARRAY/headroom-calibrate --dry-run`,
  )
  const [known] = calibrationHint({ ...array, key: 'iscsi:a', cache: cacheOf('learnt', 4e9) }).commands
  expect(known).toContain('--array iscsi:a --size 10GiB')
  expect(calibrationHint({ ...array, cache: cacheOf('assumed', 4e9) }).commands[0]).toContain('--size 2GiB')
})
