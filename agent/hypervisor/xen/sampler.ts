import {
  HypervisorUnavailable,
  type Gap,
  type GapReason,
  type HostRaw,
  type Sample,
  type SampleGroup,
  type SampleOptions,
  type VmRaw,
} from '../hypervisor.js'
import { domainState } from '../libvirt/domain-state.js'
import { judgeFailure } from '../libvirt/monitor-access.js'
import {
  domainGetInfo,
  nodeGetFreeMemory,
  type DomainInfo,
  type DomainRef,
  type DomainStats,
} from '../libvirt/procedures.js'
import { forgetAllBut, runKey, type ReaderMemory } from '../libvirt/reader-memory.js'
import { CallAbandoned, errorCode, LibvirtError } from '../libvirt/rpc-error.js'
import type { Session } from '../libvirt/session.js'
import { infoRaw } from '../libvirt/to-raw.js'
import { nanosecondsToSeconds, toNumber } from '../libvirt/xdr.js'
import type { BackendDevices, DomainBackends } from './backend-devices.js'
import type { DeviceTable, DiskReader } from './disk-reader.js'
import { asStats, listDomains, livesIn, stateNumber, stateNumberOf, type Domains } from './domains.js'
import { HostUsage, type DomainCpu } from './host-usage.js'
import type { StateReasons } from './state-reasons.js'

export interface XenSamplerOptions {
  readonly memory: ReaderMemory
  readonly backends: BackendDevices
  readonly disks: DiskReader
  readonly reasons: StateReasons
  /** Tells this boot of the host from others: domain ids begin anew with each. */
  readonly bootId: string
  /** What the hypervisor manages, and its CPUs. */
  readonly machine: { readonly memoryBytes: number; readonly cpuThreads: number }
  /** For the call to one VM. */
  readonly vmDeadlineMs: number
  /** Hears of every list of all VMs with their states. */
  readonly onStates: (states: readonly DomainStats[]) => void
}

const listDeadlineMs = 5000
const ofInfo = ['state', 'cpu', 'mem-size'] as const satisfies readonly SampleGroup[]

/**
 * Reads all VMs in one pass: a list, one call for each VM that lives (state, CPU time and sizes together), and everything
 * else from dom0's sysfs. The fast lane makes no call at all.
 */
export class XenSampler {
  readonly #options: XenSamplerOptions
  readonly #usage = new HostUsage()
  readonly #passes = new Map<string, Promise<unknown>>()
  /** The last list, and who gave it. */
  #listed: { readonly session: Session; readonly domains: Domains } | undefined
  /** A list call that the daemon still owes us an answer to. */
  #listOwed = false

