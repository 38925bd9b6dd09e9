import {
  HypervisorUnavailable,
  type Gap,
  type GapReason,
  type Sample,
  type SampleGroup,
  type SampleOptions,
  type VmRaw,
} from '../hypervisor.js'
import { domainState, hasProcess } from './domain-state.js'
import { getDomainStats, statsGroup, type DomainStats } from './procedures.js'
import { readProcessIo } from './qemu-process.js'
import { forgetAllBut, type ReaderMemory } from './reader-memory.js'
import { CallAbandoned } from './rpc-error.js'
import type { Session } from './session.js'
import { nicsRaw } from './to-raw.js'
import { counter } from './typed-parameters.js'
import { toNumber } from './xdr.js'
import { readVm } from './vm-reader.js'

export interface SamplerOptions {
  readonly memory: ReaderMemory
  /** For all calls to one VM in one pass. */
  readonly vmDeadlineMs: number
  /** The same in the fast lane, whose passes must not take longer than their interval. */
  readonly fastVmDeadlineMs: number
  /** Hears of every list of all VMs. */
  readonly onList?: (list: readonly DomainStats[]) => void
}

const listDeadlineMs = 5000

/**
 * Reads all VMs in one pass, by cost: one cheap call lists them with state and NICs; CPU time and sizes are a call each that
 * libvirtd answers itself; only disks and the guest's own figures ask the VM, each under its own deadline.
 */
export class Sampler {
  readonly #options: SamplerOptions
  readonly #passes = new Map<string, Promise<unknown>>()
  /** The last list, and who gave it. */
  #listed: { readonly session: Session; readonly domains: readonly ListedDomain[] } | undefined
  /** A list call that the daemon still owes us an answer to. */
  #listOwed = false

  constructor(options: SamplerOptions) {
    this.#options = options
  }

  /**
   * Passes of one kind over the same VMs wait for each other.
   * @throws HypervisorUnavailable when the connection is down, CallAbandoned when the signal aborts
   */
  async sample(
    session: Session,
    groups: ReadonlySet<SampleGroup>,
    options: SampleOptions,
    signal: AbortSignal,
  ): Promise<Sample> {
    const how = [...(options.onlyMoved === true ? ['moved'] : []), ...(options.isLast === true ? ['last'] : [])]
    const which = [...(options.vmUuids ?? ['all']), ...how]
    const kind = `${which.toSorted().join(' ')} ${[...groups].toSorted().join(' ')}`
    const before = this.#passes.get(kind)
    const pass = (before ?? Promise.resolve())
      .catch(() => undefined)
      .then(() => this.#pass(session, groups, options, signal))
    this.#passes.set(kind, pass)
    try {
      return await pass
    } finally {
      if (this.#passes.get(kind) === pass) this.#passes.delete(kind)
    }
  }

  async #pass(
    session: Session,
    groups: ReadonlySet<SampleGroup>,
    options: SampleOptions,
    signal: AbortSignal,
  ): Promise<Sample> {
    const { memory } = this.#options
    // The fast lane needs no new one: an event tells of every start and stop, and the pass after it lists.
    const known = options.onlyMoved === true && this.#listed?.session === session ? this.#listed : undefined
    const listed = known ?? (await this.#list(session, memory, groups, signal))
    if (!('domains' in listed)) return listed
    const atMs = memory.now()
    const chosen = listed.domains.filter(({ stats }) => options.vmUuids?.has(stats.domain.uuid) ?? true)
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
    { stats, state }: ListedDomain,
  ): Promise<{ vm?: VmRaw; gaps: readonly Gap[] } | undefined> {
    const { session, memory, groups, options, signal, atMs } = pass
    const { domain, parameters } = stats
    const onlyMoved = options.onlyMoved === true
    const isRunning = hasProcess(state.state)
    const wanted = new Set(groups)
    if (onlyMoved && groups.has('block') && !(isRunning && (await this.#mayHaveMoved(pass, stats))))
      wanted.delete('block')
    if (wanted.size === 0) return undefined
    const base: VmRaw = {
      uuid: domain.uuid,
      runId: isRunning ? (memory.processes.run(domain.uuid)?.runId ?? '') : '',
      atMs,
      ...(groups.has('state') ? { state: state.state, stateReason: state.reason } : {}),
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

  async #list(
    session: Session,
    memory: ReaderMemory,
    groups: ReadonlySet<SampleGroup>,
    signal: AbortSignal,
  ): Promise<{ domains: readonly ListedDomain[] } | Sample> {
    const allMissing = (reason: GapReason, message: string): Sample => ({
      vms: [],
      gaps: [...groups].map((group) => memory.gaps.missing(undefined, group, reason, message, memory.now())),
    })
    if (this.#listOwed) return allMissing('timeout', 'libvirt has not answered the last list of VMs yet')
    let list: readonly DomainStats[]
    try {
      const wanted = statsGroup.state | (groups.has('nic') ? statsGroup.interface : 0)
      list = await getDomainStats(session.control, [], wanted, { deadlineMs: listDeadlineMs, signal })
    } catch (error) {
      if (error instanceof HypervisorUnavailable) throw error
      const message = `the list of VMs: ${error instanceof Error ? error.message : String(error)}`
      if (!(error instanceof CallAbandoned)) return allMissing('failed', message)
      this.#oweList(error.late)
      if (error.why === 'aborted') throw error
      return allMissing('timeout', message)
    }
    this.#options.onList?.(list)
    for (const group of groups) memory.gaps.present(undefined, group)
    forgetAllBut(
      memory,
      list.map(({ domain }) => domain),
    )
    const domains = list.map((stats) => ({ stats, state: stateOf(stats) }))
    const running = domains.filter(({ state }) => hasProcess(state.state))
    await memory.processes.update(
      running.map(({ stats }) => stats.domain),
      memory.now(),
    )
    this.#listed = { session, domains }
    return this.#listed
  }

  #oweList(late: Promise<unknown>): void {
    this.#listOwed = true
    void late.finally(() => {
      this.#listOwed = false
    })
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

interface ListedDomain {
  readonly stats: DomainStats
  readonly state: ReturnType<typeof domainState>
}

export function stateOf({ parameters }: DomainStats): ReturnType<typeof domainState> {
  const number = (name: string): number => toNumber(counter(parameters, name) ?? 0n)
  return domainState(number('state.state'), number('state.reason'))
}
