import { rmSync, symlinkSync } from 'node:fs'

import { afterEach, describe, expect, test } from 'vitest'

import { buildTree, type Tree } from '../../test/fixtures/proc/build-tree.js'
import { createLocalFiles } from '../host/local-files.js'
import { createArrayResolver } from './array-resolver.js'
import type { MachineFiles } from '../host/machine-files.js'
import type { DiskSource } from './disk-source.js'

const files = createLocalFiles()
let tree: Tree | undefined
afterEach(() => tree?.remove())

const resolver = (table: string, now = Date.now) => {
  tree = buildTree(table)
  // Past the test's own limit, so that a walk without end shows.
  return createArrayResolver({ ...tree, files, hostId: 'h1', now, deadlineMs: 60_000 })
}
const block = (source: string): DiskSource => ({ type: 'block', source })
const file = (source: string): DiskSource => ({ type: 'file', source })

const group = 'AbCdEf0123456789ghijklmnopqrstuv'
const groupUuid = 'AbCdEf-0123-4567-89gh-ijkl-mnop-qrstuv'
const lvm = `LVM-${group}${'x'.repeat(32)}`
const iqn = 'iqn.2011-04.jp.elab:box'

/** A disk on a SATA port, with one partition. */
const sata = (name: string, port: number, serial: string, sectors = 2000) => `
  sys/class/block/${name} -> ../../devices/pci0000:00/ata${port}/host${port}/target${port}:0:0/${port}:0:0:0/block/${name}
  sys/devices/pci0000:00/ata${port}/host${port}/target${port}:0:0/${port}:0:0:0/block/${name}/size = ${sectors}
  sys/devices/pci0000:00/ata${port}/host${port}/target${port}:0:0/${port}:0:0:0/block/${name}/device/wwid = ${serial}
  sys/devices/pci0000:00/ata${port}/host${port}/target${port}:0:0/${port}:0:0:0/block/${name}/device/model = DISK
  sys/class/block/${name}1 -> ../../devices/pci0000:00/ata${port}/host${port}/target${port}:0:0/${port}:0:0:0/block/${name}/${name}1
  sys/devices/pci0000:00/ata${port}/host${port}/target${port}:0:0/${port}:0:0:0/block/${name}/${name}1/partition = 1
  dev/${name} = x
  dev/${name}1 = x`

/** A LUN that the kernel's initiator has attached. */
const lun = (name: string, session: number, number: number, target: string, sectors = 1000) => `
  sys/class/block/${name} -> ../../devices/platform/host${session}/session${session}/target${session}:0:0/${session}:0:0:${number}/block/${name}
  sys/devices/platform/host${session}/session${session}/target${session}:0:0/${session}:0:0:${number}/block/${name}/size = ${sectors}
  sys/devices/platform/host${session}/session${session}/iscsi_session/session${session}/targetname = ${target}
  dev/${name} = x`
const session = (number: number) => `
  sys/class/iscsi_session/session${number} -> ../../devices/platform/host${number}/session${number}/iscsi_session/session${number}
  sys/devices/platform/host${number}/session${number}/iscsi_session/session${number}/device -> ../../../session${number}`

/** A device made of others. */
const layer = (name: string, slaves: readonly string[], attributes = '') => `
  sys/class/block/${name} -> ../../devices/virtual/block/${name}
  sys/devices/virtual/block/${name}/size = 500
  ${slaves.map((slave) => `sys/devices/virtual/block/${name}/slaves/${slave} -> ../../../../../class/block/${slave}`).join('\n')}
  ${attributes.replaceAll('@', `sys/devices/virtual/block/${name}`)}
  dev/${name} = x`
const volume = (name: string, slaves: readonly string[], mapped: string) => `
  ${layer(name, slaves, `@/dm/uuid = ${lvm}\n@/dm/name = ${mapped}`)}
  dev/mapper/${mapped} -> ../${name}`