  constructor(options: XenSamplerOptions) {
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
    const which = options.onlyMoved === true ? ['moved'] : (options.vmUuids ?? ['all'])
    const kind = `${[...which].toSorted().join(' ')} ${[...groups].toSorted().join(' ')}`
    const before = this.#passes.get(kind)
    const pass = (before ?? Promise.resolve())
      .catch(() => undefined)
      .then(() => this.#pass({ session, groups, options, signal }))
    this.#passes.set(kind, pass)
    try {
      return await pass
    } finally {
      if (this.#passes.get(kind) === pass) this.#passes.delete(kind)
    }
  }

  async #pass(request: Request): Promise<Sample> {
    const { session, groups, options } = request
    // The fast lane needs no new one: an event tells of every start and stop, and the pass after it lists.
    const known = options.onlyMoved === true && this.#listed?.session === session ? this.#listed : undefined
    const listed = known ?? (await this.#list(request))
    if (!('domains' in listed)) return listed
    const { dom0, guests } = listed.domains
    const chosen = guests.filter(({ uuid }) => options.vmUuids?.has(uuid) ?? true)
    const [served, gaps] = this.#served(groups)
    const pass: Pass = { ...request, served, table: this.#options.disks.deviceTable() }
    const ofHost = groups.has('host') && options.onlyMoved !== true && options.vmUuids === undefined
    const [readings, dom0Info, freeBytes] = await Promise.all([
      Promise.all(chosen.map((domain) => this.#readOne(pass, domain))),
      ofHost && dom0 !== undefined ? this.#info(pass, dom0) : undefined,
      ofHost ? this.#freeBytes(pass) : undefined,
    ])
    if (chosen.length === guests.length && options.onlyMoved !== true && needsInfo(groups)) {
      this.#options.onStates(readings.map(({ domain, stateNumber: state }) => asStats(domain, state)))
    }
    const vms = readings.flatMap(({ vm }) => vm ?? [])
    const all = [...gaps, ...readings.flatMap((reading) => reading.gaps)]
    if (!ofHost) return { vms, gaps: all }
    const { gap, ...memory } = this.#hostMemory(freeBytes)
    return { vms, gaps: [...all, ...(gap ?? [])], host: { ...memory, ...this.#hostCpu(dom0Info, readings) } }
  }

  /** One VM, all of it as close to one moment as can be. */
  async #readOne(pass: Pass, domain: DomainRef): Promise<Reading> {
    const { groups, options, served } = pass
    const { disks, reasons, bootId, memory } = this.#options
    const { uuid, id } = domain
    const alive = id > 0
    const own = served?.get(id) ?? nothingServed
    const nothing: Reading = { domain, stateNumber: stateNumberOf(domain), gaps: [] }
    const wanted = new Set(groups)
    if (options.onlyMoved === true && !(alive && groups.has('block') && disks.hasMoved(id, own))) wanted.delete('block')
    if (wanted.size === 0) return nothing
    const asked = alive && needsInfo(wanted) ? await this.#info(pass, domain) : undefined
    if (asked === 'gone') return { ...nothing, stateNumber: stateNumber.shutoff }
    const info = asked !== undefined && 'state' in asked ? asked : undefined
    const state = info?.state ?? nothing.stateNumber
    const runs = alive && livesIn(state)
    const gaps = asked !== undefined && 'reason' in asked ? this.#gapsOf(domain, wanted, asked) : []
    const base: VmRaw = { uuid, runId: runs ? `${id}-${bootId}` : '', atMs: memory.now(), ...stateOf() }
    if (!runs) return { ...nothing, stateNumber: state, vm: base, gaps }
    const read = this.#fromDom0(pass, domain, own, wanted)
    const { cpu, size } = info === undefined ? { cpu: {}, size: {} } : infoRaw(info)
    return {
      domain,
      stateNumber: state,
      gaps: [...gaps, ...read.gaps],
      ...(info === undefined ? {} : { cpuSeconds: nanosecondsToSeconds(info.cpuNanoseconds) }),
      vm: {
        ...base,
        ...(wanted.has('cpu') ? cpu : {}),
        ...(wanted.has('mem-size') ? size : {}),
        ...read.raw,
        atMs: memory.now(),
      },
    }

    function stateOf(): Pick<VmRaw, 'state' | 'stateReason'> {
      // Of a VM that libvirt did not tell the state of, the list says no more than that it lives.
      if (!wanted.has('state') || (alive && info === undefined)) return {}
      const name = domainState(state, 0).state
      return { state: name, stateReason: reasons.reason(uuid, name) }
    }
  }

  /** What dom0's kernel knows of the VM. */
  #fromDom0(
    { table }: Pass,
    { uuid, id }: DomainRef,
    own: DomainBackends,
    wanted: ReadonlySet<SampleGroup>,
  ): { raw: Partial<VmRaw>; gaps: readonly Gap[] } {
    const { backends, disks, memory } = this.#options
    const gaps: Gap[] = []
    const tried = <Raw extends Partial<VmRaw>>(group: SampleGroup, read: () => Raw): Raw | undefined => {
      if (!wanted.has(group)) return undefined
      try {
        const raw = read()
        memory.gaps.present(uuid, group)
        return raw
      } catch (error) {
        gaps.push(memory.gaps.missing(uuid, group, 'failed', messageOf(error), memory.now()))
        return undefined
      }
    }
    const raw: Partial<VmRaw> = {
      ...tried('block', () => {
        const read = own.disks.length === 0 ? [] : disks.read(id, own, table)
        return read.length === 0 ? {} : { disks: read }
      }),
      ...tried('nic', () => {
        const nics = own.nics.flatMap((nic) => backends.traffic(nic) ?? [])
        return nics.length === 0 ? {} : { nics }
      }),
    }
    return { raw, gaps }
  }

  /** CPU time, sizes and state: one call, which libvirt answers without asking the guest. */
  async #info({ session, signal }: Request, domain: DomainRef): Promise<DomainInfo | 'gone' | Missed> {
    const { memory, vmDeadlineMs } = this.#options
    const key = runKey(domain)
    if (memory.infoQuarantine.permission(key, memory.now()) !== 'yes') {
      return { reason: 'quarantined', message: 'libvirt did not answer for it' }
    }
    try {
      const info = await domainGetInfo(session.control, domain, { deadlineMs: vmDeadlineMs, signal })
      memory.infoQuarantine.answered(key)
      for (const group of ofInfo) memory.gaps.present(domain.uuid, group)
      return info
    } catch (error) {
      if (error instanceof LibvirtError && error.code === errorCode.noDomain) return 'gone'
      return judgeFailure(memory, domain, memory.infoQuarantine, error)
    }
  }

  #gapsOf({ uuid }: DomainRef, wanted: ReadonlySet<SampleGroup>, { reason, message }: Missed): Gap[] {
    const { memory } = this.#options
    return ofInfo
      .filter((group) => wanted.has(group))
      .map((group) => memory.gaps.missing(uuid, group, reason, message, memory.now()))
  }

  /** The back ends of all VMs; a gap of the whole host if they cannot be read, nothing if there are none. */
  #served(
    groups: ReadonlySet<SampleGroup>,
  ): readonly [served: ReadonlyMap<number, DomainBackends> | undefined, gaps: readonly Gap[]] {
    const wanted = (['block', 'nic'] as const).filter((group) => groups.has(group))
    if (wanted.length === 0) return [undefined, []]
    const { memory, backends } = this.#options
    try {
      const served = backends.list()
      for (const group of wanted) memory.gaps.present(undefined, group)
      return [served, []]
    } catch (error) {
      const message = messageOf(error)
      return [undefined, wanted.map((group) => memory.gaps.missing(undefined, group, 'failed', message, memory.now()))]
    }
  }

  async #freeBytes({ session, signal }: Request): Promise<number | Missed> {
    try {
      return toNumber(await nodeGetFreeMemory(session.control, { deadlineMs: listDeadlineMs, signal }))
    } catch (error) {
      if (error instanceof CallAbandoned && error.why === 'aborted') throw error
      return { reason: error instanceof CallAbandoned ? 'timeout' : 'failed', message: messageOf(error) }
    }
  }

  #hostMemory(free: number | Missed | undefined): HostRaw & { readonly gap?: readonly Gap[] } {
    const { memory, machine } = this.#options
    if (typeof free === 'number') {
      memory.gaps.present(undefined, 'host')
      // A new VM gets free memory or none: there is nothing that Xen could give up for it, as page caches are given up.
      return { ...machine, memoryFreeBytes: free, memoryAvailableBytes: free }
    }
    if (free === undefined) return machine
    const { reason, message } = free
    return {
      ...machine,
      gap: [memory.gaps.missing(undefined, 'host', reason, `free memory: ${message}`, memory.now())],
    }
  }

