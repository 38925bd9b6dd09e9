import { execFile } from 'node:child_process'
import path from 'node:path'

import { describe, expect, it } from 'vitest'
import { z } from 'zod'

import { waitFor } from '../support/wait-for.js'
import type { XenHost } from './boot-xen.js'
import { patienceMs, seconds, type XenLab } from './xen-lab.js'

const cli = path.resolve(import.meta.dirname, '../../dist/controller/cli/main.js')
const told = z.object({ state: z.string(), reason: z.string() })

/** As `xl list` shows it; undefined: it does not run. */
async function listed(
  xen: XenHost,
  name: string,
): Promise<{ id: number; memoryMiB: number; flags: string } | undefined> {
  const row = new RegExp(`^${name} +(\\d+) +(\\d+) +\\d+\\s+([-rbpscd]{6}) `, 'm').exec(await xen.run('xl list'))
  return row === null ? undefined : { id: Number(row[1]), memoryMiB: Number(row[2]), flags: row[3] ?? '' }
}

/** Percent of one CPU that the scheduler gives it at most, as xl says; 0: all. */
async function cap(xen: XenHost, id: number): Promise<number> {
  return Number(/(\d+)\s*$/.exec(await xen.run(`xl sched-credit2 -d ${id}`))?.[1])
}

/** Commands, by both ways to act on a Xen host; `xl` in dom0 is the witness. Its guest `two` runs before and after. */
export function whatIsDone(lab: () => XenLab): void {
  /** @param by 0: the agent in dom0; 1: the one over ssh */
  const done = async (by: 0 | 1, ...words: readonly string[]): Promise<z.output<typeof told>> => {
    const controller = lab().watchers[by]?.controller
    if (controller === undefined) throw new Error('no such watcher')
    const [verb = '', ...more] = words
    const dangers = /^(shutdown|reboot|destroy|suspend|memory|limit|save|migrate)$/.test(verb) ? ['--yes'] : []
    const args = [
      cli,
      '--url',
      controller.url,
      '--data',
      controller.data,
      '--json',
      'vm',
      verb,
      'two',
      ...more,
      ...dangers,
    ]
    const began = performance.now()
    const said = await new Promise<string>((resolve, reject) => {
      execFile(process.execPath, args, { timeout: patienceMs }, (error, stdout, stderr) => {
        if (stdout === '') reject(new Error(`${words.join(' ')}: ${stderr}`, { cause: error }))
        else resolve(stdout)
      })
    })
    lab().figures[`${words.join(' ')} by ${by === 0 ? 'the agent in dom0' : 'the agent over ssh'}`] = seconds(
      performance.now() - began,
    )
    return told.parse(JSON.parse(said))
  }
  const sees = (by: 0 | 1, state: string): Promise<number> =>
    waitFor(patienceMs, `two to be ${state}`, async () => (await lab().watchers[by]?.vm(lab().two))?.state === state)

  describe('what is done with a guest', () => {
    it('by the agent in dom0: memory, shutdown, start, destroy', async () => {
      const { xen, two } = lab()
      await sees(0, 'running')
      const before = await listed(xen, 'two')
      expect(before?.memoryMiB).toBe(two.memoryMiB)
      expect(await done(0, 'memory', '88MiB')).toMatchObject({ state: 'succeeded' })
      expect(Math.abs(((await listed(xen, 'two'))?.memoryMiB ?? 0) - 88)).toBeLessThanOrEqual(1)
      expect(await done(0, 'memory', `${two.memoryMiB + 1}MiB`)).toMatchObject({ state: 'refused' })
      expect(await done(0, 'shutdown')).toMatchObject({ state: 'succeeded' })
      expect(await listed(xen, 'two')).toBeUndefined()
      await sees(0, 'shutoff')
      expect(await done(0, 'start')).toMatchObject({ state: 'succeeded' })
      const anew = await listed(xen, 'two')
      expect(anew?.id).toBeGreaterThan(before?.id ?? Infinity)
      await two.booted()
      await sees(0, 'running')
      expect(await done(0, 'destroy')).toMatchObject({ state: 'succeeded' })
      expect(await listed(xen, 'two')).toBeUndefined()
    })

    it('by the agent over ssh: start, suspend, resume, and a cap of its CPU time that ends by itself', async () => {
      const { xen, two } = lab()
      await sees(1, 'shutoff')
      expect(await done(1, 'start')).toMatchObject({ state: 'succeeded' })
      const run = await listed(xen, 'two')
      await two.booted()
      await sees(1, 'running')
      expect(await done(1, 'suspend')).toMatchObject({ state: 'succeeded' })
      expect((await listed(xen, 'two'))?.flags).toMatch(/^..p/)
      await sees(1, 'paused')
      expect(await done(1, 'resume')).toMatchObject({ state: 'succeeded' })
      expect((await listed(xen, 'two'))?.flags).toMatch(/^..-/)
      await sees(1, 'running')
      await two.tell('burn 1')
      const id = run?.id ?? Number.NaN
      expect(await cap(xen, id)).toBe(0)
      expect(await done(1, 'limit', '--cpu', '50', '--for', '20s')).toMatchObject({ state: 'succeeded' })
      expect(await cap(xen, id)).toBe(50)
      await waitFor(patienceMs, 'the cap to end', async () => (await cap(xen, id)) === 0, 1000)
      expect((await listed(xen, 'two'))?.id).toBe(id)
    })

    it('refuses the rest with the reason, and what needs root in an agent that is not', async () => {
      const { xen } = lab()
      await sees(0, 'running')
      for (const by of [0, 1] as const) {
        for (const [words, reason] of [
          [['limit', '--write', '1MiB/s', '--for', '1m'], /Xen cannot limit what a VM reads and writes/],
          [['save'], /nothing else is done there/],
          [['reset', '--yes'], /nothing else is done there/],
          [['resume'], /the VM is (running|blocked); resume needs one that is paused/],
        ] as const) {
          expect(await done(by, ...words), words.join(' ')).toMatchObject({
            state: 'refused',
            reason: expect.stringMatching(reason),
          })
        }
      }
      const capped = await done(0, 'limit', '--cpu', '50', '--for', '1m')
      expect(capped.state).not.toBe('succeeded')
      expect(await cap(xen, (await listed(xen, 'two'))?.id ?? Number.NaN)).toBe(0)
    })
  })
}