describe('local disks', () => {
  test('a partition is on its disk', async () => {
    expect(await resolver(sata('sda', 1, 'naa.5000 c500'))(block('/dev/sda1'))).toEqual({
      key: 'local:h1:naa.5000_c500',
      backend: 'block',
      array: {
        key: 'local:h1:naa.5000_c500',
        name: 'sda (DISK)',
        kind: 'local',
        devices: ['sda'],
        sizeBytes: 2000 * 512,
      },
    })
  })

  test('by a link of udev', async () => {
    const resolve = resolver(`${sata('sda', 1, 'W1')}
      dev/disk/by-id/ata-DISK -> ../../sda`)
    expect((await resolve(block('/dev/disk/by-id/ata-DISK'))).key).toBe('local:h1:W1')
  })

  test('NVMe: namespaces of one device are one array', async () => {
    const place = 'sys/devices/pci0000:00/0000:01:00.0/nvme/nvme0'
    const resolve = resolver(`
      sys/class/block/nvme0n1 -> ../../devices/pci0000:00/0000:01:00.0/nvme/nvme0/nvme0n1
      ${place}/nvme0n1/device -> ../../nvme0
      ${place}/serial = S4EV
      ${place}/nvme0n1/nvme0n1p2/partition = 2
      sys/class/block/nvme0n1p2 -> ../../devices/pci0000:00/0000:01:00.0/nvme/nvme0/nvme0n1/nvme0n1p2
    `)
    const found = await resolve(block('/dev/nvme0n1p2'))
    expect([found.key, found.array?.devices]).toEqual(['local:h1:S4EV', ['nvme0n1']])
  })

  test('without an identity the name has to do', async () => {
    const resolve = resolver(
      'sys/class/block/vda -> ../../devices/virtio1/block/vda\nsys/devices/virtio1/block/vda/size = 8',
    )
    expect((await resolve(block('/dev/vda'))).key).toBe('local:h1:vda')
  })

  test('cciss/c0d0: sysfs writes the slash as !', async () => {
    const resolve = resolver(String.raw`
      sys/class/block/cciss!c0d0p1 -> ../../devices/pci0/cciss0/block/cciss!c0d0/cciss!c0d0p1
      sys/devices/pci0/cciss0/block/cciss!c0d0/cciss!c0d0p1/partition = 1
      dev/cciss/c0d0p1 = x`)
    const found = await resolve(block('/dev/cciss/c0d0p1'))
    expect([found.key, found.array?.devices]).toEqual(['local:h1:cciss/c0d0', ['cciss/c0d0']])
  })

  test('paths to one disk (multipath) are one array with both devices', async () => {
    const resolve = resolver(
      sata('sda', 1, 'W1') + sata('sdb', 2, 'W1') + layer('dm-0', ['sda', 'sdb'], '@/dm/uuid = mpath-W1'),
    )
    const found = await resolve(block('/dev/dm-0'))
    expect([found.key, found.backend, found.array?.devices]).toEqual(['local:h1:W1', 'block', ['sda', 'sdb']])
  })
})

test('the device that serves a disk goes before its path; the path does where that device is not known', async () => {
  const resolve = resolver(`${sata('sda', 1, 'W1')} ${sata('sdb', 2, 'W2')}
    sys/dev/block/8:16 -> ../../class/block/sdb`)
  const key = async (path: string, deviceNumber: string) => (await resolve({ ...block(path), deviceNumber })).key
  expect(await key('/dev/sda', '8:16')).toBe('local:h1:W2')
  expect(await key('not a path', '8:16')).toBe('local:h1:W2')
  expect(await key('/dev/sda', '8:99')).toBe('local:h1:W1')
})

describe('sysfs of Linux 2.6.18', () => {
  const old = `
    sys/block/sda/dev = 8:0
    sys/block/sda/sda1/dev = 8:1
    sys/block/cciss!c0d0/dev = 104:0
    sys/block/cciss!c0d0/cciss!c0d0p1/dev = 104:1`

  test.each([
    ['/dev/sda', undefined, 'sda'],
    ['/dev/sda1', undefined, 'sda'],
    ['/dev/gone', '8:1', 'sda'],
    ['/dev/cciss/c0d0p1', undefined, 'cciss/c0d0'],
    ['/dev/gone', undefined, 'unknown'],
    ['/dev/gone', '8:2', 'unknown'],
  ])('%s, %s', async (path, deviceNumber, name) => {
    const source = deviceNumber === undefined ? block(path) : { ...block(path), deviceNumber }
    expect((await resolver(old)(source)).key).toBe(`local:h1:${name}`)
  })
})

