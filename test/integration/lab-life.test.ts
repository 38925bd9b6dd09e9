import { execFile, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'

import { describe, expect, it } from 'vitest'
import { z } from 'zod'

import { arrayTruth } from '../lab/array/array-truth.js'
import { LunTotals, parseStat } from '../lab/iscsi-target.js'
import { labMissing } from '../lab/lab.js'
import { integral, largestGap } from '../lab/migration-trial.js'
import { planLab } from '../lab/plan.js'
import { traces } from '../lab/traces.js'
import { beginningOf, crossingOf, endOf, rateBetween } from '../lab/write-trace.js'
import { temporaryDirectory } from '../support/running-product.js'
import { waitFor } from '../support/wait-for.js'

const run = promisify(execFile)
const root = path.resolve(import.meta.dirname, '../..')
const missing = labMissing()

/** `npm run lab` as a person runs it. */
async function lab(...words: string[]): Promise<{ code: number; output: string }> {
  const tsx = path.join(root, 'node_modules/.bin/tsx')
  try {
    const { stdout, stderr } = await run(tsx, [path.join(root, 'test/lab/main.ts'), ...words], { timeout: 120_000 })
    return { code: 0, output: stdout + stderr }
  } catch (error) {
    const failed = z.object({ code: z.number(), stdout: z.string(), stderr: z.string() }).parse(error)
    return { code: failed.code, output: failed.stdout + failed.stderr }
  }
}

const status = z.object({
  hosts: z.array(z.object({ name: z.string(), pid: z.number(), running: z.array(z.string()) })),
  guests: z.array(z.object({ name: z.string(), host: z.string(), state: z.string(), beat: z.number() })),
  arrays: z.array(z.object({ name: z.string(), truth: arrayTruth })),
})

describe.skipIf(missing !== undefined)('npm run lab', () => {
  // Nine programs one after the other: on a busy machine each takes seconds to begin.
  it('brings up, shows, moves, and takes down without a trace', { timeout: 240_000 }, async () => {
    const directory = await temporaryDirectory('lab-')
    const dir = path.join(directory.path, 'l')
    try {
      const before = await traces(dir)
      const kind = 'write-back:cache=20MB,drain=8MB'
      const up = await lab('up', '2', '1', '--dir', dir, '--seed', 'life', '--array', kind, '--json')
      expect(up).toMatchObject({ code: 0 })
      const first = status.parse(JSON.parse(up.output))
      expect(first.guests).toMatchObject([{ name: 'vm1', host: 'hv1', state: 'running' }])
      expect(first.arrays).toMatchObject([{ name: 'box1', truth: { capacityBytes: 20e6, overflows: 0 } }])
      expect((await traces(dir)).length).toBeGreaterThan(before.length + 10)

      const again = await lab('up', '2', '1', '--dir', dir)
      expect([again.code, again.output.split('\n')[0]]).toEqual([
        1,
        `There is a lab in ${dir} already; \`down\` ends it.`,
      ])
      expect((await lab('migrate', 'vm1', 'hv9', '--dir', dir)).output).toContain('there is no hv9; there are hv1, hv2')
      expect((await lab('migrate', 'vm1', 'hv2', '--dir', dir)).output).toMatch(/^vm1 moved from hv1 to hv2 in \d+ ms/)
      const second = status.parse(JSON.parse((await lab('status', '--dir', dir, '--json')).output))
      expect(second.guests).toMatchObject([{ name: 'vm1', host: 'hv2', state: 'running' }])
      expect(second.guests[0]?.beat).toBeGreaterThan(first.guests[0]?.beat ?? Infinity)

      expect((await lab('down', '--dir', dir)).output).toBe('gone\n')
      expect(await traces(dir)).toEqual(before)
      expect(existsSync(dir)).toBe(false)
      expect(await lab('status', '--dir', dir)).toMatchObject({ code: 2 })
    } finally {
      await lab('down', '--dir', dir)
      await directory.remove()
    }
  })

  it('ends by itself when the process that it is tied to is killed', async () => {
    const directory = await temporaryDirectory('lab-')
    const dir = path.join(directory.path, 'l')
    await mkdir(dir)
    const before = await traces(dir)
    const script = `
      import { startLab } from ${JSON.stringify(path.join(root, 'test/lab/lab.ts'))}
      await startLab({ hosts: 1, guests: 0, arrays: ['write-back'], hostLunMiB: 8, dir: ${JSON.stringify(dir)} })
      console.log('up')
      setInterval(() => undefined, 1000)`
    const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], { cwd: root })
    try {
      let said = ''
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        said += text
      })
      await waitFor(60_000, 'the lab to be up', async () => said.includes('up'))
      expect((await traces(dir)).length).toBeGreaterThan(before.length)
      child.kill('SIGKILL')
      await waitFor(15_000, 'the lab to be gone', async () => !existsSync(dir))
      await waitFor(5000, 'its traces to be gone', async () => {
        return JSON.stringify(await traces(dir)) === JSON.stringify(before)
      })
    } finally {
      child.kill('SIGKILL')
      await lab('down', '--dir', dir)
      await directory.remove()
    }
  })
})

