import { join } from 'node:path'

import { allMembers } from '../support/fleet-members.js'
import { startMixedFleet, type MixedFleet } from '../support/mixed-fleet.js'
import { temporaryDirectory } from '../support/running-product.js'
import { waitFor } from '../support/wait-for.js'
import { bootXen, type XenHost } from './boot-xen.js'
import { controllerPort, joinFromDom0, startController } from './product-on-xen.js'
import { remoteXenMember } from './remote-member.js'
import { Watcher } from './watcher.js'
import { defineXenGuests, type XenGuest } from './xen-guest.js'

/** A Xen host with two guests, and all that the tests look at it with. */
export interface XenLab {
  readonly xen: XenHost
  readonly one: XenGuest
  readonly two: XenGuest
  /** Both read the same host at the same time, each for a controller of its own: a host belongs to one agent. */
  readonly watchers: readonly Watcher[]
  /** The controller of the agent over ssh, which has other hosts too. */
  readonly fleet: MixedFleet
  /** What was measured on the way. */
  readonly figures: Record<string, unknown>
  stop(): Promise<void>
}

const figuresWithinMs = 900_000
/** For what takes seconds, unless the emulator gets no CPU. */
export const patienceMs = 300_000
/** Longer than on a real machine would do: a process that starts in there takes a tenth of a second. */
const beatsOverSsh = { state: '10s', block: '3s', guestMemory: '10s' }

export async function startXenLab(): Promise<XenLab> {
  const figures: Record<string, unknown> = {}
  const stops: (() => Promise<void>)[] = []
  const stop = async (): Promise<void> => {
    for (const end of stops.splice(0).toReversed()) await end()
  }
  const since = (began: number): string => seconds(performance.now() - began)
  try {
    const directory = await temporaryDirectory('headroom-on-xen-')
    stops.push(() => directory.remove())
    const controller = await startController(join(directory.path, 'inside'))
    stops.push(() => controller.stop())
    const booting = bootXen({
      product: true,
      outsidePorts: { [controllerPort]: controller.grpcPort },
      onProgress: (text) => console.info(text),
    })
    stops.push(async () => (await booting.catch(() => undefined))?.stop())
    // Meanwhile, as one processor boots.
    const members = await allMembers(async () => remoteXenMember(booting))
    let running: MixedFleet | undefined
    stops.push(async () => {
      if (running === undefined) await Promise.all(members.map((member) => member.stop()))
      else await running.stop()
    })
    const xen = await booting
    figures['boot'] = seconds(xen.bootMs)
    const began = performance.now()
    const [one, two] = await defineXenGuests(xen, [{ name: 'one' }, { name: 'two', memoryMiB: 96 }])
    if (one === undefined || two === undefined) throw new Error('no guests')
    const inside = new Watcher('an agent in dom0', controller)
    await Promise.all([one.start(), two.start(), joinFromDom0(xen, controller)])
    await seesBoth(inside)
    figures['guests booted, figures by the agent in dom0'] = since(began)
    // Not at once: what both need to begin would take dom0's only processor several minutes.
    const fleet = (running = await startMixedFleet(join(directory.path, 'beside'), members, beatsOverSsh))
    const beside = new Watcher('an agent over ssh', fleet)
    await seesBoth(beside)
    figures['figures by the agent over ssh'] = since(began)
    const watchers = [inside, beside]
    return { xen, one, two, watchers, fleet, figures, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

async function seesBoth(watcher: Watcher): Promise<void> {
  await waitFor(figuresWithinMs, `figures of both guests by ${watcher.name}`, async () => {
    const vms = await watcher.vms().catch(() => [])
    // The array of a disk that could not be found out in time is looked for anew with the next inventory.
    const isComplete = ({ cpuCores, disks }: (typeof vms)[number]): boolean =>
      cpuCores !== undefined && disks.length === 2 && disks.every(({ unit }) => unit !== undefined)
    return vms.length === 2 && vms.every(isComplete)
  })
}

export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`
}
