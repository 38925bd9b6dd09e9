import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import path from 'node:path'

import { afterEach, describe, expect, it } from 'vitest'

import { calibrateRound } from '../lab/arrays/calibrate-round.js'
import { arrayMissing } from '../lab/array/array-program.js'
import { temporaryDirectory } from '../support/running-product.js'
import { waitFor } from '../support/wait-for.js'

const missing =
  process.getuid?.() === 0 && existsSync('/dev/loop-control') ? arrayMissing() : 'needs root and loop devices'
if (missing !== undefined) console.warn(`the test of calibrating the lab's array is skipped: ${missing}`)

const cleanUps: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp()
})

describe.skipIf(missing !== undefined)("the lab's array", () => {
  // It gives up, and says so, where others are busy: then it is told to begin again, as a person would.
  it('is calibrated, and its neighbour hardly notices', { timeout: 180_000, retry: 3 }, async () => {
    const round = await calibrateRound('cache=60e6,drain=12e6,read=48e6,seek_ms=4,partial_ms=8,destage=always', 60e6)
    console.info(JSON.stringify(round))
    expect(round.learnt).toBe(true)
    expect(Math.abs(round.capacityError ?? 1)).toBeLessThan(0.2)
    expect(Math.abs(round.drainError ?? 1)).toBeLessThan(0.2)
    expect(round.overflows).toBeGreaterThanOrEqual(4)
    expect(round.neighbour.longestNoticedSeconds).toBeLessThan(2)
    expect(round.said.at(-1)).toMatch(/^The write cache of iscsi:iqn.2011-04.lab:box1 takes .* drains .* MB\/s/)
  })
})

describe('the program', () => {
  async function started(...args: string[]) {
    const directory = await temporaryDirectory('calibrate-')
    cleanUps.push(() => directory.remove())
    const files = path.join(directory.path, 'array')
    await mkdir(files)
    const config = path.join(directory.path, 'agent.yaml')
    await writeFile(config, `data: ${path.join(directory.path, 'data')}\n`)
    const file = path.join(files, 'scratch')
    const program = ['--import', 'tsx', path.resolve(import.meta.dirname, '../../agent/main.ts'), 'calibrate']
    const child = spawn(process.execPath, [...program, '--config', config, '--file', file, ...args])
    cleanUps.push(() => child.kill('SIGKILL'))
    let said = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        said += text
      })
    }
    return { child, files, said: () => said }
  }

  it.each(['SIGKILL', 'SIGTERM'] as const)(
    'leaves nothing when it is ended by %s',
    { timeout: 60_000 },
    async (signal) => {
      const { child, files, said } = await started('--array', 'iscsi:box', '--size', '256MiB', '--most', '64MiB')
      await waitFor(40_000, 'it to begin', async () => said().includes('in quiet'))
      expect(await readdir(files)).toEqual([])
      // It is there, without a name.
      const open = execFileSync('ls', ['-l', `/proc/${child.pid}/fd`], { encoding: 'utf8' })
      expect(open).toMatch(/scratch \(deleted\)/)
      child.kill(signal)
      await once(child, 'exit')
      expect(await readdir(files)).toEqual([])
      expect(said().includes('Nothing was learnt: it was interrupted')).toBe(signal === 'SIGTERM')
    },
  )

  it.each<[string, string[], RegExp, number]>([
    [
      'says what it would do',
      ['--array', 'iscsi:box', '--dry-run'],
      /^Would write to .*scratch on iscsi:box: at most 8.59 GB within 10m/,
      0,
    ],
    ['refuses what hosts do not share', ['--dry-run'], /no array that hosts share: name it by --array/, 2],
    ['refuses what is no size', ['--size', 'big'], /--size: expected a size such as 2GiB, got big/, 2],
  ])('%s', { timeout: 60_000 }, async (_what, args, message, code) => {
    const { child, files, said } = await started(...args)
    await once(child, 'close')
    expect(said()).toMatch(message)
    expect(child.exitCode).toBe(code)
    expect(await readdir(files)).toEqual([])
  })
})