describe('the parts of a lab', () => {
  it('a plan follows from its shape, and fits into its network', () => {
    const shape = { hosts: 3, guests: 8, disksMiB: [128, 64], seed: 'a' }
    const plan = planLab(shape)
    expect(planLab(shape)).toEqual(plan)
    expect(planLab({ ...shape, seed: 'b' }).guests[0]?.uuid).not.toBe(plan.guests[0]?.uuid)
    expect(plan.guests.map(({ firstHost }) => firstHost)).toEqual([
      'hv1',
      'hv2',
      'hv3',
      'hv1',
      'hv2',
      'hv3',
      'hv1',
      'hv2',
    ])
    expect(plan.guests[7]?.disks).toEqual([
      { iqn: 'iqn.2011-04.lab:box1', lun: 8, sizeMiB: 128 },
      { iqn: 'iqn.2011-04.lab:box2', lun: 8, sizeMiB: 64 },
    ])
    const ids = [...plan.hosts.map(({ hostUuid }) => hostUuid), ...plan.guests.flatMap(({ uuid, mac }) => [uuid, mac])]
    expect(new Set(ids).size).toBe(3 + 8 * 2)
    expect(() => planLab({ ...shape, hosts: 0 })).toThrow('hosts: expected 1 to 100, got 0')
    expect(() => planLab({ ...shape, guests: 1.5 })).toThrow('guests: expected 0 to 200, got 1.5')
  })

  it("tgtadm's table becomes figures by LUN, and sessions that end keep theirs", () => {
    const heading = 'tgt lun sid rd_subm(bytes,cmds) rd_done(bytes,cmds) wr_subm(bytes,cmds) wr_done(bytes,cmds) errs'
    const rows = (writeBytes: number, session: number): string =>
      `${heading}\n  1   0   ${session}  0  0  0  0  0  0  0  0  0\n  1   2   ${session}  749  9  700  8  ${writeBytes}  3  ${writeBytes}  2  1\n`
    expect(parseStat(rows(4096, 2))[1]).toEqual({
      tid: 1,
      lun: 2,
      session: 2,
      readBytes: 700,
      readCommands: 8,
      writeBytes: 4096,
      writeCommands: 2,
      errors: 1,
    })
    const totals = new LunTotals()
    for (const [bytes, session] of [
      [100, 1],
      [500, 1],
      [300, 2],
      [400, 2],
    ] as const)
      totals.add(parseStat(rows(bytes, session)))
    expect([totals.writeBytes(1, 2), totals.writeBytes(1, 9)]).toEqual([900, 0])
  })

  it("a LUN's writes say when they began, when they became slow, and when they ended", () => {
    // Ten looks a second: 40 writes of 64 KiB in each for two seconds, then 3, then none.
    let commands = 7
    const looks = Array.from({ length: 60 }, (_, index) => {
      if (index > 0) commands += index <= 20 ? 40 : index <= 50 ? 3 : 0
      return { atMs: 1000 + 100 * index, commands, bytes: commands * 65_536 }
    })
    expect(beginningOf(looks, 2 ** 20)?.atMs).toBe(1100)
    expect(crossingOf(looks, 15)).toBe(3000)
    // The second from 2.6 s on has four fast tenths: 178 writes.
    expect(crossingOf(looks, 5)).toBe(2600)
    expect([crossingOf(looks.slice(0, 20), 15), crossingOf([], 15)]).toEqual([undefined, undefined])
    expect([endOf(looks), endOf([])]).toEqual([6000, undefined])
    expect(rateBetween(looks, 3000, 6000)).toBe(30 * 65_536)
    expect(rateBetween(looks, 0, 10)).toBeUndefined()
  })

  it('rates times intervals are bytes', () => {
    const rows = [
      [1000, 7],
      [2000, 10],
      [4000, 20],
    ] as const
    expect([integral(rows, 1000), integral(rows, 2000), integral([], 0)]).toEqual([50, 40, 0])
    expect([largestGap(rows), largestGap([])]).toEqual([2000, 0])
  })
})
