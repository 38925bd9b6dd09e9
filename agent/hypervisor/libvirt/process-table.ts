import type { MachineFiles } from '../../host/machine-files.js'
import { findQemuProcesses, readProcessStat, type QemuProcess } from './qemu-process.js'
import type { DomainRef } from './procedures.js'

/** One run of a VM: from the start of its process to the end. */
export interface Run {
  readonly domainId: number
  /** Names the run; the same after a restart of libvirtd or of the agent, if the process can be seen. */
  readonly runId: string
  /** Undefined where the VM's process cannot be seen. */
  process: QemuProcess | undefined
}

interface Search {
  tries: number
  nextMs: number
}

const searchBaseMs = 1000
const searchCapMs = 300_000

/**
 * Which process belongs to which running VM. /proc is searched only when a VM is new, and less and less often for one whose
 * process cannot be found.
 */
export class ProcessTable {
  readonly #runs = new Map<string, Run>()
  readonly #searches = new Map<string, Search>()

  constructor(
    private readonly procRoot: string,
    private readonly files: MachineFiles,
  ) {}

  /** Brings the table up to date with the domains that have a process now. */
  async update(running: readonly DomainRef[], nowMs: number): Promise<void> {
    const uuids = new Set(running.map(({ uuid }) => uuid))
    for (const uuid of this.#runs.keys()) if (!uuids.has(uuid)) this.#forget(uuid)
    for (const { uuid, id } of running) {
      if (this.#runs.has(uuid) && this.#runs.get(uuid)?.domainId !== id) this.#forget(uuid)
    }
    const wanted = running.filter(({ uuid }) => this.#runs.get(uuid)?.process === undefined && this.#isDue(uuid, nowMs))
    if (wanted.length === 0) return
    const found = await findQemuProcesses(this.files, this.procRoot, new Set(wanted.map(({ uuid }) => uuid)))
    for (const { uuid, id } of wanted) {
      const process = found.get(uuid)
      const run = this.#runs.get(uuid)
      if (run === undefined) this.#runs.set(uuid, { domainId: id, runId: runId(id, process, nowMs), process })
      else run.process = process
      if (process === undefined) this.#searchLater(uuid, nowMs)
      else this.#searches.delete(uuid)
    }
  }

  run(uuid: string): Run | undefined {
    return this.#runs.get(uuid)
  }

  /** The state letter of the VM's process; undefined if it cannot be seen. A process that is another one now is forgotten. */
  processState(uuid: string): string | undefined {
    const process = this.#runs.get(uuid)?.process
    if (process === undefined) return undefined
    const stat = readProcessStat(this.files, this.procRoot, process.pid)
    if (stat?.startTicks === process.startTicks) return stat.state
    this.#forget(uuid)
    return undefined
  }

  #forget(uuid: string): void {
    this.#runs.delete(uuid)
    this.#searches.delete(uuid)
  }

  #isDue(uuid: string, nowMs: number): boolean {
    return nowMs >= (this.#searches.get(uuid)?.nextMs ?? nowMs)
  }

  #searchLater(uuid: string, nowMs: number): void {
    const tries = (this.#searches.get(uuid)?.tries ?? 0) + 1
    this.#searches.set(uuid, { tries, nextMs: nowMs + Math.min(searchCapMs, searchBaseMs * 2 ** tries) })
  }
}

/** Without a process to see, the moment when the run was first seen has to do: a new one for each agent. */
function runId(domainId: number, process: QemuProcess | undefined, nowMs: number): string {
  return process === undefined ? `${domainId}@${nowMs}` : `${domainId}-${process.startTicks}`
}