describe('md', () => {
  const disks = sata('sda', 1, 'W1') + sata('sdb', 2, 'W2')

  test('an array of its own, by its UUID', async () => {
    const found = await resolver(disks + layer('md0', ['sda1', 'sdb1'], '@/md/uuid = 1234-abcd'))(block('/dev/md0'))
    expect(found).toEqual({
      key: 'local:h1:1234-abcd',
      backend: 'block',
      array: { key: 'local:h1:1234-abcd', name: 'md0', kind: 'md', devices: ['sda', 'sdb'], sizeBytes: 500 * 512 },
    })
  })

  test('by its name on kernels that do not show the UUID', async () => {
    expect((await resolver(disks + layer('md0', ['sda1', 'sdb1']))(block('/dev/md0'))).key).toBe('local:h1:md0')
  })

  test('LVM on one md is that md', async () => {
    const found = await resolver(disks + layer('md0', ['sda1', 'sdb1']) + volume('dm-0', ['md0'], 'vg0-bell'))(
      block('/dev/mapper/vg0-bell'),
    )
    expect([found.key, found.backend, found.unit]).toEqual(['local:h1:md0', 'lvm', 'vg0/bell'])
  })
})

describe('LVM', () => {
  test('on one local disk', async () => {
    const resolve = resolver(sata('sda', 1, 'W1') + volume('dm-0', ['sda1'], 'vg0-lv--root'))
    const found = await resolve(block('/dev/mapper/vg0-lv--root'))
    expect([found.key, found.backend, found.unit]).toEqual(['local:h1:W1', 'lvm', 'vg0/lv-root'])
  })

  test('over several disks the group is the array', async () => {
    const resolve = resolver(sata('sda', 1, 'W1') + sata('sdb', 2, 'W2') + volume('dm-0', ['sda1', 'sdb1'], 'vg0-bell'))
    expect(await resolve(block('/dev/dm-0'))).toEqual({
      key: `lvm:${groupUuid}`,
      backend: 'lvm',
      unit: 'vg0/bell',
      array: { key: `lvm:${groupUuid}`, name: 'vg0', kind: 'lvm', devices: ['sda', 'sdb'] },
    })
  })
})

describe('iSCSI by the kernel', () => {
  /** As an elab Xen host: a logical volume for each VM on LUNs of one box, the OS on a local disk. */
  const elab =
    sata('sda', 1, 'W1') + lun('sdb', 3, 1, iqn.toUpperCase()) + lun('sdc', 3, 2, iqn.toUpperCase(), 3000) + session(3)

  test('a LUN: all disks of its target count towards the box', async () => {
    expect(await resolver(elab)(block('/dev/sdb'))).toEqual({
      key: `iscsi:${iqn}`,
      backend: 'iscsi',
      unit: '1',
      array: { key: `iscsi:${iqn}`, name: iqn, kind: 'iscsi', devices: ['sdb', 'sdc'], sizeBytes: 4000 * 512 },
    })
  })

  test('a logical volume over two LUNs of one target is on that target', async () => {
    const found = await resolver(elab + volume('dm-3', ['sdb', 'sdc'], 'iscsi-maxwell'))(
      block('/dev/mapper/iscsi-maxwell'),
    )
    expect([found.key, found.backend, found.unit]).toEqual([`iscsi:${iqn}`, 'iscsi', 'iscsi/maxwell'])
  })

  test('one LUN by two sessions is counted once in size, twice in devices', async () => {
    const resolve = resolver(
      lun('sdb', 3, 1, iqn) +
        lun('sdc', 4, 1, iqn) +
        session(3) +
        session(4) +
        layer('dm-0', ['sdb', 'sdc'], '@/dm/uuid = mpath-x'),
    )
    const found = await resolve(block('/dev/dm-0'))
    expect([found.key, found.unit]).toEqual([`iscsi:${iqn}`, '1'])
    expect(found.array).toMatchObject({ devices: ['sdb', 'sdc'], sizeBytes: 1000 * 512 })
  })

  test('two targets under one group: the group', async () => {
    const resolve = resolver(
      lun('sdb', 3, 1, iqn) +
        lun('sdc', 4, 1, `${iqn}2`) +
        session(3) +
        session(4) +
        volume('dm-0', ['sdb', 'sdc'], 'vg0-x'),
    )
    const found = await resolve(block('/dev/dm-0'))
    expect([found.key, found.backend]).toEqual([`lvm:${groupUuid}`, 'lvm'])
  })

  test('another target has its own disks', async () => {
    const resolve = resolver(elab + lun('sdd', 4, 1, `${iqn}2`) + session(4))
    expect((await resolve(block('/dev/sdd'))).array?.devices).toEqual(['sdd'])
  })

  test('a file on a file system on a LUN', async () => {
    const resolve = resolver(`${elab}
      proc/self/mounts = /dev/sda1 / ext4 rw 0 0\\n/dev/sdb /srv ext4 rw 0 0`)
    const found = await resolve(file('/srv/x.img'))
    expect([found.key, found.backend, found.unit]).toEqual([`iscsi:${iqn}`, 'iscsi', '/srv/x.img'])
    expect((await resolve(file('/var/x.img'))).key).toBe('local:h1:W1')
  })
})

