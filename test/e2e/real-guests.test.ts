import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'

import { eventView, hostView, seriesView, topView, vmView } from '../../controller/api/views.js'
import { defineGuest, type Guest } from '../support/libvirt-guest.js'
import { startLibvirtDaemon, type LibvirtDaemon } from '../support/libvirt-daemon.js'
import { startProduct, temporaryDirectory, type RunningProduct } from '../support/running-product.js'
import { waitFor } from '../support/wait-for.js'

/** The whole product on a real libvirtd with five real guests. virsh and the guests are the witnesses. */

type VmView = z.infer<typeof vmView>

const MiB = 2 ** 20
const vmList = z.object({ vms: z.array(vmView) })
const hostList = z.object({ hosts: z.array(hostView) })
const eventList = z.object({ events: z.array(eventView) })

let daemon: LibvirtDaemon
let guests: Guest[]
let directory: Awaited<ReturnType<typeof temporaryDirectory>>
let product: RunningProduct
const figures: Record<string, string> = {}

beforeAll(async () => {
  ;[daemon, directory] = await Promise.all([startLibvirtDaemon(), temporaryDirectory('headroom-e2e-')])
  guests = await Promise.all(
    ['one', 'two', 'three', 'four', 'five'].map((name) => defineGuest(daemon, { name, disksMiB: [128, 16] })),
  )
  // Two at a time: emulated guests boot slowly side by side.
  for (const pair of [guests.slice(0, 2), guests.slice(2, 4), guests.slice(4)]) {
    await Promise.all(pair.map((guest) => guest.start()))
  }
  product = await startProduct(directory.path, '--libvirt-socket', daemon.socketRo)
})

afterAll(async () => {
  // What was measured, for the record.
  console.info(JSON.stringify(figures, undefined, 2))
  await product?.interrupt()
  await daemon?.stop()
  await directory?.remove()
})

async function vms(): Promise<readonly VmView[]> {
  return vmList.parse(await product.api('/api/v1/vms')).vms
}

async function vm(guest: Guest): Promise<VmView> {
  const found = (await vms()).find((one) => one.uuid === guest.uuid)
  if (found === undefined) throw new Error(`${guest.name} is not on the API`)
  return found
}

async function host(): Promise<z.infer<typeof hostView>> {
  const [only] = hostList.parse(await product.api('/api/v1/hosts')).hosts
  if (only === undefined) throw new Error('no host on the API')
  return only
}

/** `[atMs, value]` of one field since `fromMs`. */
async function series(entity: string, field: string, fromMs: number): Promise<[number, number][]> {
  const path = `/api/v1/series?entity=${entity}&fields=${field}&from=${Math.round(fromMs)}&step=0`
  return seriesView
    .parse(await product.api(path))
    .rows.flatMap(([at, value]): [number, number][] =>
      typeof at === 'number' && typeof value === 'number' ? [[at, value]] : [],
    )
}

function guestNamed(name: string): Guest {
  const guest = guests.find((one) => one.name === name)
  if (guest === undefined) throw new Error(name)
  return guest
}

describe('a real libvirtd', () => {
  it('is there with its real VMs, and nothing is simulated', async () => {
    await waitFor(20_000, 'five VMs', async () => (await vms()).filter((one) => one.state === 'running').length === 5)
    const all = await vms()
    expect(all.map((one) => one.name).toSorted()).toEqual(['five', 'four', 'one', 'three', 'two'])
    expect(all.some((one) => one.simulated)).toBe(false)
    expect(await host()).toMatchObject({ status: 'up', kind: 'kvm', simulated: false, runningVms: 5 })
    expect(product.output()).not.toContain('SIMULATED')
  })

  it('shows the sizes of their definitions, and where their disks lie', async () => {
    const one = guestNamed('one')
    await waitFor(15_000, 'CPU figures', async () => (await vm(one)).cpuCores !== undefined)
    const view = await vm(one)
    expect(view).toMatchObject({ memoryBytes: 96 * MiB, memoryMaxBytes: 96 * MiB, vcpus: 1 })
    expect(view.disks.map((disk) => [disk.target, disk.capacityBytes])).toEqual([
      ['vda', 128 * MiB],
      ['vdb', 16 * MiB],
    ])
    expect(view.disks[0]?.arrayKey).toMatch(/^(local|lvm|iscsi):/)
  })

  it('a guest writes 64 MiB: the bytes within 1 %, on top within 3 s', async () => {
    const one = guestNamed('one')
    await waitFor(15_000, 'a rate', async () => (await vm(one)).writeBytesPerSecond !== undefined)
    const began = Date.now()
    const written = one.tell('write vda 64')
    const seenAfterMs = await waitFor(10_000, 'top to show the writer first', async () => {
      const top = topView.parse(await product.api('/api/v1/top?by=writeBytesPerSecond&n=3'))
      return top.rows[0]?.uuid === one.uuid && top.rows[0].value > MiB
    })
    expect(seenAfterMs).toBeLessThan(3000)
    figures['top shows the writer after'] = `${Math.round(seenAfterMs)} ms`
    await written
    const total = async (): Promise<number> => {
      const rows = await series(`disk:${one.uuid}/vda`, 'writeBytesTotal', began - 30_000)
      const before = rows.findLast(([at]) => at <= began)
      return (rows.at(-1)?.[1] ?? 0) - (before?.[1] ?? 0)
    }
    await waitFor(10_000, 'all bytes', async () => (await total()) >= 64 * MiB * 0.99)
    expect(Math.abs((await total()) / (64 * MiB) - 1)).toBeLessThan(0.01)
    // And by rates: their sum over time is what was written.
    const rates = await series(`vm:${one.uuid}`, 'writeBytesPerSecond', began - 30_000)
    let integral = 0
    for (const [index, [at, rate]] of rates.entries()) {
      const before = rates[index - 1]
      if (before !== undefined && at > began) integral += (rate * (at - before[0])) / 1000
    }
    figures['64 MiB by rates'] = `${(integral / MiB).toFixed(2)} MiB`
    expect(Math.abs(integral / (64 * MiB) - 1)).toBeLessThan(0.01)
    expect(await product.cli('top', '--once', '--by', 'write')).toContain('one')
  })
})

