import { describe, expect, test } from 'vitest'

import { contentOf, type FrameContent } from './frame-content.js'

function content(...parts: readonly (readonly [kind: string, argument: string, body: string])[]): FrameContent {
  return contentOf(parts.map(([kind, argument, body]) => ({ kind, argument, body: Buffer.from(body, 'latin1') })))
}

function text({ tree }: FrameContent, path: string): string | undefined {
  const node = tree.find(path)
  return node?.kind === 'file' ? node.bytes.toString('latin1') : node?.kind
}

describe('heads', () => {
  test('files as they are, empty ones, without a newline at the end, with NUL bytes', () => {
    const found = content([
      'heads',
      '/sys',
      '==> /dev/null <==\n\n==> a <==\n12\n\n==> empty <==\n\n==> b/c <==\nno newline\n==> page <==\n\0\x80\0\x02AB\n\n==> last <==\nx\n',
    ])
    expect(text(found, '/sys/a')).toBe('12\n')
    expect(text(found, '/sys/empty')).toBe('')
    expect(text(found, '/sys/b/c')).toBe('no newline')
    expect(text(found, '/sys/page')).toBe('\0\x80\0\x02AB\n')
    expect(text(found, '/sys/last')).toBe('x\n')
    expect(found.tree.find('/dev/null')).toBeUndefined()
  })

  test('names that lead up are put right, and end where a reader has something to tell of', () => {
    const found = content([
      'heads',
      '/sys/bus/xen-backend/devices',
      '==> ../../../../proc/diskstats <==\n8 0 sda\n\n==> ../../../../home/key <==\nsecret\n\n==> ../../../../../../etc/os-release <==\nx\n',
    ])
    expect(text(found, '/proc/diskstats')).toBe('8 0 sda\n')
    expect(found.tree.find('/home')).toBeUndefined()
    expect(text(found, '/etc/os-release')).toBe('x\n')
  })
})

test('names: what a pattern did not find is none', () => {
  const { tree } = content(['names', '/sys/bus/xen-backend/devices', 'vbd-1-51712\ntap-*\nvif-4-0/net:web0\n'])
  const node = tree.find('/sys/bus/xen-backend/devices')
  expect(node?.kind === 'directory' ? [...node.entries.keys()] : []).toEqual(['vbd-1-51712', 'vif-4-0'])
})

describe('links', () => {
  // GNU coreutils, then busybox, then with SELinux's dot.
  const listed = `
lrwxrwxrwx 1 0 0      0 Nov 28 07:13 class/block/sda -> ../../devices/pci0/block/sda
lrwxrwxrwx    1 0        0               13 Nov 28 07:13 dev/block/8:0 -> ../../devices/pci0/block/sda
drwxr-xr-x. 4 0 0      0 Jan  1  2023 block/sdz
-r--------    1 0        0             4096 Jan  1 00:00 class/dmi/id/product_uuid
total 0
rubbish`

  test('of sysfs: a file is found by all of its names', () => {
    const found = content(
      ['links', '/sys', listed],
      ['heads', '/sys', '==> class/block/sda/size <==\n1000\n\n==> /dev/null <==\n'],
    )
    expect(found.tree.realPath('/sys/dev/block/8:0/size')).toBe('/sys/devices/pci0/block/sda/size')
    expect(text(found, '/sys/devices/pci0/block/sda/size')).toBe('1000\n')
    expect(text(found, '/sys/block/sdz')).toBe('directory')
    expect(text(found, '/sys/class/dmi/id/product_uuid')).toBe('unread')
  })

  test('of /dev: nodes of block devices with their numbers, no others', () => {
    const { tree } = content([
      'links',
      '/dev',
      `brw-rw---- 1 0 6 253, 3 Nov 20 13:12 ./mapper/elab-maxwell
crw-rw-rw- 1 0 0 1, 3 Nov 20 13:12 ./null
brw-------    1 0        0         254,  10 Nov 28 07:12 ./vda with a blank
lrwxrwxrwx 1 0 0 7 Nov 28 07:13 ./elab/maxwell -> ../mapper/elab-maxwell`,
    ])
    expect(tree.find('/dev/elab/maxwell')).toEqual({ kind: 'device', number: '253:3' })
    expect(tree.realPath('/dev/elab/maxwell')).toBe('/dev/mapper/elab-maxwell')
    expect(tree.find('/dev/vda with a blank')).toEqual({ kind: 'device', number: '254:10' })
    expect(tree.find('/dev/null')).toBeUndefined()
  })

  test('anywhere; they lead to nothing but what was told', () => {
    const { tree } = content([
      'links',
      '/',
      `lrwxrwxrwx 1 0 0 7 Nov 28 07:13 images -> /srv/vms
lrwxrwxrwx 1 0 0 7 Nov 28 07:13 a -> b
lrwxrwxrwx 1 0 0 7 Nov 28 07:13 b -> a`,
    ])
    expect(tree.find('/images', { followLast: false })).toEqual({ kind: 'link', target: '/srv/vms' })
    expect(tree.find('/images/x')).toBeUndefined()
    expect(tree.find('/a')).toBeUndefined()
  })
})

test('file systems: their use, and the devices beneath', () => {
  const { space, under } = content(
    ['space', '/', '4096 66053021 20317312 16777216 16324384 ./\n512 9 8 7 6 ./srv/a b\n-1 2 3 4 5 ./x\n1 2 3\n'],
    ['under', '/', '65027 ./\n0 ./x\nx ./y'],
  )
  expect(Object.fromEntries(space)).toEqual({
    '/': { bsize: 4096n, blocks: 66_053_021n, bavail: 20_317_312n, files: 16_777_216n, ffree: 16_324_384n },
    '/srv/a b': { bsize: 512n, blocks: 9n, bavail: 8n, files: 7n, ffree: 6n },
  })
  expect(Object.fromEntries(under)).toEqual({ '/': '254:3', '/x': '0:0' })
})

test.each([
  ['files', ['names', '/proc', Array.from({ length: 70_000 }, (_, index) => index).join('\n')] as const],
  ['file systems', ['under', '/', Array.from({ length: 2000 }, (_, index) => `1 ./${index}`).join('\n')] as const],
])('too many %s are malformed', (what, part) => {
  expect(() => content(part)).toThrow(new RegExp(`more than \\d+ ${what}`))
})

test('parts of a newer reader are left out', () => {
  expect(content(['colours', '/', 'red']).space.size).toBe(0)
})
