import type { Gap, Sample, SampleGroup, SampleOptions, VmRaw } from '../hypervisor.js'
import { hasProcess, listedDomain, type ListedDomain } from './domain-state.js'
import { ListReader } from './list-reader.js'
import { PassQueue } from './pass-queue.js'
import { getDomainStats, statsGroup, type DomainStats } from './procedures.js'
import { readProcessIo } from './qemu-process.js'
import { forgetAllBut, type ReaderMemory } from './reader-memory.js'
import type { Session } from './session.js'
import { nicsRaw } from './to-raw.js'
import { readVm } from './vm-reader.js'

export interface SamplerOptions {
  readonly memory: ReaderMemory
  /** For all calls to one VM in one pass. */
  readonly vmDeadlineMs: number
  /** The same in the fast lane, whose passes must not take longer than their interval. */
  readonly fastVmDeadlineMs: number
  /** Hears of every list of all VMs. */
  readonly onList?: (list: readonly ListedDomain[]) => void
}

const listDeadlineMs = 5000

/**
 * Reads all VMs in one pass, by cost: one cheap call lists them with state and NICs; CPU time and sizes are a call each that
 * libvirtd answers itself; only disks and the guest's own figures ask the VM, each under its own deadline.
 */
export class Sampler {
  readonly #options: SamplerOptions
  readonly #passes = new PassQueue()
  readonly #list: ListReader<readonly KnownDomain[]>

  constructor(options: SamplerOptions) {
    this.#options = options
    const { gaps, now } = options.memory
    this.#list = new ListReader(gaps, now)
  }

  /**
   * Passes of one kind over the same VMs wait for each other.
   * @throws HypervisorUnavailable when the connection is down, CallAbandoned when the signal aborts
   */
  sample(
    session: Session,
    groups: ReadonlySet<SampleGroup>,
    options: SampleOptions,
    signal: AbortSignal,
  ): Promise<Sample> {
    return this.#passes.inTurn(groups, options, () => this.#pass(session, groups, options, signal))
  }

  async #pass(
    session: Session,
    groups: ReadonlySet<SampleGroup>,
    options: SampleOptions,
    signal: AbortSignal,
  ): Promise<Sample> {
    const { memory } = this.#options
    // The fast lane needs no new one: an event tells of every start and stop, and the pass after it lists.
    const known = options.onlyMoved === true ? this.#list.last(session) : undefined
    const listed =
      known === undefined
        ? await this.#list.read(session, groups, () => this.#ask(session, groups, signal))
        : { list: known }
    if (!('list' in listed)) return listed
    const atMs = memory.now()
    const chosen = listed.list.filter(({ stats }) => options.vmUuids?.has(stats.domain.uuid) ?? true)
    const results = await Promise.all(
      chosen.map((domain) => this.#readOne({ session, memory, groups, options, signal, atMs }, domain)),
    )
    const vms: VmRaw[] = []
    const gaps: Gap[] = []
    for (const result of results) {
      if (result === undefined) continue
      gaps.push(...result.gaps)
      if (result.vm !== undefined) vms.push(result.vm)
    }
    return { vms, gaps }
  }

  async #readOne(
    pass: Pass,
    { stats, listed }: KnownDomain,
  ): Promise<{ vm?: VmRaw; gaps: readonly Gap[] } | undefined> {
    const { session, memory, groups, options, signal, atMs } = pass
    const { domain, parameters } = stats
    const onlyMoved = options.onlyMoved === true
    const isRunning = hasProcess(listed.state)
    const wanted = new Set(groups)
    if (onlyMoved && groups.has('block') && !(isRunning && (await this.#mayHaveMoved(pass, stats))))
      wanted.delete('block')
    if (wanted.size === 0) return undefined
    const base: VmRaw = {
      uuid: domain.uuid,
      runId: isRunning ? (memory.processes.run(domain.uuid)?.runId ?? '') : '',
      atMs,
      ...(groups.has('state') ? { state: listed.state, stateReason: listed.reason } : {}),
      ...(groups.has('nic') && isRunning ? { nics: nicsRaw(parameters) } : {}),
    }
    if (!isRunning) return { vm: base, gaps: [] }
    const { vmDeadlineMs, fastVmDeadlineMs } = this.#options
    const deadlineMs = onlyMoved ? fastVmDeadlineMs : vmDeadlineMs
    const isLast = options.isLast === true
    const skipIfBusy = onlyMoved && !isLast
    const request = { session, domain, groups: wanted, deadlineMs, skipIfBusy, onlyMoved, isLast, signal }
    const result = await readVm(memory, request)
    // Who is missing in the fast lane was proven unmoved: one that could not be read is named, with nothing of it.
    if (result.gone) return onlyMoved ? { vm: base, gaps: [] } : undefined
    return { vm: { ...base, ...result.raw }, gaps: result.gaps }
  }

  /**
   * Whether the VM may have used its disks since they were last read. Disks on the network, and processes that cannot be
   * seen, always may have.
   */
  async #mayHaveMoved({ session, memory }: Pass, { domain }: DomainStats): Promise<boolean> {
    const run = memory.processes.run(domain.uuid)
    if (run?.process === undefined) return true
    const io = readProcessIo(memory.files, memory.procRoot, run.process.pid)
    if (memory.disks.mayHaveMoved(domain.uuid, run.runId, io)) return true
    // If the definition cannot be read now, the disks are asked for, and that says why.
    const known = await memory.definitions.get(session.control, domain, memory.now()).catch(() => null)
    return known === null || known?.definition.disks.some(({ source }) => source?.type === 'network') === true
  }

  async #ask(session: Session, groups: ReadonlySet<SampleGroup>, signal: AbortSignal): Promise<readonly KnownDomain[]> {
    const { memory, onList } = this.#options
    const wanted = statsGroup.state | (groups.has('nic') ? statsGroup.interface : 0)
    const list = await getDomainStats(session.control, [], wanted, { deadlineMs: listDeadlineMs, signal })
    const domains = list.map((stats): KnownDomain => ({ stats, listed: listedDomain(stats) }))
    onList?.(domains.map(({ listed }) => listed))
    forgetAllBut(
      memory,
      domains.map(({ stats }) => stats.domain),
    )
    const running = domains.filter(({ listed }) => hasProcess(listed.state))
    await memory.processes.update(
      running.map(({ stats }) => stats.domain),
      memory.now(),
    )
    return domains
  }
}

interface Pass {
  readonly session: Session
  readonly memory: ReaderMemory
  readonly groups: ReadonlySet<SampleGroup>
  readonly options: SampleOptions
  readonly signal: AbortSignal
  readonly atMs: number
}

interface KnownDomain {
  readonly stats: DomainStats
  readonly listed: ListedDomain
}
