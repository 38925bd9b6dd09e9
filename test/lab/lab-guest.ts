import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'

import { diskTarget, guestXml } from '../support/guest-definition.js'
import type { GuestImage } from '../support/guest/guest-image.js'
import { SerialLine } from '../support/serial-line.js'
import { waitFor } from '../support/wait-for.js'
import type { LabHost } from './lab-host.js'
import { portalAddress, type GuestPlan, type LunPlan } from './plan.js'

export interface GuestState {
  readonly host: LabHost
  /** As virsh says it: running, paused, shut off, … */
  readonly state: string
}

/** One guest of a lab, wherever it runs now. */
export class LabGuest {
  readonly name: string
  readonly uuid: string
  readonly disks: readonly (LunPlan & { readonly target: string })[]

  constructor(
    private readonly plan: GuestPlan,
    private readonly hosts: readonly LabHost[],
  ) {
    this.name = plan.name
    this.uuid = plan.uuid
    this.disks = plan.disks.map((disk, index) => ({ ...disk, target: diskTarget(index) }))
  }

  /** Defines it on its first host and starts it; ready when its init obeys. It beats from then on. */
  async start(dir: string, image: GuestImage, readyWithinMs: number): Promise<void> {
    const { name, uuid, mac, address } = this.plan
    const first = this.hosts.find((host) => host.name === this.plan.firstHost)
    if (first === undefined) throw new Error(`no host ${this.plan.firstHost}`)
    const file = path.join(dir, `${name}.xml`)
    await writeFile(
      file,
      guestXml({
        name,
        uuid,
        memoryMiB: 96,
        disks: this.plan.disks.map(({ iqn, lun }) => ({ iscsi: { portal: portalAddress, iqn, lun } })),
        nic: `<interface type='bridge'><source bridge='br0'/><mac address='${mac}'/><model type='virtio'/><rom enabled='no'/></interface>`,
        serial: { socket: `/run/lab/${name}`, log: `/run/lab/${name}.log` },
        image,
        words: [`guest.address=${address}/16`],
      }),
    )
    await first.virsh('define', file)
    await first.virsh('start', name)
    await waitFor(readyWithinMs, `${name} to boot`, async () => /^ready\r?$/m.test(await said(first, name)))
    await this.tell('beat')
  }

  /** Where it is: where it runs, or else where it is defined. */
  async where(): Promise<GuestState> {
    const found = await Promise.all(
      this.hosts.map(async (host) => {
        const state = (await host.vmStates()).get(this.name)
        return state === undefined ? [] : [{ host, state }]
      }),
    )
    const states = found.flat()
    const best = states.find(({ state }) => state === 'running') ?? states[0]
    if (best === undefined) throw new Error(`${this.name} is nowhere`)
    return best
  }

  async host(): Promise<LabHost> {
    return (await this.where()).host
  }

  /**
   * Sends a line to its init and waits until that is done: `write vda 64`, `load write vda 4096`, `beat off`; see
   * test/support/guest/init.sh. Gives what it answered. One listener at a time: others wait.
   */
  async tell(command: string, timeoutMs = 60_000): Promise<string[]> {
    const line = await SerialLine.open((await this.host()).serialSocket(this.name))
    try {
      return (await line.ask(command, timeoutMs)).filter((text) => text !== '' && !text.startsWith('beat '))
    } finally {
      line.close()
    }
  }

  /** Starts to read or write at a steady rate, to write 4 KiB here and there, or to copy as fast as it can, until `unload`. */
  async load(way: 'read' | 'write' | 'scatter' | 'copy', target: string, kibPerSecond: number): Promise<void> {
    await this.tell(`load ${way} ${target} ${kibPerSecond}`)
  }

  /** Bytes that the load of a disk came to so far, as the guest counts them: whole finished requests. */
  async loaded(target: string): Promise<number> {
    return bytesIn(await this.tell(`loaded ${target}`))
  }

  /** Ends the load of a disk; gives the bytes that it came to. */
  async unload(target: string, timeoutMs?: number): Promise<number> {
    return bytesIn(await this.tell(`unload ${target}`, timeoutMs))
  }

  /** The numbers that it said, ten a second since it booted, in order. Those said while it moved may be missing. */
  async beats(): Promise<number[]> {
    const texts = await Promise.all(this.hosts.map((host) => said(host, this.name)))
    const numbers = texts.flatMap((text) => [...text.matchAll(/^beat (\d+)\r?$/gm)].map(([, number]) => Number(number)))
    return numbers.toSorted((a, b) => a - b)
  }
}

async function said(host: LabHost, guest: string): Promise<string> {
  return readFile(host.serialLog(guest), 'utf8').catch(() => '')
}

function bytesIn(answers: readonly string[]): number {
  const [, bytes] = /^bytes (\d+)$/.exec(answers.at(-1) ?? '') ?? []
  if (bytes === undefined) throw new Error(`expected a number of bytes, got ${JSON.stringify(answers)}`)
  return Number(bytes)
}
