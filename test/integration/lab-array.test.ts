import { spawnSync } from 'node:child_process'
import { constants } from 'node:fs'
import { open } from 'node:fs/promises'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { parseArrayKind } from '../lab/array/array-kind.js'
import { arrayMissing, arrayProgram } from '../lab/array/array-program.js'
import { arrayTruth, trueState, type ArrayTruth } from '../lab/array/array-truth.js'
import { mountArray, type MountedArray } from '../lab/array/mounted-array.js'
import { temporaryDirectory } from '../support/running-product.js'
import { waitFor } from '../support/wait-for.js'

/** The lab's array against what its parameters promise: first in virtual time, then as a file that a program writes to. */

const missing = process.getuid?.() === 0 ? arrayMissing() : 'needs root'
if (missing !== undefined) console.warn(`the tests of the lab's array are skipped: ${missing}`)

const MB = 1e6
const KiB = 1024
const MiB = 1024 * KiB

interface Played {
  /** When each request ended, milliseconds; in order of the requests. */
  readonly endedAt: readonly number[]
  readonly looks: readonly ArrayTruth[]
}

let replay = ''
const timeless = arrayTruth.omit({ at: true })

function play(...lines: readonly string[]): Played {
  const inOrder = lines.toSorted((a, b) => Number.parseFloat(a) - Number.parseFloat(b))
  const { status, stdout } = spawnSync(replay, { input: `${inOrder.join('\n')}\n`, encoding: 'utf8', timeout: 20_000 })
  expect(status).toBe(0)
  const endedAt: number[] = []
  const looks: ArrayTruth[] = []
  for (const line of stdout.trim().split('\n')) {
    const [, at, number, truth] = /^(\S+) (?:done (\d+)|(\{.*\}))$/.exec(line) ?? []
    if (truth === undefined) endedAt[Number(number) - 1] = Number(at)
    else looks.push({ at: Number(at), ...timeless.parse(JSON.parse(truth)) })
  }
  return { endedAt, looks }
}

/** Sequential writes of 1 MiB, each when the time has come. */
function writes(from: number, count: number, everyMs: number, lun = 0): string[] {
  return Array.from({ length: count }, (_, index) => `${from + index * everyMs} write ${lun} ${index * MiB} ${MiB}`)
}

/** Small writes far from each other. */
function scattered(from: number, count: number, lun = 1): string[] {
  return Array.from({ length: count }, (_, index) => `${from} write ${lun} ${index * MiB} 4096`)
}

function fills({ looks }: Played): number[] {
  return looks.map(({ fillBytes }) => fillBytes / MB)
}

function assertNear(value: number | undefined, expected: number, share = 0.02): void {
  expect(value).toBeGreaterThan(expected * (1 - share))
  expect(value).toBeLessThan(expected * (1 + share))
}

