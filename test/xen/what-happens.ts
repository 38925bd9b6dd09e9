import { describe, expect, it } from 'vitest'

import { waitFor } from '../support/wait-for.js'
import { hereOf, measureClock } from './dom0-clock.js'
import { askDisk, askDomains } from './dom0-witness.js'
import { parseVirshEvents } from './virsh-events.js'
import type { EventStreamReader } from '../support/event-stream-reader.js'
import type { Watcher } from './watcher.js'
import { patienceMs, seconds, type XenLab } from './xen-lab.js'

const MiB = 2 ** 20
/** While dom0 gets no CPU, its agent gets none: what was late then is tried again. */
const mostRounds = 3
const acts = [
  { action: 'suspend', kind: 'suspended', told: 'Suspended Paused', state: 'paused', reason: 'user' },
  { action: 'resume', kind: 'resumed', told: 'Resumed Unpaused', state: 'running', reason: 'unpaused' },
  { action: 'destroy', kind: 'stopped', told: 'Stopped Destroyed', state: 'shutoff', reason: 'destroyed' },
  { action: 'start', kind: 'started', told: 'Started Booted', state: 'running', reason: 'booted' },
] as const

/** Events of a guest's life, timed against libvirt's own. Its last guest runs anew after it. */
export function whatHappens(lab: () => XenLab): void {
  describe('what happens to a guest', () => {
    it('is on the API within 2 s of libvirt saying so', async () => {
      const { xen, two, watchers } = lab()
      const readers = await Promise.all(watchers.map(async (watcher) => ({ watcher, reader: await watcher.follow() })))
      const file = '/tmp/libvirt-events'
      const watch = xen.start(`exec stdbuf -oL virsh -c xen:///system event --all --loop --timestamp > ${file}`)
      const told = async (): Promise<string> => xen.run(`cat ${file}`)
      try {
        let rounds = 0
        await waitFor(patienceMs, 'virsh to listen', async () => {
          rounds += 1
          await xen.run('virsh -q -c xen:///system "suspend two; resume two"')
          return (await told()).includes('Resumed')
        })
        for (const { watcher, reader } of readers) {
          await waitFor(patienceMs, `${watcher.name} to have told of all that`, async () => {
            return (
              reader.happened.filter(({ kind, vmUuid }) => kind === 'resumed' && vmUuid === two.uuid).length === rounds
            )
          })
        }
        let late: readonly string[] = []
        for (let round = 1; round <= mostRounds; round += 1) {
          late = await timeActs(lab(), readers, told)
          if (late.length === 0) break
        }
        expect(late).toEqual([])
      } finally {
        watch.kill()
        for (const { reader } of readers) reader.close()
      }
    })

    it('a new run counts from 0', async () => {
      const { xen, two, watchers } = lab()
      await two.booted()
      await two.tell('write xvda 2')
      const id = (await askDomains(xen)).get('two')?.id ?? Number.NaN
      const { writeBytes } = await askDisk(xen, id, 'xvda')
      expect(writeBytes).toBe(2 * MiB)
      for (const watcher of watchers) {
        await waitFor(patienceMs, `totals of the new run by ${watcher.name}`, async () => {
          return (await watcher.lastValue(`disk:${two.uuid}/xvda`, 'writeBytesTotal', Date.now())) === writeBytes
        })
        await waitFor(patienceMs, `no gap by ${watcher.name}`, async () => (await watcher.vm(two)).gaps.length === 0)
      }
    })
  })
}

interface Follower {
  readonly watcher: Watcher
  readonly reader: EventStreamReader
}

/** Has each done once. @returns what was on the API 2 s after libvirt's event or later */
async function timeActs(
  { xen, two, watchers, figures }: XenLab,
  followers: readonly Follower[],
  told: () => Promise<string>,
): Promise<readonly string[]> {
  const seen: { readonly askedAt: number; readonly atMs: ReadonlyMap<Watcher, number> }[] = []
  const clocks = [await measureClock(xen)]
  for (const { action, kind, state, reason } of acts) {
    const already = followers.map(({ reader }) => reader.happened.length)
    const askedAt = Date.now()
    const done = xen.run(`virsh -q -c xen:///system ${action} two`)
    const arrivals = followers.map(async ({ watcher, reader }, index) => {
      await waitFor(
        patienceMs,
        `${kind} by ${watcher.name}`,
        async () =>
          reader.happened.slice(already[index]).some((event) => event.kind === kind && event.vmUuid === two.uuid),
        10,
      )
      return [watcher, Date.now()] as const
    })
    seen.push({ askedAt, atMs: new Map(await Promise.all(arrivals)) })
    await done
    clocks.push(await measureClock(xen))
    for (const watcher of watchers) {
      await waitFor(patienceMs, `two to be ${state}`, async () => (await watcher.vm(two)).state === state)
      const { stateReason, cpuCores } = await watcher.vm(two)
      expect([action, stateReason], watcher.name).toEqual([action, reason])
      expect(state === 'shutoff' ? cpuCores : undefined).toBeUndefined()
    }
  }
  const events = parseVirshEvents(await told()).slice(-acts.length)
  expect(events.map(({ vmName, what }) => `${vmName} ${what}`)).toEqual(acts.map(({ told: words }) => `two ${words}`))
  const late: string[] = []
  for (const [index, { action }] of acts.entries()) {
    const libvirt = hereOf(events[index]?.atMs ?? Number.NaN, clocks.slice(index, index + 2))
    const { askedAt = Number.NaN, atMs } = seen[index] ?? {}
    const measured: Record<string, string> = { "libvirt's event after virsh began": seconds(libvirt.atMs - askedAt) }
    for (const [{ name }, at] of atMs ?? []) {
      const behindMs = at - libvirt.atMs
      measured[`after libvirt's event by ${name}`] = `${seconds(behindMs)} ± ${seconds(libvirt.errorMs)}`
      if (!(behindMs + libvirt.errorMs < 2000)) late.push(`${action} by ${name}: ${Math.round(behindMs)} ms`)
    }
    figures[action] = measured
  }
  return late
}
