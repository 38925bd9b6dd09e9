import { mkdtemp, rm, statfs, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'

import { afterAll, beforeAll, expect, it } from 'vitest'

import { createLocalFiles } from '../../host/local-files.js'
import { countsDirectIo } from './direct-io.js'
import type { DiskDefinition } from './domain-xml.js'

let directory: string
let isCounting: boolean
beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'headroom-direct-'))
  await writeFile(path.join(directory, 'disk'), '')
  isCounting = [0xef_53, 0x58_46_53_42, 0x91_23_68_3e].includes((await statfs(directory)).type)
})
afterAll(() => rm(directory, { recursive: true }))

function disk(cache: string | undefined, source: DiskDefinition['source']): DiskDefinition {
  const rest = { readOnly: false, removable: false, format: 'raw', bus: 'virtio', serial: undefined }
  return { target: 'vda', source, cache, ...rest }
}

const block = { type: 'block', source: '/dev/vg/lv' } as const

it.each<[string, readonly DiskDefinition[], boolean]>([
  ['no disk', [], true],
  ['a block device past the page cache', [disk('none', block)], true],
  ['the same with direct sync', [disk('directsync', block)], true],
  ['an empty drive beside it', [disk('none', block), disk(undefined, undefined)], true],
  ['a block device by default', [disk(undefined, block)], false],
  ['one disk of two in the page cache', [disk('none', block), disk('writeback', block)], false],
  ['a disk on the network', [disk('none', { type: 'network', source: 'rbd:p/i', protocol: 'rbd' })], false],
  ['a file that is not there', [disk('none', { type: 'file', source: '/nonexistent/disk' })], false],
  [
    'a file in /proc, whose file system keeps no count',
    [disk('none', { type: 'file', source: '/proc/uptime' })],
    false,
  ],
])('%s', async (_, disks, expected) => {
  expect(await countsDirectIo(createLocalFiles(), disks)).toBe(expected)
})

it('asks the file system of a file', async () => {
  const file = { type: 'file', source: path.join(directory, 'disk') } as const
  expect(await countsDirectIo(createLocalFiles(), [disk('none', file)])).toBe(isCounting)
})
