import { afterEach, describe, expect, test } from 'vitest'

import { createLog } from '../../../common/log.js'
import { buildTree } from '../../../test/fixtures/proc/build-tree.js'
import { boxIqn, elabTree, elabTreeOfCentos5 } from '../../../test/fixtures/xen/elab-trees.js'
import { dom0, xenAnswers, type FakeDomain } from '../../../test/fixtures/xen/fake-xen.js'
import { startFakeDaemon } from '../../../test/support/libvirt-fake-daemon.js'
import { createLocalFiles } from '../../host/local-files.js'
import { createArrayResolver } from '../../storage/array-resolver.js'
import type { Inventory } from '../hypervisor.js'
import { openXen } from './driver.js'
import { readXenVersion } from './libvirt-toolstack.js'

const stops: (() => Promise<void> | void)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop()
})

const block = (path: string): string => `<disk type='block'><source dev='${path}'/><target dev='xvda'/></disk>`
const file = (path: string): string => `<disk type='file'><source file='${path}'/><target dev='xvda'/></disk>`
const disks: readonly (readonly [id: number, name: string, disk: string])[] = [
  [5, 'maxwell', block('/dev/elab/maxwell')],
  [6, 'tesla', block('/dev/elab/tesla')],
  [7, 'bell', block('/dev/local/bell')],
  [8, 'kohaku', file('/images/kohaku.img')],
  [9, 'panda', block('/dev/sda3')],
]

/** The elab's host with its VMs. None of the paths that the definitions name is there: what dom0 serves has to tell. */
async function inventoryOf(table: string): Promise<Inventory> {
  const tree = buildTree(table)
  stops.push(() => tree.remove())
  const domains = disks.map(([id, name, disk]): FakeDomain => {
    const uuid = `00000000-0000-4000-8000-00000000000${id}`
    const xml = `<domain><name>${name}</name><uuid>${uuid}</uuid><devices>${disk}</devices></domain>`
    return { ...dom0, id, name, uuid, xml }
  })
  const xen = {
    capabilitiesXml: '<capabilities><host/></capabilities>',
    machine: { memoryKib: 8 * 2 ** 20, cpus: 4, mhz: 2400 },
    freeBytes: 0,
    domains: [{ ...dom0 }, ...domains],
  }
  const daemon = await startFakeDaemon(xenAnswers(xen))
  stops.push(() => daemon.stop())
  const log = createLog('test', 'silent')
  const hypervisor = await openXen({
    management: { kind: 'libvirt', socket: daemon.path, uri: 'xen:///system' },
    ...tree,
    hostName: 'xenhv01',
    hostId: 'h1',
    log,
    now: () => 1000,
    createResolver: (hostId) => createArrayResolver({ now: Date.now, ...tree, files: createLocalFiles(), hostId, log }),
    newHostId: () => 'unused',
  })
  stops.push(() => hypervisor.close())
  return hypervisor.inventory(new AbortController().signal)
}

const box = `iscsi:${boxIqn}`

describe('hand-written: the right array for each disk of an elab host', () => {
  test.each<[string, string, readonly unknown[][]]>([
    [
      'Linux 6.1',
      elabTree(),
      [
        ['maxwell', box, 'iscsi', 'elab/maxwell'],
        ['tesla', box, 'iscsi', 'elab/tesla'],
        ['bell', 'local:h1:serial-sdd', 'lvm', 'local/bell'],
        ['kohaku', 'local:h1:serial-sdd', 'file', '/images/kohaku.img'],
        ['panda', 'local:h1:serial-sda', 'block', undefined],
      ],
    ],
    [
      'Linux 2.6.18',
      elabTreeOfCentos5(),
      [
        ['maxwell', box, 'iscsi', '1'],
        ['tesla', box, 'iscsi', undefined],
        ['bell', 'local:h1:sdd', 'block', undefined],
        ['kohaku', 'local:h1:sdd', 'file', '/images/kohaku.img'],
        ['panda', 'local:h1:sda', 'block', undefined],
      ],
    ],
  ])('%s', async (_, table, expected) => {
    const { vms, arrays } = await inventoryOf(table)
    const found = vms.map(({ name, disks: [disk] }) => [name, disk?.arrayKey, disk?.backend, disk?.unit])
    expect(found).toEqual(expected)
    // Both LUNs, each once: they share the box.
    expect(arrays.find(({ key }) => key === box)).toMatchObject({ devices: ['sdb', 'sdc'], sizeBytes: 2 * 1000 * 512 })
    expect(vms.map(({ disks: [disk] }) => disk?.readOnly)).toEqual([false, false, false, false, true])
    expect(vms.map(({ disks: [disk] }) => disk?.capacityBytes)).toEqual([500, 500, 500, 300, 400].map((n) => n * 512))
  })
})

test.each([
  ['major = 4\nminor = 17\nextra = .7', '4.17.7'],
  ['major = 3\nminor = 4\nextra = .3', '3.4.3'],
  ['major = 4\nminor = 18\nextra = -unstable', '4.18-unstable'],
  ['major = 4\nminor = 18', '4.18'],
  ['major = 4', undefined],
  ['major = x\nminor = 1', undefined],
])('the version %j', async (attributes, version) => {
  const at = 'sys/hypervisor/version/'
  const tree = buildTree(attributes.replaceAll(/^/gm, at))
  stops.push(() => tree.remove())
  expect(await readXenVersion(createLocalFiles(), tree.sysRoot)).toBe(version)
})