describe.skipIf(missing !== undefined)('the write cache in virtual time', () => {
  beforeAll(async () => {
    replay = await arrayProgram('replay')
  })

  it('takes what there is room for at once, then what drains', () => {
    const { endedAt, looks } = play(
      `0 set cache=${50 * MiB},drain=${8 * MiB}`,
      ...writes(0, 66, 0),
      '1000 look',
      '2000 look',
      '5000 look',
      '9000 look',
    )
    expect(endedAt.slice(0, 50).every((at) => at === 0)).toBe(true)
    for (const [index, at] of endedAt.slice(50).entries()) assertNear(at, ((index + 1) * 1000) / 8)
    expect(looks.map(({ overflowing, overflows }) => [overflowing, overflows])).toEqual([
      [true, 1],
      [true, 1],
      [false, 1],
      [false, 1],
    ])
    // From 2 s on it only drains, 8 MiB a second.
    assertNear(looks[2]?.fillBytes, 26 * MiB)
    expect(looks[3]?.fillBytes).toBe(0)
    expect(looks[3]?.drainedBytes).toBe(66 * MiB)
  })

  it('a block that is dirty already costs no room, and does not wait behind those that do', () => {
    const { endedAt, looks } = play(
      `0 set cache=${10 * MiB},drain=${MiB}`,
      ...writes(0, 11, 0),
      `1 write 0 ${9 * MiB} ${MiB}`,
      '2 look',
    )
    expect(endedAt[10]).toBeGreaterThan(900)
    expect(endedAt[11]).toBe(1)
    expect(looks[0]?.admittedBytes).toBe(10 * MiB)
  })

  it('small writes apart from each other drain at the speed of partial stripes', () => {
    const { looks } = play(`0 set cache=${50 * MiB},drain=${8 * MiB},partial_ms=8`, ...scattered(0, 200), '1000 look')
    // 4 KiB in 0.5 ms, and 8 ms for what the parity lacks.
    assertNear(looks[0]?.drainedBytes, (1000 / 8.49) * 4 * KiB)
  })

  it('reads take the disks in turn with the cache; what is dirty is read from there', () => {
    const many = Array.from({ length: 400 }, (_, index) => `12 read 1 ${index * 10 * MiB} ${64 * KiB}`)
    const { endedAt, looks } = play(
      `0 set cache=${50 * MiB},drain=${8 * MiB},read=${16 * MiB},seek_ms=4`,
      `0 read 0 0 4096`,
      ...writes(10, 50, 0),
      `11 read 0 ${40 * MiB} 4096`,
      ...many,
      '1000 look',
    )
    assertNear(endedAt[0], 0.24, 0.1)
    expect(endedAt[51]).toBe(11)
    // 64 KiB to the disks in 7.8 ms, 64 KiB from them in 3.9 ms after 4 ms of seeking.
    assertNear(looks[0]?.drainedBytes, (990 / 15.7) * 64 * KiB, 0.05)
  })

  it('a rebuild takes its share of the disks', () => {
    const { looks } = play(`0 set cache=${50 * MiB},drain=${8 * MiB},rebuild=0.5`, ...writes(0, 50, 0), '1000 look')
    assertNear(looks[0]?.drainedBytes, 4 * MiB)
  })

  it('write-through acknowledges when the disks have it; what is dirty goes on draining', () => {
    const { endedAt, looks } = play(
      `0 set cache=${50 * MiB},drain=${8 * MiB},write_through=1`,
      ...writes(0, 8, 0),
      '1100 set write_through=0',
      ...writes(1200, 16, 0),
      '1200 set write_through=1',
      '4000 look',
    )
    for (const [index, at] of endedAt.slice(0, 8).entries()) assertNear(at, ((index + 1) * 1000) / 8)
    expect(endedAt.slice(8)).toEqual(Array.from({ length: 16 }, () => 1200))
    expect(looks[0]?.fillBytes).toBe(0)
  })

  it('policies of destaging: from one mark down to the other, when idle, in bursts; a full cache is always destaged', () => {
    const looks = ['1000 look', '2000 look', '3000 look', '20000 look']
    const small = `cache=${50 * MiB},drain=${5 * MiB}`
    const watermark = play(`0 set ${small},destage=watermark,high=0.6,low=0.2`, ...writes(0, 29, 0), ...looks)
    expect(watermark.looks.map(({ fillBytes }) => fillBytes / MiB)).toEqual([29, 29, 29, 29])
    const above = play(`0 set ${small},destage=watermark,high=0.6,low=0.2`, ...writes(0, 31, 0), ...looks)
    assertNear(above.looks[2]?.fillBytes, 16 * MiB)
    assertNear(above.looks[3]?.fillBytes, 10 * MiB)
    const idle = play(`0 set ${small},destage=idle,idle_ms=500`, ...writes(0, 22, 100), ...looks)
    expect(fills(idle).slice(0, 2)).toEqual([11, 21].map((mib) => (mib * MiB) / MB))
    assertNear(idle.looks[2]?.fillBytes, (22 - 5 * 0.4) * MiB)
    const bursts = play(
      `0 set ${small},destage=bursts,burst_every_ms=2000,burst_ms=1000`,
      ...writes(0, 40, 0),
      ...looks,
    )
    assertNear(bursts.looks[0]?.fillBytes, 35 * MiB)
    assertNear(bursts.looks[1]?.fillBytes, 35 * MiB)
    assertNear(bursts.looks[2]?.fillBytes, 30 * MiB)
    for (const policy of ['watermark,high=1', 'idle,idle_ms=100000', 'bursts,burst_every_ms=1000000,burst_ms=1']) {
      const full = play(`0 set ${small},destage=${policy}`, ...writes(0, 60, 0))
      assertNear(full.endedAt.at(-1), 2000)
    }
  })

  it('freezes when several overrun it, and then nothing ends', () => {
    const overrun = `0 set cache=${20 * MiB},drain=${8 * MiB},freeze_luns=2,freeze_after_ms=1000,freeze_ms=3000`
    const alone = play(overrun, ...writes(0, 60, 20), '2000 look')
    expect(alone.looks[0]).toMatchObject({ frozen: false, freezes: 0 })
    const both = [...writes(0, 60, 20), ...writes(5, 60, 20, 1)]
    const two = play(overrun, ...both, '1300 read 0 0 4096', '3000 look', '9000 look', '60000 look')
    const [frozen, later] = two.looks
    expect(frozen).toMatchObject({ frozen: true, freezes: 1 })
    const stillness = two.endedAt.toSorted((a, b) => a - b).map((at, index, all) => at - (all[index - 1] ?? 0))
    assertNear(Math.max(...stillness), 3000, 0.1)
    expect(later?.drainedBytes).toBeGreaterThan(60 * MiB)
    expect(two.looks[2]).toMatchObject({ fillBytes: 0, inFlight: 0, waitingWrites: 0, frozen: false })
    // On and on: each freeze has to be earned anew.
    const many = play(overrun, ...writes(0, 400, 20), ...writes(5, 400, 20, 1), '9000 look')
    expect(many.looks[0]?.freezes).toBe(2)
    const byHand = play('0 set freeze=700', '100 write 0 0 4096', '100 read 0 0 4096', '100 read 1 0 4096')
    expect(byHand.endedAt).toEqual([700, 700, 700])
  })

  it('refuses what it does not know, and then nothing has changed', () => {
    for (const text of ['cache', 'cache=big', 'cach=1e6', 'rebuild=1', 'destage=never', 'drain=nan', 'drain=2e6,x=1']) {
      expect(spawnSync(replay, { input: `0 set ${text}\n` }).status, text).toBe(3)
    }
  })
})