describe('what happens to guests is on the API within 2 s, with the reason', () => {
  /** Does it, waits until virsh says so, and measures from there. */
  async function measure(
    what: string,
    guest: Guest,
    act: () => Promise<unknown>,
    virshState: string,
    seen: (view: VmView) => boolean,
  ): Promise<void> {
    await act()
    await waitFor(60_000, `virsh to say ${virshState}`, async () =>
      (await daemon.virsh('domstate', guest.name)).includes(virshState),
    )
    const afterMs = await waitFor(10_000, `${what} on the API`, async () => seen(await vm(guest)))
    figures[`${what} on the API after`] = `${Math.round(afterMs)} ms`
    expect(afterMs).toBeLessThan(2000)
  }

  it('destroy, start, shutdown', async () => {
    const two = guestNamed('two')
    await measure(
      'destroy',
      two,
      () => daemon.virsh('destroy', 'two'),
      'shut off',
      (view) => {
        return view.state === 'shutoff' && view.stateReason === 'destroyed' && view.writeBytesPerSecond === undefined
      },
    )
    await measure(
      'start',
      two,
      () => two.start(),
      'running',
      (view) => view.state === 'running' && view.stateReason === 'booted',
    )
    await measure(
      'shutdown',
      two,
      () => daemon.virsh('shutdown', 'two', '--mode', 'acpi'),
      'shut off',
      (view) => {
        return view.state === 'shutoff' && view.stateReason === 'shutdown'
      },
    )
  })

  it('crash: its QEMU is killed', async () => {
    const three = guestNamed('three')
    await measure(
      'crash',
      three,
      () => three.signal('SIGKILL'),
      'shut off',
      (view) => {
        return view.state === 'shutoff' && view.stateReason === 'crashed'
      },
    )
    const { events } = eventList.parse(await product.api('/api/v1/events/history?from=-10m'))
    const of = (name: string): string[] =>
      events.filter((event) => event.vmName === name).map((event) => `${event.kind} ${event.reason}`)
    expect(of('three')[0]).toBe('crashed crashed')
    expect(of('two')).toContain('stopped destroyed')
    await Promise.all([guestNamed('two').start(), three.start()])
  })
})

describe('trouble', () => {
  it('a stopped QEMU: the other four keep their cadence, it is marked, and comes back', async () => {
    const five = guestNamed('five')
    const others = guests.filter((guest) => guest !== five)
    await Promise.all(others.map((guest) => guest.tell('trickle vdb')))
    await five.signal('SIGSTOP')
    const began = Date.now()
    await waitFor(20_000, 'a gap of the stopped guest', async () => (await vm(five)).gaps.length > 0)
    figures['stopped guest marked after'] = `${Date.now() - began} ms`
    await waitFor(40_000, '25 seconds of the others', async () => Date.now() - began > 25_000)
    for (const guest of others) {
      const moments = (await series(`disk:${guest.uuid}/vdb`, 'writeBytesTotal', began)).map(([at]) => at)
      const gaps = moments.map((at, index) => at - (moments[index - 1] ?? began))
      figures[`longest gap of ${guest.name}`] = `${Math.max(...gaps)} ms`
      expect(Math.max(...gaps), guest.name).toBeLessThan(3000)
      expect((await vm(guest)).gaps).toEqual([])
    }
    await five.signal('SIGCONT')
    const backMs = await waitFor(45_000, 'the stopped guest to recover', async () => (await vm(five)).gaps.length === 0)
    figures['recovered after SIGCONT'] = `${Math.round(backMs)} ms`
    await Promise.all(others.map((guest) => guest.tell('rest')))
  })

  it('libvirtd killed and restarted: back within 15 s, without a spike', async () => {
    const before = Date.now()
    await daemon.killDaemon()
    await waitFor(25_000, 'the host to be unreachable', async () => (await host()).status === 'unreachable')
    await daemon.startDaemon()
    const backMs = await waitFor(30_000, 'the host to be up', async () => (await host()).status === 'up')
    figures['back after libvirtd restarted'] = `${Math.round(backMs)} ms`
    expect(backMs).toBeLessThan(15_000)
    await waitFor(
      15_000,
      'all five VMs',
      async () => (await vms()).filter((one) => one.state === 'running').length === 5,
    )
    const one = guestNamed('one')
    await waitFor(20_000, 'new figures', async () => {
      return ((await series(`vm:${one.uuid}`, 'cpuCores', before)).at(-1)?.[0] ?? 0) > before + backMs
    })
    for (const guest of guests) {
      const cpu = await series(`vm:${guest.uuid}`, 'cpuCores', before)
      const bytes = await series(`vm:${guest.uuid}`, 'writeBytesPerSecond', before)
      expect(Math.max(0, ...cpu.map(([, value]) => value)), guest.name).toBeLessThan(2)
      expect(Math.max(0, ...bytes.map(([, value]) => value)), guest.name).toBeLessThan(10 * MiB)
    }
  })
})
