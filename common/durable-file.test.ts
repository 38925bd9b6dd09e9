import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { makeDirectoryDurably, syncDirectory, writeDurably } from './durable-file.js'

/** That it lasts through a power loss is shown by test/durability; here is what else it promises. */

let directory: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'headroom-durable-'))
})
afterEach(() => rm(directory, { recursive: true, force: true }))

describe('writeDurably', () => {
  it('replaces the file and leaves nothing else', async () => {
    const path = join(directory, 'secret')
    await writeDurably(path, 'one, and longer')
    await writeDurably(path, 'two')
    expect(await readFile(path, 'utf8')).toBe('two')
    expect(await readdir(directory)).toEqual(['secret'])
  })

  it('sets the mode, also over a draft that was left with another', async () => {
    const path = join(directory, 'secret')
    await writeFile(`${path}.new`, 'left by a crash')
    await chmod(`${path}.new`, 0o644)
    await writeDurably(path, 'x')
    expect((await stat(path)).mode & 0o777).toBe(0o600)
  })

  it('says so when it cannot', async () => {
    await expect(writeDurably(join(directory, 'none/secret'), 'x')).rejects.toThrow('ENOENT')
    await expect(syncDirectory(join(directory, 'none'))).rejects.toThrow('ENOENT')
  })
})

describe('makeDirectoryDurably', () => {
  it('makes all that is missing, for its owner only, and does nothing where it is there', async () => {
    const path = join(directory, 'a/b/c')
    makeDirectoryDurably(path)
    makeDirectoryDurably(path)
    expect((await stat(join(directory, 'a'))).mode & 0o777).toBe(0o700)
    expect((await stat(path)).isDirectory()).toBe(true)
  })
})
