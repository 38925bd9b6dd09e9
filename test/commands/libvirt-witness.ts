import { spawn, type ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'

import type { LibvirtDaemon } from '../support/libvirt-daemon.js'
import { waitFor } from '../support/wait-for.js'

const settleWithinMs = 20_000
const qemuLagMs = 300

/** What libvirtd itself says that happened to its VMs, in its order. */
export class LibvirtWitness {
  readonly #listeners: ChildProcess[] = []
  readonly #lines: string[] = []
  #marks = 0

  constructor(private readonly daemon: LibvirtDaemon) {}

  async begin(): Promise<void> {
    this.#listen('event', '--all', '--loop')
    // QEMU tells who resets: the BIOS does it once more by itself.
    this.#listen('qemu-monitor-event', '--event', 'RESET', '--loop')
    // It listens when it hears of a mark.
    await waitFor(settleWithinMs, 'virsh to listen', async () => {
      await this.#mark('alpha')
      return this.#isHeard('alpha')
    })
  }

  /** What happened to a VM since this was last asked: `Suspended`, `Started`. Everything until now is among it. */
  async taken(name: string): Promise<readonly string[]> {
    this.#forgetMarks()
    await this.#mark(name)
    await waitFor(settleWithinMs, 'virsh to hear of a mark', () => Promise.resolve(this.#isHeard(name)), 10)
    // What QEMU tells comes over another connection than the mark.
    await delay(qemuLagMs)
    const all = this.#lines.splice(0)
    const others = all.filter((line) => !line.includes(name))
    const events = all.filter((line) => line.includes(name)).flatMap((line) => happened(line) ?? [])
    this.#lines.unshift(...others)
    // A start ends with the guest's CPUs being let go.
    return events.filter(
      (event, at) => event !== 'Resumed' || !events.slice(Math.max(0, at - 1), at + 2).includes('Started'),
    )
  }

  end(): void {
    for (const virsh of this.#listeners) virsh.kill('SIGKILL')
  }

  #listen(...words: string[]): void {
    const uri = `qemu+unix:///system?socket=${this.daemon.socket}`
    const virsh = spawn('stdbuf', ['-oL', 'virsh', '-q', '-c', uri, ...words], { stdio: ['ignore', 'pipe', 'inherit'] })
    this.#listeners.push(virsh)
    createInterface({ input: virsh.stdout }).on('line', (line) => this.#lines.push(line))
  }

  async #mark(name: string): Promise<void> {
    this.#marks += 1
    const xml = `<mark n='${this.#marks}'/>`
    await this.daemon.virsh('metadata', name, '--uri', 'urn:headroom:test', '--key', 'test', '--set', xml, '--config')
  }

  #isHeard(name: string): boolean {
    return this.#lines.some((line) => line.includes('metadata-change') && line.includes(name))
  }

  #forgetMarks(): void {
    const kept = this.#lines.filter((line) => !line.includes('metadata-change'))
    this.#lines.splice(0, Infinity, ...kept)
  }
}

/** Each verb makes one of these; what else is told follows from it, as a shutdown before a stop. */
function happened(line: string): string | undefined {
  if (line.startsWith('event RESET ')) return line.includes('host-qmp-system-reset') ? 'Reset' : undefined
  const event = /^event 'lifecycle' for domain '?[^':]+'?: (\w+)/.exec(line)?.[1]
  return event !== undefined && ['Started', 'Stopped', 'Suspended', 'Resumed'].includes(event) ? event : undefined
}
