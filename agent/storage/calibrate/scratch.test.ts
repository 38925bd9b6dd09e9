import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { checkScratch, openScratch, pieceBytes } from './scratch.js'

const MiB = 2 ** 20
const sizeBytes = 64 * MiB
let directory: string
let path: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'headroom-scratch-'))
  path = join(directory, 'scratch')
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

const file = (): { kind: 'file'; path: string; sizeBytes: number } => ({ kind: 'file', path, sizeBytes })

describe('a scratch file', () => {
  it('has no name, and room for what is written, over and over', async () => {
    const scratch = openScratch(file())
    expect(readdirSync(directory)).toEqual([])
    for (let count = 0; count < 300; count += 1) await scratch.write()
    await scratch.canary()
    expect(300 * pieceBytes).toBeGreaterThan(sizeBytes)
    scratch.close()
    expect(readdirSync(directory)).toEqual([])
  })

  it('is looked for, and nothing is made', () => {
    expect(checkScratch(file())).toEqual({ sizeBytes })
    expect(readdirSync(directory)).toEqual([])
  })

  it.each<[string, () => void, RegExp]>([
    ['that is there', () => writeFileSync(path, 'mine'), /is there already/],
    ['whose canary is there', () => writeFileSync(`${path}.canary`, 'mine'), /canary: is there already/],
    ['that is a link to nothing', () => symlinkSync('/nowhere', path), /is there already/],
    ['that is a directory', () => mkdirSync(path), /is there already/],
    ['in no directory', () => (path = join(directory, 'gone', 'scratch')), /ENOENT/],
  ])('is refused: one %s', (_what, make, message) => {
    make()
    const before = readdirSync(directory)
    expect(() => openScratch(file())).toThrow(message)
    expect(readdirSync(directory)).toEqual(before)
  })

  it('is refused where it is too small, or would fill the file system', () => {
    expect(() => openScratch({ ...file(), sizeBytes: MiB })).toThrow(/at least 67.1 MB/)
    expect(() => openScratch({ ...file(), sizeBytes: 2 ** 50 })).toThrow(/a tenth has to be left/)
    expect(readdirSync(directory)).toEqual([])
  })
})