describe('files', () => {
  test('the longest mount, through links', async () => {
    const resolve = resolver(`${sata('sda', 1, 'W1')} ${sata('sdb', 2, 'W2')} ${volume('dm-0', ['sdb'], 'vg-images')}
      proc/self/mounts = /dev/sda1 / ext4 rw 0 0\\n/dev/mapper/vg-images /srv/my\\040disk xfs rw 0 0
      root/images -> /srv/my disk`)
    expect(await resolve(file('/images/bell.img'))).toMatchObject({
      key: 'local:h1:W2',
      backend: 'file',
      unit: '/srv/my disk/bell.img',
    })
    expect((await resolve(file('/srv/my disks/x'))).key).toBe('local:h1:W1')
  })

  test('a loop device is where its file is', async () => {
    const resolve = resolver(`${sata('sda', 1, 'W1')}
      ${layer('loop0', [], '@/loop/backing_file = /srv/disk.img')}
      ${layer('loop1', [], '@/loop/backing_file = /srv/old.img (deleted)')}
      proc/self/mounts = /dev/sda1 / ext4 rw 0 0`)
    expect(await resolve(block('/dev/loop0'))).toMatchObject({
      key: 'local:h1:W1',
      backend: 'file',
      unit: '/srv/disk.img',
    })
    expect((await resolve(block('/dev/loop1'))).unit).toBe('/srv/old.img')
  })

  test('a loop device on its own file system ends', async () => {
    const resolve = resolver(`
      ${layer('loop0', [], '@/loop/backing_file = /srv/disk.img')}
      proc/self/mounts = /dev/loop0 / ext4 rw 0 0`)
    expect(await resolve(block('/dev/loop0'))).toEqual({ key: 'local:h1:unknown', backend: 'block', array: undefined })
  })

  test.each([
    ['filer:/export/vms', 'nfs', 'nfs:filer:/export/vms', 'nfs', 'a/bell.img'],
    ['Filer:/export/', 'nfs4', 'nfs:filer:/export', 'nfs', 'a/bell.img'],
    ['[fe80::1]:/', 'nfs4', 'nfs:[fe80::1]:/', 'nfs', 'a/bell.img'],
    ['//nas/vms', 'cifs', 'cifs://nas/vms', 'file', 'a/bell.img'],
    ['tank/vms', 'zfs', 'local:h1:zfs-tank', 'file', '/mnt/a/bell.img'],
    ['tmpfs', 'tmpfs', 'local:h1:tmpfs', 'file', '/mnt/a/bell.img'],
    ['overlay', 'overlay', 'local:h1:overlay', 'file', '/mnt/a/bell.img'],
  ])('on %s (%s)', async (device, type, key, backend, unit) => {
    const resolve = resolver(`proc/self/mounts = ${device} /mnt ${type} rw 0 0`)
    const found = await resolve(file('/mnt/a/bell.img'))
    expect([found.key, found.backend, found.unit, found.array?.devices]).toEqual([key, backend, unit, undefined])
  })
})

