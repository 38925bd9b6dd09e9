import { hostname } from 'node:os'

import { pino } from 'pino'
import si from 'systeminformation'
import { afterEach, expect, test } from 'vitest'

import { buildTree, type Tree } from '../../test/fixtures/proc/build-tree.js'
import { elabTree, elabTreeOfCentos5 } from '../../test/fixtures/xen/elab-trees.js'
import { createLocalFiles } from './local-files.js'
import { readLocalDisks } from './local-disks.js'
import { readMachineFacts, type MachineInventory } from './machine-facts.js'

let tree: Tree | undefined
afterEach(() => tree?.remove())

const log = pino({ level: 'silent' })

/** A machine as an elab host would be today: a SATA disk, a LUN, a logical volume on it, a loop device. */
const table = String.raw`
  proc/meminfo = MemTotal: 8388608 kB
  proc/sys/kernel/osrelease = 6.1.0-28-amd64
  proc/sys/kernel/random/boot_id = 0f0e7d3c-5a52-4d5e-9d3b-2b8c4a6f1e10
  sys/block/sda -> ../devices/pci0000:00/0000:00:1f.2/ata1/host0/target0:0:0/0:0:0:0/block/sda
  sys/devices/pci0000:00/0000:00:1f.2/ata1/host0/target0:0:0/0:0:0:0/block/sda/size = 3907029168
  sys/devices/pci0000:00/0000:00:1f.2/ata1/host0/target0:0:0/0:0:0:0/block/sda/queue/rotational = 1
  sys/devices/pci0000:00/0000:00:1f.2/ata1/host0/target0:0:0/0:0:0:0/block/sda/device -> ../../../0:0:0:0
  sys/devices/pci0000:00/0000:00:1f.2/ata1/host0/target0:0:0/0:0:0:0/vendor = ATA${'     '}
  sys/devices/pci0000:00/0000:00:1f.2/ata1/host0/target0:0:0/0:0:0:0/model = ST2000DM001-1CH1
  sys/devices/pci0000:00/0000:00:1f.2/ata1/host0/target0:0:0/0:0:0:0/vpd_pg80 = \x00\x80\x00\x14            Z1E12345
  sys/block/sdb -> ../devices/platform/host3/session1/target3:0:0/3:0:0:1/block/sdb
  sys/devices/platform/host3/session1/target3:0:0/3:0:0:1/block/sdb/size = 1000
  sys/block/dm-0 -> ../devices/virtual/block/dm-0
  sys/devices/virtual/block/dm-0/size = 1000
  sys/block/loop0 -> ../devices/virtual/block/loop0
  sys/devices/virtual/block/loop0/size = 1000
  sys/block/sr0 -> ../devices/pci0000:00/0000:00:1f.2/ata2/block/sr0
  sys/devices/pci0000:00/0000:00:1f.2/ata2/block/sr0/size = 1000
`

const never = new Promise<never>(() => undefined)
const dead: MachineInventory = {
  system: () => never,
  cpu: () => Promise.reject(new Error('no dmidecode')),
  osInfo: () => {
    throw new Error('at once')
  },
  diskLayout: () => never,
}

const options = (built: Tree, inventory: MachineInventory) => ({
  procRoot: built.procRoot,
  sysRoot: built.sysRoot,
  log,
  signal: new AbortController().signal,
  deadlineMs: 500,
  inventory,
})

test('local disks from sysfs: neither LUNs nor layers', async () => {
  tree = buildTree(table)
  expect(await readLocalDisks(createLocalFiles(), tree.sysRoot)).toEqual([
    {
      device: 'sda',
      model: 'ST2000DM001-1CH1',
      serial: 'Z1E12345',
      sizeBytes: 3907029168 * 512,
      rotational: true,
    },
  ])
})

test.each([
  ['6.1', elabTree()],
  ['2.6.18', elabTreeOfCentos5()],
])('local disks of the elab host as Linux %s shows them', async (_, built) => {
  tree = buildTree(built)
  const disks = await readLocalDisks(createLocalFiles(), tree.sysRoot)
  expect(disks.map(({ device }) => device)).toEqual(['sda', 'sdd'])
})

test('an inventory that hangs and fails leaves its fields out', async () => {
  tree = buildTree(table)
  expect(await readMachineFacts(options(tree, dead))).toEqual({
    hostname: hostname(),
    bootId: '0f0e7d3c-5a52-4d5e-9d3b-2b8c4a6f1e10',
    memoryBytes: 8 * 1024 ** 3,
    kernel: '6.1.0-28-amd64',
    localDisks: [expect.objectContaining({ device: 'sda' })],
  })
})

test('an empty machine knows its name', async () => {
  tree = buildTree('')
  expect(await readMachineFacts(options(tree, dead))).toEqual({ hostname: hostname(), localDisks: [] })
})

test("the inventory's words are cleaned, and complete what sysfs cuts off", async () => {
  tree = buildTree(table)
  const known: MachineInventory = {
    system: async () => ({ ...(await si.system()), manufacturer: 'HP', model: 'ProLiant\n DL120 G6' }),
    cpu: async () => ({
      ...(await si.cpu()),
      manufacturer: 'Intel',
      brand: 'Intel(R) Xeon(R) X3430',
      cores: 4,
      physicalCores: 4,
      speed: 2.4,
    }),
    osInfo: async () => ({ ...(await si.osInfo()), distro: 'Debian GNU/Linux', release: 'unknown' }),
    diskLayout: async () => [
      {
        device: '/dev/sda',
        type: 'HD',
        name: 'ST2000DM001-1CH164',
        vendor: 'Seagate',
        size: 1,
        serialNum: 'other',
        bytesPerSector: 512,
        totalCylinders: 0,
        totalHeads: 0,
        totalSectors: 0,
        totalTracks: 0,
        tracksPerCylinder: 0,
        sectorsPerTrack: 0,
        firmwareRevision: '',
        interfaceType: 'SATA',
        smartStatus: '',
        temperature: null,
      },
    ],
  }
  expect(await readMachineFacts({ ...options(tree, known), deadlineMs: 10_000 })).toMatchObject({
    machine: 'HP ProLiant DL120 G6',
    cpuModel: 'Intel(R) Xeon(R) X3430',
    cpuCores: 4,
    cpuMhz: 2400,
    os: 'Debian GNU/Linux',
    // sysfs wins for the serial number, as the keys of arrays come from there
    localDisks: [{ device: 'sda', model: 'Seagate ST2000DM001-1CH164', serial: 'Z1E12345' }],
  })
})