  /** None while any domain's CPU time is unknown: the sum would be too small. */
  #hostCpu(dom0: DomainInfo | 'gone' | Missed | undefined, readings: readonly Reading[]): HostRaw {
    if (dom0 === undefined || dom0 === 'gone' || 'reason' in dom0) return {}
    if (readings.some(({ gaps }) => gaps.some(({ group }) => group === 'cpu'))) return {}
    const guests = readings.flatMap(({ domain, cpuSeconds }): DomainCpu[] =>
      cpuSeconds === undefined ? [] : [{ key: runKey(domain), cpuSeconds }],
    )
    return this.#usage.add(nanosecondsToSeconds(dom0.cpuNanoseconds), guests)
  }

  async #list({ session, groups, signal }: Request): Promise<{ readonly domains: Domains } | Sample> {
    const { memory, reasons, disks } = this.#options
    const allMissing = (reason: GapReason, message: string): Sample => ({
      vms: [],
      gaps: [...groups].map((group) => memory.gaps.missing(undefined, group, reason, message, memory.now())),
    })
    if (this.#listOwed) return allMissing('timeout', 'libvirt has not answered the last list of VMs yet')
    let domains: Domains
    try {
      domains = await listDomains(session.control, { deadlineMs: listDeadlineMs, signal })
    } catch (error) {
      if (error instanceof HypervisorUnavailable) throw error
      const message = `the list of VMs: ${messageOf(error)}`
      if (!(error instanceof CallAbandoned)) return allMissing('failed', message)
      this.#oweList(error.late)
      if (error.why === 'aborted') throw error
      return allMissing('timeout', message)
    }
    for (const group of groups) memory.gaps.present(undefined, group)
    const { dom0, guests } = domains
    forgetAllBut(memory, dom0 === undefined ? guests : [dom0, ...guests])
    reasons.keepOnly(new Set(guests.map(({ uuid }) => uuid)))
    disks.keepOnly(new Set(guests.map(({ id }) => id)))
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

interface Request {
  readonly session: Session
  readonly groups: ReadonlySet<SampleGroup>
  readonly options: SampleOptions
  readonly signal: AbortSignal
}

interface Pass extends Request {
  /** Undefined: not asked for, not to be had, or none. */
  readonly served: ReadonlyMap<number, DomainBackends> | undefined
  readonly table: DeviceTable
}

interface Missed {
  readonly reason: GapReason
  readonly message: string
}

interface Reading {
  readonly domain: DomainRef
  /** As libvirt numbers states; what the list says if nothing more is known. */
  readonly stateNumber: number
  readonly vm?: VmRaw
  readonly cpuSeconds?: number
  readonly gaps: readonly Gap[]
}

const nothingServed: DomainBackends = { disks: [], nics: [] }

function needsInfo(groups: ReadonlySet<SampleGroup>): boolean {
  return ofInfo.some((group) => groups.has(group))
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
