import { chown, mkdir, mkdtemp, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { asOwnerOf } from './data-owner.js'

const owner = 65_534
let directory: string
let data: string

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'headroom-owner-'))
  data = join(directory, 'data')
  await mkdir(data)
})
afterEach(() => rm(directory, { recursive: true }))

const ids = (): unknown => [process.geteuid?.(), process.getegid?.(), process.getgroups?.()]

describe.skipIf(process.getuid?.() !== 0)('root', () => {
  it('writes as the owner of the directory, and is root again afterwards', async () => {
    await chown(directory, owner, owner)
    await chown(data, owner, owner)
    const before = ids()
    await asOwnerOf(data, ['daemon'], async () => {
      expect(ids()).toEqual([owner, owner, [1, owner]])
      await writeFile(join(data, 'file'), '')
    })
    expect(await stat(join(data, 'file'))).toMatchObject({ uid: owner, gid: owner })
    expect(ids()).toEqual(before)
  })

  it('is not led elsewhere by what lies there, and is root again after a failure', async () => {
    await chown(data, owner, owner)
    const precious = join(directory, 'precious')
    await writeFile(precious, 'as it was', { mode: 0o600 })
    await symlink(precious, join(data, 'file'))
    const before = ids()
    await expect(asOwnerOf(data, [], () => writeFile(join(data, 'file'), ''))).rejects.toThrow('EACCES')
    expect(ids()).toEqual(before)
  })

  it('stays root where it owns the directory, or where there is none', async () => {
    for (const place of [data, join(directory, 'nowhere')]) {
      const before = ids()
      await asOwnerOf(place, ['daemon'], () => Promise.resolve(expect(ids()).toEqual(before)))
    }
  })
})
