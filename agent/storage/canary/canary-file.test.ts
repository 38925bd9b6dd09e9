import { execFileSync } from 'node:child_process'
import {
  existsSync,
  linkSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { blockBytes } from '../direct-file.js'
import { openCanaryFile } from './canary-file.js'

let directory: string
let path: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'headroom-canary-file-'))
  path = join(directory, 'headroom-canary')
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

describe("the canary's file", () => {
  it('is made with its block allocated, written in place, and removed', () => {
    const file = openCanaryFile(path)
    expect(statSync(path)).toMatchObject({ size: blockBytes, blocks: blockBytes / 512 })
    expect(statSync(path).mode & 0o777).toBe(0o600)
    const contents = [1, 2].map(() => {
      file.write()
      return readFileSync(path, 'latin1')
    })
    expect(new Set(contents).size).toBe(2)
    expect(statSync(path).size).toBe(blockBytes)
    file.close()
    expect(existsSync(path)).toBe(false)
  })

  it('of an earlier life is taken over by its mark', () => {
    openCanaryFile(path).write()
    const second = openCanaryFile(path)
    second.write()
    second.close()
    expect(existsSync(path)).toBe(false)
  })

  it('that was put there blank is written and stays', () => {
    writeFileSync(path, Buffer.alloc(2 * 1024 * 1024))
    const file = openCanaryFile(path)
    file.write()
    file.close()
    expect(readFileSync(path, 'latin1')).toMatch(/^headroom canary/)
    expect(statSync(path).size).toBe(2 * 1024 * 1024)
    openCanaryFile(path).close()
  })

  const far = Buffer.alloc(1024 * 1024)
  far[70_000] = 1
  it.each<[string, () => void, RegExp]>([
    ['somebody else’s', () => writeFileSync(path, 'x'.repeat(blockBytes)), /holds something/],
    ['with something further on, where btrfs has its own', () => writeFileSync(path, far), /holds something/],
    ['too small', () => writeFileSync(path, Buffer.alloc(100)), /smaller than 4096/],
    [
      'with another name',
      () => {
        writeFileSync(join(directory, 'other'), '')
        linkSync(join(directory, 'other'), path)
      },
      /other names/,
    ],
    [
      'a link',
      () => {
        writeFileSync(join(directory, 'other'), '')
        symlinkSync(join(directory, 'other'), path)
      },
      /ELOOP/,
    ],
    ['a pipe', () => execFileSync('mkfifo', [path]), /neither a file nor a block device/],
    ['a directory', () => execFileSync('mkdir', [path]), /EISDIR/],
    ['on a directory that is not there', () => (path = join(directory, 'gone', 'headroom-canary')), /ENOENT/],
    ['of another name', () => (path = join(directory, 'disk.img')), /expected a last name/],
  ])('is refused: %s', (_what, make, message) => {
    make()
    const content = (): string =>
      existsSync(path) && statSync(path).isFile() ? readFileSync(path).toString('base64') : 'no file'
    const before = content()
    expect(() => openCanaryFile(path)).toThrow(message)
    expect(content()).toBe(before)
  })

  it('is opened again on the device that it was on, and made on no other', () => {
    // Two file systems that take turns at one path, as a mount and what lies beneath it.
    const [array, beneath] = [mkdtempSync('/dev/shm/headroom-canary-file-'), join(directory, 'beneath')]
    try {
      execFileSync('mkdir', [beneath])
      expect(statSync(array).dev).not.toBe(statSync(beneath).dev)
      const mount = join(directory, 'mount')
      const turnTo = (target: string): void => {
        rmSync(mount, { force: true })
        symlinkSync(target, mount)
      }
      path = join(mount, 'headroom-canary')
      turnTo(array)
      const first = openCanaryFile(path)
      turnTo(beneath)
      expect(() => openCanaryFile(path, first.place)).toThrow(
        /another device than before: expected \d+:\d+, got \d+:\d+$/,
      )
      expect(readdirSync(beneath)).toEqual([])
      // One of an earlier life, by its mark: neither taken, nor removed in the place of our own.
      openCanaryFile(path).write()
      const before = readFileSync(path)
      expect(() => openCanaryFile(path, first.place)).toThrow(/another device/)
      first.close()
      expect(readFileSync(path)).toEqual(before)
      turnTo(array)
      const again = openCanaryFile(path, first.place)
      again.write()
      again.close()
      expect(readdirSync(array)).toEqual([])
    } finally {
      rmSync(array, { recursive: true })
    }
  })

  it('is removed only if it is still what its path names', () => {
    const file = openCanaryFile(path)
    renameSync(path, join(directory, 'moved'))
    writeFileSync(path, 'somebody else’s')
    file.close()
    expect(readFileSync(path, 'utf8')).toBe('somebody else’s')
  })
})
