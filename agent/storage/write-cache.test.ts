import { expect, it } from 'vitest'

import type { ArrayFacts } from '../hypervisor/hypervisor.js'
import type { RaidControllerRaw, StorageHealthRaw, VirtualDriveRaw } from './health/health-raw.js'
import { parseStorcli } from './health/storcli.js'
import { WriteCaches, writeCacheOf } from './write-cache.js'

it.each([
  ['write-back', 'optimal', 'yes'],
  ['write-back', 'charging', 'yes'],
  ['write-back', undefined, 'yes'],
  ['write-back', 'failed', 'write-through'],
  ['write-back', 'missing', 'write-through'],
  ['write-back', 'degraded-needs-replacement', 'write-through'],
  ['write-back-always', 'failed', 'yes'],
  ['write-through', 'optimal', 'write-through'],
  [undefined, 'failed', undefined],
] as const)('%s with a battery that is %s: %s', (writeCache, state, expected) => {
  const battery = state === undefined ? {} : { battery: { kind: 'bbu', state } as const }
  expect(writeCacheOf(writeCache === undefined ? {} : { writeCache }, battery)).toBe(expected)
})

const drive = (more: Partial<VirtualDriveRaw>): VirtualDriveRaw => ({
  id: '0/0',
  name: '',
  level: 'raid5',
  state: 'optimal',
  writeCache: 'write-back',
  ...more,
})
const controller = (virtualDrives: readonly VirtualDriveRaw[], state = 'optimal'): RaidControllerRaw => ({
  number: 0,
  model: '',
  serial: '',
  status: 'optimal',
  battery: { kind: 'bbu', state },
  virtualDrives,
  physicalDrives: [],
})
const health = (...controllers: readonly RaidControllerRaw[]): StorageHealthRaw => ({
  sources: [],
  items: { md: [], 'raid-controller': controllers, smart: [], lvm: [] },
})
const facts = (key: string, ...devices: readonly string[]): ArrayFacts => ({ key, name: key, kind: 'local', devices })
const wwids: Record<string, string> = { '/s/block/sdx/device/wwid': 'naa.600605b00d8f1234567890abcdef0123\n' }
const caches = (): WriteCaches => new WriteCaches('/s', { readIfThere: (path) => wwids[path] })

it('finds the drive beneath an array by its name in the system or by its NAA id, and adds it to what is told', () => {
  const drives = controller([
    drive({ osDevice: 'sda' }),
    drive({ osDevice: 'sdb', writeCache: 'write-through' }),
    // The name was that of another boot: the id counts.
    drive({ osDevice: 'sda', naaId: '600605b00d8f1234567890abcdef0123', writeCache: 'write-through' }),
  ])
  const arrays = [
    facts('a', 'sda'),
    facts('ab', 'sda', 'sdb'),
    facts('x', 'sdx'),
    facts('n', 'sdn'),
    facts('an', 'sda', 'sdn'),
  ]
  expect(caches().added([{ key: 'a', writeBytes: 1 }, { key: 'n' }], arrays, health(drives))).toEqual([
    { key: 'a', writeBytes: 1, writeCache: 'yes' },
    { key: 'n' },
    { key: 'ab', writeCache: 'write-through' },
    { key: 'x', writeCache: 'write-through' },
  ])
  const told = [{ key: 'a' }]
  expect(caches().added(told, arrays, undefined)).toBe(told)
})

it('a battery that fails shows the next time that the array is told of', () => {
  const found = caches()
  const at = (state: string): unknown =>
    found.added([], [facts('a', 'sda')], health(controller([drive({ osDevice: 'sda' })], state)))
  expect(at('optimal')).toEqual([{ key: 'a', writeCache: 'yes' }])
  expect(at('failed')).toEqual([{ key: 'a', writeCache: 'write-through' }])
})

/** Hand-written after the StorCLI Reference Manual, as in storcli.test.ts. */
it('from the text of storcli to the array: a failed battery writes through though the policy stays', () => {
  const text = (data: object): string =>
    JSON.stringify({ Controllers: [{ 'Command Status': { Controller: 0, Status: 'Success' }, 'Response Data': data }] })
  const told = (battery: string): unknown => {
    const controllers = parseStorcli({
      controllers: text({
        Basics: { Model: 'PERC' },
        BBU_Info: [{ State: battery }],
        'VD LIST': [{ 'DG/VD': '0/239', TYPE: 'RAID5', State: 'Optl', Cache: 'RWBD' }],
      }),
      virtualDrives: text({
        'VD239 Properties': {
          'Write Cache(initial setting)': 'WriteBack',
          'OS Drive Name': '/dev/sda',
          'SCSI NAA Id': '600605b00d8f1234567890abcdef0123',
        },
      }),
      physicalDrives: text({}),
    })
    return caches().added([], [facts('a', 'sda')], health(...controllers))
  }
  expect(told('Optimal')).toEqual([{ key: 'a', writeCache: 'yes' }])
  expect(told('Failed')).toEqual([{ key: 'a', writeCache: 'write-through' }])
})
