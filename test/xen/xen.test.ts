import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { whatHappens } from './what-happens.js'
import { askDisk, askDomains, askMachine, askSentBytes, type DomainRow } from './dom0-witness.js'
import { onOnePage } from './on-one-page.js'
import type { Point, Watcher } from './watcher.js'
import type { XenGuest } from './xen-guest.js'
import { patienceMs, startXenLab, type XenLab } from './xen-lab.js'
import { seenFromAfar } from '../support/seen-from-afar.js'
import { waitFor } from '../support/wait-for.js'

/**
 * The built product on a real Xen, which runs in an emulator: one agent in dom0, and one on this machine that reads the same host
 * over ssh. dom0's own tools are the witnesses. Everything in there takes ten times as long as on a real machine, so what a guest
 * does is done once and looked at by both.
 */

const MiB = 2 ** 20

let lab: XenLab
beforeAll(async () => {
  lab = await startXenLab()
})
afterAll(async () => {
  // What was measured, for the record.
  console.info(JSON.stringify({ xen: lab?.figures }, undefined, 2))
  await lab?.stop()
})

async function row({ name }: XenGuest): Promise<DomainRow> {
  const found = (await askDomains(lab.xen)).get(name)
  if (found === undefined) throw new Error(`xl does not list ${name}`)
  return found
}

/** The next point of each watcher, and what a witness said before and after them. */
async function bracketed<Fact>(entity: string, field: string, ask: () => Promise<Fact>) {
  const before = await ask()
  const points = await Promise.all(lab.watchers.map((watcher) => watcher.nextPoint(entity, field)))
  return { before, points, after: await ask() }
}

/** What a rate came to for each watcher between two brackets. */
function growths(
  entity: string,
  rate: string,
  first: { readonly points: readonly Point[] },
  last: { readonly points: readonly Point[] },
): Promise<readonly (readonly [Watcher, number])[]> {
  return Promise.all(
    lab.watchers.map(async (watcher, index) => {
      const [from, to] = [first.points[index]?.[0] ?? Number.NaN, last.points[index]?.[0] ?? Number.NaN]
      return [watcher, await watcher.growth(entity, rate, from, to)] as const
    }),
  )
}