describe.skipIf(missing !== undefined)('an array as files', () => {
  const directories: Awaited<ReturnType<typeof temporaryDirectory>>[] = []
  const arrays: MountedArray[] = []
  async function mounted(parameters: string, luns: Readonly<Record<string, number>>): Promise<MountedArray> {
    const directory = await temporaryDirectory('lab-array-')
    directories.push(directory)
    const array = await mountArray(directory.path, parameters, luns)
    arrays.push(array)
    return array
  }

  afterAll(async () => {
    for (const array of arrays) await array.stop()
    for (const directory of directories) await directory.remove()
  })

  /** Seconds that it takes to write so many MiB past the page cache, each at its place from the first on. */
  async function write(file: string, mib: number, from = 0): Promise<number> {
    const piece = Buffer.alloc(MiB, from + 1)
    const handle = await open(file, constants.O_RDWR | constants.O_DIRECT)
    const began = performance.now()
    for (let index = 0; index < mib; index += 1) await handle.write(piece, 0, MiB, (from + index) * MiB)
    const seconds = (performance.now() - began) / 1000
    await handle.close()
    return seconds
  }

  it('fill, overflow and drain take the time that they should, and cost little CPU', async () => {
    const array = await mounted(`cache=${40 * MiB},drain=${10 * MiB}`, { 'a.img': 256 * MiB, 'b.img': 256 * MiB })
    expect(await write(array.lun('a.img'), 30)).toBeLessThan(1)
    // Two LUNs share one cache: 10 MiB more at once, then as it drains.
    const seconds = await write(array.lun('b.img'), 40)
    const after = await array.control.truth()
    const { drainedBytes, fillBytes, overflows } = after
    expect(overflows).toBe(1)
    expect(drainedBytes + fillBytes).toBe(70 * MiB)
    assertNear(fillBytes, 40 * MiB, 0.03)
    assertNear(seconds, 3, 0.1)
    await write(array.lun('a.img'), 1, 30)
    let later = after
    await waitFor(5000, '10 MiB to drain', async () => {
      later = await array.control.truth()
      return later.drainedBytes > drainedBytes + 10 * MiB
    })
    assertNear((later.drainedBytes - drainedBytes) / ((later.at - after.at) / 1000), 10 * MiB, 0.1)
    expect(trueState(after, later)).toBe('draining')
    expect(await array.cpuSeconds()).toBeLessThan(0.5)
  })

  it('gives back what was written, through a freeze and after it is gone', async () => {
    const array = await mounted('cache=50e6,drain=1e9', { 'a.img': 16 * MiB })
    await write(array.lun('a.img'), 3)
    await array.control.set('freeze=1000')
    const began = performance.now()
    const handle = await open(array.lun('a.img'), constants.O_RDWR | constants.O_DSYNC)
    const read = await handle.read(Buffer.alloc(4), 0, 4, 2 * MiB)
    expect(performance.now() - began).toBeGreaterThan(950)
    expect(read.buffer).toEqual(Buffer.alloc(4, 1))
    await expect(handle.write(Buffer.alloc(4096), 0, 4096, 16 * MiB)).rejects.toThrow('ENOSPC')
    await expect(array.control.set('cache=1')).rejects.toThrow('EINVAL')
    await handle.close()
    // The truth is of one moment: nothing more comes when it has become longer meanwhile.
    const truth = await open(array.lun('.array'))
    const { bytesRead } = await truth.read(Buffer.alloc(4096), 0, 4096, 0)
    for (let count = 0; count < 10; count += 1) await array.control.set('freeze=1')
    expect((await truth.read(Buffer.alloc(4096), 0, 4096, bytesRead)).bytesRead).toBe(0)
    expect((await array.control.truth()).freezes).toBe(11)
    await truth.close()
    await array.stop()
    const beneath = await open(array.lun('a.img'))
    expect((await beneath.read(Buffer.alloc(4), 0, 4, MiB)).buffer).toEqual(Buffer.alloc(4, 1))
    await beneath.close()
  })
})

describe("kinds of the lab's arrays", () => {
  it('are read with units, and refused with what is expected', () => {
    expect(parseArrayKind('plain')).toEqual({ kind: 'plain' })
    expect(parseArrayKind('write-back:cache=200MB,drain=8MiB,destage=idle,high=0.5')).toEqual({
      kind: 'write-back',
      parameters: 'cache=200000000,drain=8388608,destage=idle,high=0.5',
    })
    expect(parseArrayKind('rate:rate=8MB')).toEqual({ kind: 'rate', bytesPerSecond: 8e6, burstSeconds: 4 })
    for (const text of [
      '',
      'raid',
      'plain:x=1',
      'rate:rate=0',
      'rate:x=1',
      'write-back:cache',
      'write-back:cache=1TB',
    ]) {
      expect(() => parseArrayKind(text), text).toThrow(/^array: expected/)
    }
  })
})
