import { expect, it } from 'vitest'

import { arrayCondition } from '../../test/support/array-condition.js'
import { uuidOf } from '../../test/support/snapshot-builder.js'
import { boxKey, storageFleet, storagePolicy, vmOnBox } from '../../test/support/storage-fleet.js'
import { culpritsOf, suspectOf, watchedOf } from '../../test/support/watched-arrays.js'
import { judgeFleet } from '../checks/fleet-findings.js'
import type { ArrayCondition } from '../model/array-condition.js'
import type { Suspect } from '../model/culprits.js'
import type { Subject } from '../model/finding.js'
import { proposalsFor } from './proposals.js'

const box = 'joined:the box'
const ofArray = { check: 'array-cache', subject: { kind: 'array', id: box, name: 'the box' }, part: '' } as const
const ofVm = (name: string): { check: string; subject: Subject; part: string } => ({
  check: 'vm-hammers-array',
  subject: { kind: 'vm', id: uuidOf(name), name },
  part: box,
})

function proposed(
  about: Parameters<typeof proposalsFor>[0],
  condition: ArrayCondition,
  suspects: readonly Suspect[],
  { secondDisk = false, elsewhere }: { readonly secondDisk?: boolean; readonly elsewhere?: 'disk' | 'CD-ROM' } = {},
): string[] {
  const fleet = storageFleet([vmOnBox('p1'), vmOnBox('p2'), vmOnBox('c1')])
  const arrays = new Map([[condition.boxId, watchedOf(condition, { culprits: culpritsOf(suspects) })]])
  const { labels } = judgeFleet(fleet, storagePolicy(), { arrays })
  const [first] = fleet.disks.values()
  const id = `${uuidOf('p1')}/vdb`
  const disks = new Map(fleet.disks)
  const boxes = new Map(fleet.arrays)
  const array = boxes.get(boxKey)
  if (secondDisk && first !== undefined && array !== undefined) {
    disks.set(id, { ...first, id, vmUuid: uuidOf('p1'), target: 'vdb' })
    boxes.set(boxKey, { ...array, diskIds: [...array.diskIds, id] })
  }
  const vms = new Map(fleet.vms)
  const vm = fleet.vms.get(uuidOf('p1'))
  if (elsewhere !== undefined && first !== undefined && vm !== undefined) {
    const third = `${uuidOf('p1')}/vdc`
    disks.set(third, { ...first, id: third, vmUuid: uuidOf('p1'), target: 'vdc', readOnly: elsewhere === 'CD-ROM' })
    vms.set(vm.uuid, { ...vm, diskIds: [...vm.diskIds, ...(secondDisk ? [id] : []), third] })
  }
  return proposalsFor(about, {
    snapshot: { ...fleet, vms, disks, arrays: boxes },
    labels,
    circumstances: { arrays },
  }).map(({ vmName, args, text }) => `${vmName} ${JSON.stringify(args)} ${text}`)
}

const one = [suspectOf('p1', { shareOfInflow: 0.9 })]
const two = [suspectOf('p1', { shareOfInflow: 0.5 }), suspectOf('p2', { shareOfInflow: 0.5 })]
const full = arrayCondition('saturated')
const half = '{"write":"8500KB/s","disk":"vda","for":"3m"} limit p1 to 8.5 MB/s for 3m'

it.each<[string, () => string[], string[]]>([
  ['the one who copies', () => proposed(ofArray, full, one), [`p1 ${half}`]],
  ['told of as one who hammers', () => proposed(ofVm('p1'), full, one), [`p1 ${half}`]],
  ['an alert of another VM proposes nothing of this one', () => proposed(ofVm('p2'), full, one), []],
  [
    'two who copy',
    () => proposed(ofArray, full, two).map((text) => text.slice(0, 22)),
    ['p1 {"write":"8MB/s","d', 'p2 {"write":"8MB/s","d'],
  ],
  [
    'both its disks there share it',
    () => proposed(ofArray, full, one, { secondDisk: true }),
    ['p1 {"write":"4250KB/s","for":"3m"} limit p1 to 8.5 MB/s for 3m'],
  ],
  ['one disk there and one elsewhere', () => proposed(ofArray, full, one, { elsewhere: 'disk' }), [`p1 ${half}`]],
  [
    'two disks there and one elsewhere, which would be limited too',
    () => proposed(ofArray, full, one, { secondDisk: true, elsewhere: 'disk' }),
    [],
  ],
  [
    'two disks there and a CD-ROM elsewhere',
    () => proposed(ofArray, full, one, { secondDisk: true, elsewhere: 'CD-ROM' }),
    ['p1 {"write":"4250KB/s","for":"3m"} limit p1 to 8.5 MB/s for 3m'],
  ],
  [
    'many small ones are limited by their number',
    () =>
      proposed(ofArray, full, [
        suspectOf('p1', { shareOfInflow: 0.9, writeBytesPerSecond: 8e6, requestsPerSecond: 2000 }),
      ]),
    ['p1 {"readRequests":"1500","writeRequests":"1500","disk":"vda","for":"3m"} limit p1 to 1500 requests/s for 3m'],
  ],
  ['who is only perhaps to blame', () => proposed(ofArray, full, [suspectOf('p1', { confidence: 'low' })]), []],
  ['a VM that is gone', () => proposed(ofArray, full, [suspectOf('gone')]), []],
  ['a host itself', () => proposed(ofArray, full, [suspectOf('a', {}, 'host')]), []],
  ['an array that is well', () => proposed(ofArray, arrayCondition('draining'), one), []],
  ['another check', () => proposed({ ...ofArray, check: 'array-slow' }, full, one), []],
  [
    'an array that nobody watches',
    () => proposed({ ...ofArray, subject: { ...ofArray.subject, id: 'x' } }, full, one),
    [],
  ],
])('%s', (_what, found, expected) => {
  expect(found()).toEqual(expected)
})
