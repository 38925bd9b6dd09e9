import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { openScratch, pieceBytes } from '../../agent/storage/calibrate/scratch.js'

const sizeBytes = 64 * 2 ** 20
const missing = process.getuid?.() === 0 && existsSync('/dev/loop-control') ? undefined : 'needs root and loop devices'
if (missing !== undefined) console.warn(`the tests of a scratch device are skipped: ${missing}`)

describe.skipIf(missing !== undefined)('a scratch device', () => {
  let loop = ''
  let directory: string
  let image: string
  function attach(): void {
    loop = execFileSync('losetup', ['--find', '--show', image], { encoding: 'utf8' }).trim()
  }
  function detach(): void {
    if (loop !== '') execFileSync('losetup', ['--detach', loop])
    loop = ''
  }
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'headroom-scratch-'))
    image = join(directory, 'image')
    execFileSync('truncate', ['--size', String(sizeBytes), image])
  })
  afterEach(() => {
    detach()
    rmSync(directory, { recursive: true, force: true })
  })

  const device = (): { kind: 'device'; path: string } => ({ kind: 'device', path: loop })

  it('that is blank is marked while it is written to, and taken again', async () => {
    attach()
    for (let time = 0; time < 2; time += 1) {
      const scratch = openScratch(device())
      expect(scratch).toMatchObject({ sizeBytes, isDirect: true })
      for (let count = 0; count < 10; count += 1) await scratch.write()
      await scratch.canary()
      expect(readFileSync(image).subarray(0, 20).toString()).toBe('headroom calibration')
      scratch.close()
    }
    detach()
    expect(
      readFileSync(image)
        .subarray(0, 4096)
        .every((byte) => byte === 0),
    ).toBe(true)
    expect(
      readFileSync(image)
        .subarray(pieceBytes, 2 * pieceBytes)
        .some((byte) => byte !== 0),
    ).toBe(true)
  })

  it.each<[string, number]>([
    ['at its beginning', 1080],
    ['at its end', sizeBytes - 4096],
    ['in the middle', sizeBytes / 2],
  ])('that holds something %s is refused, and left as it is', (_where, at) => {
    const content = Buffer.alloc(sizeBytes)
    content.write('somebody', at)
    writeFileSync(image, content)
    attach()
    expect(() => openScratch(device())).toThrow(/holds something at byte/)
    expect(readFileSync(image).equals(content)).toBe(true)
  })

  it('that somebody has, a file system or a program, is refused', () => {
    execFileSync('mkfs.ext4', ['-q', image])
    attach()
    const mount = join(directory, 'mount')
    mkdirSync(mount)
    execFileSync('mount', [loop, mount])
    try {
      expect(() => openScratch(device())).toThrow(/EBUSY/)
    } finally {
      execFileSync('umount', [mount])
    }
    expect(() => openScratch(device())).toThrow(/holds something at byte/)
  })

  it('that is no device is refused', () => {
    expect(() => openScratch({ kind: 'device', path: image })).toThrow(/is no block device/)
  })
})
