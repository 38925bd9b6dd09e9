import type { DiskRaw, Gap, GapReason, SampleGroup, VmRaw } from '../hypervisor.js'
import type { Caller } from './connection.js'
import { domainState, hasProcess } from './domain-state.js'
import { judgeFailure, withMonitor, type MonitorRequest } from './monitor-access.js'
import {
  domainBlockStats,
  domainGetInfo,
  domainGetState,
  domainMemoryStats,
  getDomainStats,
  statsGroup,
} from './procedures.js'
import { readProcessIo, readResidentBytes, type ProcessIo } from './qemu-process.js'
import { runKey, type ReaderMemory } from './reader-memory.js'
import { errorCode, LibvirtError } from './rpc-error.js'
import { diskRaw, guestMemoryRaw, infoRaw, vcpuWaitSeconds } from './to-raw.js'

export interface VmReading extends MonitorRequest {
  readonly groups: ReadonlySet<SampleGroup>
  /** Disks that are proven unmoved need not be asked. */
  readonly onlyMoved: boolean
  /** It leaves this host, so no later run of it can have answered. */
  readonly isLast: boolean
}

export interface VmResult {
  readonly raw: Partial<VmRaw>
  readonly gaps: readonly Gap[]
  /** It stopped, or was started anew, while it was read: nothing of it counts. */
  readonly gone: boolean
}

const monitorGroups = ['block', 'mem-guest', 'vcpu-wait'] as const satisfies readonly SampleGroup[]
type MonitorGroup = (typeof monitorGroups)[number]
const infoGroups = ['cpu', 'mem-size'] as const satisfies readonly SampleGroup[]

/** Reads one running VM. What cannot be read becomes a gap; only an aborted signal rejects. */
export function readVm(memory: ReaderMemory, reading: VmReading): Promise<VmResult> {
  return new VmReader(memory, reading).read()
}

class VmReader {
  #raw: Partial<VmRaw> = {}
  #infoRead = false
  readonly #gaps: Gap[] = []

  constructor(
    private readonly memory: ReaderMemory,
    private readonly reading: VmReading,
  ) {}

  async read(): Promise<VmResult> {
    const { groups } = this.reading
    const wanted = monitorGroups.filter((group) => groups.has(group))
    const seen = this.memory.processes.run(this.reading.domain.uuid)?.process !== undefined
    if (wanted.length > 0) await this.#askMonitor(wanted)
    await this.#readInfo()
    if (groups.has('mem-rss')) this.#readResident()
    return { raw: this.#raw, gaps: this.#gaps, gone: await this.#isGone(seen) }
  }

  async #askMonitor(wanted: readonly MonitorGroup[]): Promise<void> {
    const left = new Set<MonitorGroup>(wanted)
    const outcome = await withMonitor(this.memory, this.reading, async (caller) => {
      // At the same moment as the rest, so that one time fits all of the VM's counters.
      await this.#readInfo()
      for (const group of wanted) {
        await this.#readGroup(group, caller)
        left.delete(group)
      }
    })
    if (outcome.status !== 'missed') return
    for (const group of left) this.#missing(group, outcome.reason, outcome.message)
  }

  async #readGroup(group: MonitorGroup, caller: Caller): Promise<void> {
    try {
      this.#raw = { ...this.#raw, ...(await this.#readMonitor(group, caller)) }
      this.memory.gaps.present(this.reading.domain.uuid, group)
    } catch (error) {
      // An answer, though an error: the other groups may do better.
      if (!(error instanceof LibvirtError) || error.code === errorCode.operationTimeout) throw error
      this.#missing(group, error.denied ? 'denied' : 'failed', error.message)
    }
  }

  async #readMonitor(group: MonitorGroup, caller: Caller): Promise<Partial<VmRaw>> {
    const { memory, reading } = this
    switch (group) {
      case 'block':
        return { disks: await this.#readDisks(caller), atMs: memory.now() }
      case 'mem-guest':
        return guestMemoryRaw(await domainMemoryStats(caller, reading.domain), memory.now())
      case 'vcpu-wait': {
        const [stats] = await getDomainStats(caller, [reading.domain], statsGroup.vcpu)
        const seconds = stats === undefined ? undefined : vcpuWaitSeconds(stats.parameters)
        return seconds === undefined ? {} : { vcpuWaitSeconds: seconds }
      }
    }
  }

  async #readDisks(caller: Caller): Promise<DiskRaw[]> {
    const { memory, reading } = this
    const { domain, onlyMoved } = reading
    const known = await memory.definitions.get(reading.session.control, domain, memory.now())
    if (known === undefined) return []
    const run = memory.processes.run(domain.uuid)
    const pid = run?.process?.pid
    return memory.disks.read({
      uuid: domain.uuid,
      runId: run?.runId ?? '',
      targets: known.definition.disks.flatMap(({ target, source }) => (source === undefined ? [] : target)),
      io: (): ProcessIo | undefined =>
        pid === undefined ? undefined : readProcessIo(memory.files, memory.procRoot, pid),
      ask: async (target) => diskRaw(target, await domainBlockStats(caller, domain, target)),
      isCounted: known.isCounted,
      onlyMoved,
    })
  }

  async #readInfo(): Promise<void> {
    const { memory, reading } = this
    const { domain, groups, session, deadlineMs, signal } = reading
    const wanted = infoGroups.filter((group) => groups.has(group))
    if (wanted.length === 0 || this.#infoRead) return
    this.#infoRead = true
    if (memory.infoQuarantine.permission(runKey(domain), memory.now()) !== 'yes') {
      for (const group of wanted) this.#missing(group, 'quarantined', 'libvirt did not answer for it')
      return
    }
    try {
      const { cpu, size } = infoRaw(await domainGetInfo(session.control, domain, { deadlineMs, signal }))
      memory.infoQuarantine.answered(runKey(domain))
      this.#raw = {
        ...this.#raw,
        ...(groups.has('cpu') ? cpu : {}),
        ...(groups.has('mem-size') ? size : {}),
        atMs: memory.now(),
      }
      for (const group of wanted) memory.gaps.present(domain.uuid, group)
    } catch (error) {
      const { reason, message } = judgeFailure(memory, domain, memory.infoQuarantine, error)
      for (const group of wanted) this.#missing(group, reason, message)
    }
  }

  #readResident(): void {
    const { memory, reading } = this
    const process = memory.processes.run(reading.domain.uuid)?.process
    if (process === undefined) return
    const bytes = readResidentBytes(memory.files, memory.procRoot, process.pid, memory.pageBytes)
    if (bytes !== undefined) this.#raw = { ...this.#raw, memoryRssBytes: bytes }
  }

  #missing(group: SampleGroup, reason: GapReason, message: string): void {
    const { memory, reading } = this
    this.#gaps.push(memory.gaps.missing(reading.domain.uuid, group, reason, message, memory.now()))
  }

  /** @param seen whether the VM's process could be seen when the reading began */
  async #isGone(seen: boolean): Promise<boolean> {
    const { session, domain, deadlineMs, isLast, signal } = this.reading
    if (isLast && this.#raw.disks !== undefined) return false
    if (seen && this.memory.processes.processState(domain.uuid) === undefined) return true
    if (!this.#gaps.some(({ reason }) => reason === 'failed')) return false
    try {
      return !hasProcess(domainState(await domainGetState(session.control, domain, { deadlineMs, signal }), 0).state)
    } catch (error) {
      return error instanceof LibvirtError && error.code === errorCode.noDomain
    }
  }
}
