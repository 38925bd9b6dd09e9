import { setImmediate } from 'node:timers/promises'

import { pino } from 'pino'
import { afterEach, describe, expect, test } from 'vitest'

import { buildTree, type Tree } from '../../test/fixtures/proc/build-tree.js'
import { fileSystemsCollector, realFileSystems } from './file-systems.js'
import { createLocalFiles } from './local-files.js'
import type { StatfsAnswer } from './machine-files.js'
import { parseMounts } from './mounts.js'

let tree: Tree | undefined
afterEach(() => tree?.remove())

const log = pino({ level: 'silent' })
const answer: StatfsAnswer = { bsize: 4096n, blocks: 100n, bavail: 40n, files: 10n, ffree: 5n }
const quiet = (): AbortSignal => new AbortController().signal

test('only real file systems, each once, under its shortest path', () => {
  const mounts = parseMounts(`proc /proc proc rw 0 0
/dev/sda1 / ext4 rw 0 0
/dev/sdb1 /srv/data/vms xfs rw 0 0
/dev/sdb1 /srv xfs rw 0 0
tmpfs /run tmpfs rw 0 0
overlay /var/lib/docker/x overlay rw 0 0
/dev/loop0 /snap/core squashfs ro 0 0
filer:/vms /mnt nfs4 rw 0 0
old:/x /hidden nfs rw 0 0
/dev/sdc1 /hidden ext3 rw 0 0
`)
  expect(realFileSystems(mounts).map(({ path, device }) => [path, device])).toEqual([
    ['/', '/dev/sda1'],
    ['/srv', '/dev/sdb1'],
    ['/mnt', 'filer:/vms'],
    ['/hidden', '/dev/sdc1'],
  ])
  expect(realFileSystems(parseMounts('overlay / overlay rw 0 0')).map(({ path }) => path)).toEqual(['/'])
})

describe('collector', () => {
  const collector = (mounts: string, statfs: (path: string) => Promise<StatfsAnswer>) => {
    tree = buildTree(`proc/mounts = ${mounts}`)
    const roots = { procRoot: tree.procRoot, rootFs: '/host/' }
    return fileSystemsCollector(roots, { ...createLocalFiles(), statfs }, log, { deadlineMs: 5 })
  }

  test('reads below its root and answers with the host path', async () => {
    const asked: string[] = []
    const found = await collector(String.raw`/dev/a / ext4 rw 0 0\n/dev/b /srv xfs ro 0 0`, async (path) => {
      asked.push(path)
      return answer
    }).collect(quiet())
    expect(asked).toEqual(['/host/', '/host/srv'])
    expect(found.fileSystems?.[1]).toEqual({
      mount: '/srv',
      device: '/dev/b',
      type: 'xfs',
      sizeBytes: 409_600,
      availableBytes: 163_840,
      files: 10,
      filesFree: 5,
      readOnly: true,
    })
  })

  test('no limit and below zero stay within bounds', async () => {
    const odd = { bsize: 4096n, blocks: 2n ** 63n, bavail: -5n, files: 2n ** 64n - 1n, ffree: 0n }
    const found = await collector('/dev/a / ext4 rw 0 0', async () => odd).collect(quiet())
    expect(found.fileSystems?.[0]).toMatchObject({
      sizeBytes: Number.MAX_SAFE_INTEGER,
      availableBytes: 0,
      files: Number.MAX_SAFE_INTEGER,
      filesFree: 0,
    })
  })

  test('dead servers: the others are there, calls on dead ones do not pile up', async () => {
    const calls = new Map<string, number>()
    const subject = collector(
      String.raw`dead1:/ /d1 nfs rw 0 0\ndead2:/ /d2 nfs rw 0 0\ndead3:/ /d3 nfs rw 0 0\n/dev/a / ext4 rw 0 0`,
      (path) => {
        calls.set(path, (calls.get(path) ?? 0) + 1)
        return path === '/host/' ? Promise.resolve(answer) : new Promise(() => undefined)
      },
    )
    for (let pass = 0; pass < 3; pass += 1) {
      const found = await subject.collect(quiet())
      expect(found.fileSystems?.map(({ mount }) => mount)).toEqual(['/'])
      expect(found.unreadFileSystems?.map(({ mount, device, reason }) => `${mount} ${device}: ${reason}`)).toEqual([
        pass === 0 ? '/d1 dead1:/: statfs /d1: no answer within 5 ms' : '/d1 dead1:/: it has not answered yet',
        pass === 0 ? '/d2 dead2:/: statfs /d2: no answer within 5 ms' : '/d2 dead2:/: it has not answered yet',
        '/d3 dead3:/: not asked: others do not answer',
      ])
    }
    expect(Object.fromEntries(calls)).toEqual({ '/host/': 3, '/host/d1': 1, '/host/d2': 1 })
  })

  test('one dead server: the rest goes on, and it comes back', async () => {
    let release: (found: StatfsAnswer) => void = () => undefined
    let dead = true
    let asked = 0
    const subject = collector(String.raw`dead:/ /d nfs rw 0 0\n/dev/a / ext4 rw 0 0\nlive:/ /l nfs rw 0 0`, (path) => {
      if (path === '/host/d') asked += 1
      if (path !== '/host/d' || !dead) return Promise.resolve(answer)
      return new Promise((resolve) => {
        release = resolve
      })
    })
    const mounts = async () => (await subject.collect(quiet())).fileSystems?.map(({ mount }) => mount)
    expect(await mounts()).toEqual(['/', '/l'])
    expect(await mounts()).toEqual(['/', '/l'])
    expect(asked).toBe(1)
    dead = false
    release(answer)
    await setImmediate()
    expect(await mounts()).toEqual(['/', '/d', '/l'])
  })

  test('a mount that refuses is left out, one that fails is said to', async () => {
    const subject = collector(
      String.raw`/dev/a / ext4 rw 0 0\n/dev/b /b ext4 rw 0 0\n/dev/c /c ext4 rw 0 0`,
      (path) => {
        if (path === '/host/') return Promise.resolve(answer)
        return Promise.reject(Object.assign(new Error(path), { code: path.endsWith('b') ? 'EACCES' : 'EIO' }))
      },
    )
    const found = await subject.collect(quiet())
    expect(found.fileSystems?.map(({ mount }) => mount)).toEqual(['/'])
    expect(found.unreadFileSystems).toEqual([{ mount: '/c', device: '/dev/c', type: 'ext4', reason: '/host/c' }])
  })
})