describe('a real Xen, by an agent in dom0 and one over ssh', () => {
  it('dom0 is the host, with the memory of the machine, and no VM', async () => {
    expect([...(await askDomains(lab.xen)).keys()].toSorted()).toEqual(['Domain-0', 'one', 'two'])
    const before = await askMachine(lab.xen)
    const views = await Promise.all(lab.watchers.map((watcher) => watcher.host()))
    const after = await askMachine(lab.xen)
    for (const view of views) {
      expect(view).toMatchObject({ name: 'xenlab', kind: 'xen', simulated: false, status: 'up', runningVms: 2 })
      expect(view.hypervisorVersion).toBe(`Xen ${before.version}`)
      expect(Math.floor((view.memoryBytes ?? 0) / MiB)).toBe(before.totalMiB)
      const freeMiB = Math.floor((view.metrics['memoryAvailableBytes'] ?? 0) / MiB)
      expect(freeMiB).toBeGreaterThanOrEqual(Math.min(before.freeMiB, after.freeMiB))
      expect(freeMiB).toBeLessThanOrEqual(Math.max(before.freeMiB, after.freeMiB))
    }
    for (const watcher of lab.watchers) {
      expect((await watcher.vms()).map(({ name }) => name)).toEqual(['one', 'two'])
    }
  })

  it('says of each figure whether it can be measured here, and makes none up', async () => {
    for (const watcher of lab.watchers) {
      const { capabilities } = await watcher.host()
      const support = Object.fromEntries(capabilities.map(({ name, support }) => [name, support]))
      expect(support, watcher.name).toMatchObject({
        events: 'yes',
        cpu: 'yes',
        'memory-size': 'yes',
        'memory-guest': 'no',
        'memory-rss': 'no',
        'vcpu-wait': 'no',
        'disk-bytes': 'yes',
        'disk-requests': 'yes',
        'disk-latency': 'degraded',
        'host-cpu': 'degraded',
        'host-memory': 'yes',
      })
      expect(capabilities.filter(({ support, reason }) => support !== 'yes' && reason === '')).toEqual([])
      const view = await watcher.vm(lab.one)
      for (const field of ['memoryRssBytes', 'memoryGuestUsedBytes', 'vcpuWaitFraction']) {
        expect(view.metrics, field).not.toHaveProperty(field)
        expect(view.absent[field], field).toMatch(/\w/)
      }
    }
  })

  it('looks the same to both: capabilities, VMs, their disks, arrays and interfaces', async () => {
    const [inside, beside] = await Promise.all(
      lab.watchers.map(async (watcher) => {
        const { id, kind, cpuThreads, kernel, hypervisorVersion, capabilities } = await watcher.host()
        const vms = (await watcher.vms()).map((vm) => {
          const { uuid, name, state, vcpus, memoryBytes, memoryMaxBytes, absent } = vm
          // Where neither libvirt nor the firmware tells an agent a UUID, each gives the host one of its own.
          const disks = vm.disks.map(({ metrics: _figures, arrayKey, ...disk }) => ({
            ...disk,
            arrayKey: arrayKey.replace(id, 'HOST'),
          }))
          const nics = vm.nics.map(({ metrics: _figures, ...nic }) => nic)
          return { uuid, name, state, vcpus, memoryBytes, memoryMaxBytes, absent, disks, nics }
        })
        return { kind, cpuThreads, kernel, hypervisorVersion, capabilities: seenFromAfar(capabilities), vms }
      }),
    )
    expect(beside).toEqual(inside)
  })

  it("knows the array of each disk: the disk of dom0 that the loop device's file is on", async () => {
    for (const watcher of lab.watchers) {
      const { id } = await watcher.host()
      for (const guest of [lab.one, lab.two]) {
        const found = (await watcher.vm(guest)).disks.map(({ target, arrayKey, unit, capacityBytes }) => {
          return { target, arrayKey, unit, capacityBytes }
        })
        expect(found, watcher.name).toEqual(
          guest.disks.map(({ target, on, file, sizeMiB }) => {
            return { target, arrayKey: `local:${id}:${on}`, unit: file, capacityBytes: sizeMiB * MiB }
          }),
        )
      }
    }
  })

  it('memory as xl list says', async () => {
    for (const guest of [lab.one, lab.two]) {
      expect((await row(guest)).memoryMiB).toBe(guest.memoryMiB)
      for (const watcher of lab.watchers) {
        const view = await watcher.vm(guest)
        expect([view.memoryBytes, view.memoryMaxBytes]).toEqual([guest.memoryMiB * MiB, guest.memoryMiB * MiB])
      }
    }
  })

  it('a guest writes and reads known amounts: bytes and requests are those of sysfs', async () => {
    const { id } = await row(lab.one)
    for (const [target, writeMiB, readMiB] of [
      ['xvda', 24, 16],
      ['xvdb', 8, 12],
    ] as const) {
      const entity = `disk:${lab.one.uuid}/${target}`
      const was = await askDisk(lab.xen, id, target)
      const from = Date.now()
      await lab.one.tell(`write ${target} ${writeMiB}`)
      await lab.one.tell(`read ${target} ${readMiB}`)
      const is = await askDisk(lab.xen, id, target)
      expect([is.writeBytes - was.writeBytes, is.readBytes - was.readBytes]).toEqual([writeMiB * MiB, readMiB * MiB])
      for (const watcher of lab.watchers) {
        const total = (field: string): Promise<number | undefined> => watcher.lastValue(entity, field, from)
        // Within one beat of the state lane, if the fast lane did not see it.
        await waitFor(patienceMs, `all bytes of ${target} by ${watcher.name}`, async () => {
          return (await total('writeBytesTotal')) === is.writeBytes && (await total('readBytesTotal')) === is.readBytes
        })
        // Whatever the clocks: from the last point at which nothing was written yet.
        const idleAt = await watcher.lastAt(entity, 'writeBytesTotal', was.writeBytes)
        const grown = (rate: string): Promise<number> => watcher.growth(entity, rate, idleAt)
        // The last total may be of a reading that came too soon after another for a rate: what grew then counts with the next.
        await waitFor(patienceMs, `what grew of ${target} by ${watcher.name}`, async () => {
          return (
            (await grown('writeBytesPerSecond')) > (writeMiB - 0.5) * MiB &&
            (await grown('readBytesPerSecond')) > (readMiB - 0.5) * MiB
          )
        })
        expect(await grown('writeBytesPerSecond'), watcher.name).toBeCloseTo(writeMiB * MiB, 0)
        expect(await grown('readBytesPerSecond'), watcher.name).toBeCloseTo(readMiB * MiB, 0)
        expect(await grown('writeRequestsPerSecond')).toBeCloseTo(is.writeRequests - was.writeRequests, 3)
        expect(await grown('readRequestsPerSecond')).toBeCloseTo(is.readRequests - was.readRequests, 3)
      }
    }
  })

  it('while a guest writes, every figure lies between sysfs before and sysfs after', async () => {
    const { id } = await row(lab.one)
    await lab.one.tell('load write xvda 512')
    try {
      for (let times = 0; times < 2; times += 1) {
        const { before, points, after } = await bracketed(`disk:${lab.one.uuid}/xvda`, 'writeBytesTotal', () =>
          askDisk(lab.xen, id, 'xvda'),
        )
        for (const [, value] of points) {
          expect(value).toBeGreaterThanOrEqual(before.writeBytes)
          expect(value).toBeLessThanOrEqual(after.writeBytes)
        }
        expect(after.writeBytes).toBeGreaterThan(before.writeBytes)
      }
    } finally {
      await lab.one.tell('unload xvda')
    }
  })

  it('CPU time as xl list says, and what dom0 sends to a guest is what the guest receives', async () => {
    const device = `vif${(await row(lab.two)).id}.0`
    const [cpu, nic] = [`vm:${lab.two.uuid}`, `nic:${lab.two.uuid}/${device}`]
    const ask = async () => ({ ...(await row(lab.two)), sentBytes: await askSentBytes(lab.xen, device) })
    const first = await bracketed(cpu, 'cpuCores', ask)
    await lab.two.tell('burn 4')
    await lab.xen.run('ping -c 10 -i 0.2 -s 1000 -W 10 10.77.0.3')
    const last = await bracketed(cpu, 'cpuCores', ask)
    const [least, most] = [
      last.before.cpuSeconds - first.after.cpuSeconds,
      last.after.cpuSeconds - first.before.cpuSeconds,
    ]
    for (const [{ name }, ours] of await growths(cpu, 'cpuCores', first, last)) {
      lab.figures[`CPU seconds of a guest by ${name}`] = {
        ours: Number(ours.toFixed(2)),
        leastByXl: least,
        mostByXl: most,
      }
      // xl has tenths of a second.
      expect(ours, name).toBeGreaterThanOrEqual(least - 0.11)
      expect(ours, name).toBeLessThanOrEqual(most + 0.11)
    }
    expect(least).toBeGreaterThan(1)
    for (const [{ name }, bytes] of await growths(nic, 'receiveBytesPerSecond', first, last)) {
      expect(bytes, name).toBeGreaterThanOrEqual(last.before.sentBytes - first.after.sentBytes - 1)
      expect(bytes, name).toBeLessThanOrEqual(last.after.sentBytes - first.before.sentBytes + 1)
      expect(bytes, name).toBeGreaterThan(10 * 1000)
    }
  })
})

onOnePage(() => lab)
whatHappens(() => lab)