describe('network disks', () => {
  test('iSCSI by QEMU itself has the same key as by the kernel', async () => {
    const found = await resolver('')({ type: 'network', source: `${iqn}/1`, protocol: 'iscsi', name: `${iqn}/1` })
    expect(found).toEqual({
      key: `iscsi:${iqn}`,
      backend: 'iscsi',
      unit: '1',
      array: { key: `iscsi:${iqn}`, name: iqn, kind: 'iscsi' },
    })
  })

  test("a pool by its cluster's id from ceph.conf", async () => {
    const resolve = resolver(
      String.raw`root/etc/ceph/ceph.conf = [global]\n  fsid = 0F0E7D3C-5a52-4d5e-9d3b-2b8c4a6f1e10`,
    )
    const disk: DiskSource = { type: 'network', source: 'x', protocol: 'rbd', name: 'vms/bell', host: 'mon1' }
    expect((await resolve(disk)).key).toBe('rbd:0f0e7d3c-5a52-4d5e-9d3b-2b8c4a6f1e10/vms')
  })

  test('an image that the kernel has mapped', async () => {
    const resolve = resolver(`
      sys/class/block/rbd0 -> ../../devices/rbd/0/block/rbd0
      sys/devices/rbd/0/block/rbd0/size = 8
      sys/bus/rbd/devices/0/pool = vms
      sys/bus/rbd/devices/0/name = bell
      sys/bus/rbd/devices/0/cluster_fsid = abc`)
    expect(await resolve(block('/dev/rbd0'))).toMatchObject({ key: 'rbd:abc/vms', backend: 'rbd', unit: 'bell' })
  })
})

describe('what cannot be resolved', () => {
  test.each([
    [block('/dev/nothing'), 'block'],
    [file('/no/mounts'), 'file'],
    [file('not a path'), 'file'],
    [{ type: 'volume', source: 'pool/vol' } satisfies DiskSource, 'other'],
  ])('%j is unknown', async (source, backend) => {
    expect(await resolver('')(source)).toEqual({ key: 'local:h1:unknown', backend, array: undefined })
  })

  test('an empty drive is on no array', async () => {
    expect(await resolver('')(file(''))).toEqual({ key: '', backend: 'other', array: undefined })
  })

  test('unknown is asked again, known is remembered for ten minutes', async () => {
    let nowMs = 0
    const resolve = resolver(sata('sda', 1, 'W1') + sata('sdb', 2, 'W2'), () => nowMs)
    const link = `${tree?.devRoot}/disk`
    const key = async () => (await resolve(block('/dev/disk'))).key
    expect(await key()).toBe('local:h1:unknown')
    symlinkSync('sda', link)
    expect(await key()).toBe('local:h1:W1')
    rmSync(link)
    symlinkSync('sdb', link)
    nowMs = 599_999
    expect(await key()).toBe('local:h1:W1')
    nowMs = 600_000
    expect(await key()).toBe('local:h1:W2')
  })

  test('storage that hangs takes two threads, however many disks are asked for; what was known of it stays true', async () => {
    tree = buildTree(sata('sda', 1, 'W1'))
    let [asked, hangs, nowMs] = [0, false, 0]
    const hanging: MachineFiles = {
      ...files,
      readFile(path) {
        if (!hangs) return files.readFile(path)
        asked += 1
        return new Promise(() => undefined)
      },
    }
    const resolve = createArrayResolver({ ...tree, files: hanging, hostId: 'h1', now: () => nowMs, deadlineMs: 50 })
    expect((await resolve(block('/dev/sda'))).key).toBe('local:h1:W1')
    hangs = true
    nowMs = 600_000
    const found = await Promise.all(
      ['/dev/sda', '/dev/sdb', '/dev/sdc', '/dev/sdd'].map((path) => resolve(block(path))),
    )
    expect(found.map(({ key }) => key)).toEqual(['local:h1:W1', ...Array<string>(3).fill('local:h1:unknown')])
    expect((await resolve(block('/dev/sda'))).key).toBe('local:h1:W1')
    expect(asked).toBe(2)
  })
})

test.runIf(process.platform === 'linux')("this very machine's root is on something of its own", async () => {
  const roots = { procRoot: '/proc', sysRoot: '/sys', devRoot: '/dev', rootFs: '/' }
  const found = await createArrayResolver({ ...roots, files, hostId: 'h1', now: Date.now })(file('/headroom-test.img'))
  expect(found.key).toMatch(/^(?:local:h1:(?!unknown)|lvm:|iscsi:|rbd:|nfs:)./)
})
