import { expect, test } from 'vitest'

import { defaultRoots } from '../../host/roots.js'
import { isAbsent } from '../../host/text-reader.js'
import { createArrayResolver } from '../../storage/array-resolver.js'
import { HypervisorUnavailable } from '../hypervisor.js'
import { FileCopy } from './file-copy.js'
import { contentOf, type FrameContent } from './frame-content.js'

/** All parts that a frame of its lane has, with one text in all of its files. */
function told(text: string, lane: 'fast' | 'state' | 'inventory'): FrameContent {
  const heads = ['proc/diskstats', 'sys/bus/xen-backend/devices/vbd-1-51712/mode']
  if (lane !== 'fast') heads.push('proc/stat', 'proc/1/mounts')
  if (lane === 'inventory') heads.push('proc/cpuinfo', 'proc/sys/kernel/osrelease', 'sys/block/sda/size')
  const body = heads.map((name) => `==> ${name} <==\n${text}\n`).join('\n')
  const space = lane === 'fast' ? [] : [{ kind: 'space', argument: '/', body: Buffer.from('1 2 3 4 5 ./\n') }]
  return contentOf([{ kind: 'heads', argument: '/', body: Buffer.from(body) }, ...space])
}

const frequent = '/proc/diskstats'
const machine = '/proc/stat'
const seldom = '/sys/block/sda/size'

function all(copy: FileCopy): (string | undefined)[] {
  return [frequent, machine, seldom].map((path) => {
    try {
      return copy.read(path).trim()
    } catch (error) {
      return error instanceof HypervisorUnavailable ? error.message : String(error)
    }
  })
}

test('each path is read from the newest frame that tells of it', () => {
  const copy = new FileCopy()
  expect(all(copy)).toEqual(Array(3).fill('nothing was read yet'))
  copy.take('inventory', told('1', 'inventory'))
  expect(all(copy)).toEqual(['1', '1', '1'])
  copy.take('fast', told('2', 'fast'))
  expect(all(copy)).toEqual(['2', '1', '1'])
  copy.take('state', told('3', 'state'))
  expect(all(copy)).toEqual(['3', '3', '1'])
  copy.take('inventory', told('4', 'inventory'))
  expect(all(copy)).toEqual(['4', '4', '4'])
})

test('what the newest frame leaves out is gone, whatever older ones have', () => {
  const copy = new FileCopy()
  copy.take('inventory', told('1', 'inventory'))
  copy.take('fast', contentOf([]))
  expect(copy.readIfThere(frequent)).toBeUndefined()
  expect(copy.readIfThere(machine)).toBe('1\n')
  expect(() => copy.names('/sys/bus/xen-backend/devices')).toThrow('ENOENT')
})

test('a connection that is lost: no counter of before can be read, not even beside newer ones', () => {
  const copy = new FileCopy()
  copy.take('inventory', told('1', 'inventory'))
  copy.take('state', told('2', 'state'))
  copy.lose(new HypervisorUnavailable('cut'))
  expect(all(copy)).toEqual(['cut', 'cut', '1'])
  copy.take('fast', told('3', 'fast'))
  expect(all(copy)).toEqual(['3', 'cut', '1'])
  copy.take('state', told('4', 'state'))
  expect(all(copy)).toEqual(['4', '4', '1'])
  copy.forget()
  expect(all(copy)[2]).toBe('cut')
})

test('the root of CentOS 5 is on /dev/root, which is no device: its file system knows', async () => {
  const copy = new FileCopy()
  const parts: readonly (readonly [string, string, string])[] = [
    ['heads', '/', '==> proc/self/mounts <==\nrootfs / rootfs rw 0 0\n/dev/root / ext3 rw 0 0\n'],
    ['heads', '/sys', '==> block/sda/dev <==\n8:0\n\n==> block/sda/sda1/dev <==\n8:1\n\n==> block/sda/size <==\n9\n'],
    ['under', '/', '2049 ./\n'],
  ]
  copy.take(
    'inventory',
    contentOf(parts.map(([kind, argument, body]) => ({ kind, argument, body: Buffer.from(body) }))),
  )
  const resolve = createArrayResolver({ now: Date.now, ...defaultRoots, devRoot: '/dev', files: copy, hostId: 'h' })
  expect(await resolve({ type: 'file', source: '/images/x.img' })).toMatchObject({
    key: 'local:h:sda',
    backend: 'file',
  })
})

test('answers and errors are those of a file system', async () => {
  const copy = new FileCopy()
  copy.take('inventory', told('1', 'inventory'))
  const links = `lrwxrwxrwx 1 0 0 7 Nov 28 07:13 images -> srv
brw------- 1 0 0 8, 1 Nov 28 07:12 dev/sda1
-r-------- 1 0 0 4096 Jan 1 00:00 sys/class/dmi/id/product_uuid`
  copy.take(
    'inventory',
    contentOf([
      { kind: 'links', argument: '/', body: Buffer.from(links) },
      { kind: 'under', argument: '/', body: Buffer.from('2049 ./srv') },
      { kind: 'space', argument: '/', body: Buffer.from('4096 2 3 4 5 ./srv') },
    ]),
  )
  expect(await copy.linkTarget('/images')).toBe('srv')
  expect(await copy.deviceNumbers('/dev/sda1')).toEqual({ own: '8:1', under: '0:0' })
  expect(await copy.deviceNumbers('/srv')).toEqual({ under: '8:1' })
  expect(await copy.statfs('/srv')).toMatchObject({ bsize: 4096n })
  expect(await copy.readDirectory('/sys/class/dmi')).toEqual(['id'])
  const failing: readonly (readonly [string, () => unknown])[] = [
    ['ENOENT', () => copy.realPath('/nothing')],
    ['ENOENT', () => copy.linkTarget('/nothing')],
    ['EINVAL', () => copy.linkTarget('/dev/sda1')],
    ['ENOENT', () => copy.deviceNumbers('/nothing')],
    ['ENOENT', () => copy.statfs('/nothing')],
    ['ENOENT', () => copy.fileSystemType('/srv')],
    ['EACCES', () => copy.readFile('/sys/class/dmi/id/product_uuid')],
    ['EISDIR', () => copy.readFile('/sys/class')],
    ['ENOTDIR', () => copy.readDirectory('/dev/sda1')],
  ]
  for (const [code, fails] of failing) {
    await expect(fails()).rejects.toMatchObject({ code })
  }
  const missing: unknown = await copy.realPath('/nothing').catch((error: unknown) => error)
  expect(isAbsent(missing)).toBe(true)
})
