import type { Gap, SampleGroup, SampleOptions, VmRaw } from '../hypervisor.js'
import { hasProcess } from '../libvirt/domain-state.js'
import type { GapBook } from '../libvirt/gap-book.js'
import type { BackendDevices, DomainBackends } from './backend-devices.js'
import type { DeviceTable, DiskReader } from './disk-reader.js'
import type { Domain, DomainCpu, DomainFigures, DomainList, Missed, SeenState } from './toolstack.js'

export interface XenVmReaderOptions {
  readonly gaps: GapBook
  readonly now: () => number
  readonly backends: BackendDevices
  readonly disks: DiskReader
  /** Tells this boot of the host from others: domain ids begin anew with each. */
  readonly bootId: string
}

/** One pass over the VMs of a list. */
export interface XenPass {
  readonly list: DomainList
  readonly groups: ReadonlySet<SampleGroup>
  readonly options: SampleOptions
  readonly signal: AbortSignal
  /** What dom0 serves; undefined: not asked for, not to be had, or none. */
  readonly served: ReadonlyMap<number, DomainBackends> | undefined
  readonly table: DeviceTable
}

export interface VmReading extends SeenState {
  readonly vm?: VmRaw
  readonly cpu?: DomainCpu
  readonly gaps: readonly Gap[]
}

/** Groups that the toolstack tells, all at once. */
const told = ['state', 'cpu', 'mem-size'] as const satisfies readonly SampleGroup[]

export function needsFigures(groups: ReadonlySet<SampleGroup>): boolean {
  return told.some((group) => groups.has(group))
}

const nothingServed: DomainBackends = { disks: [], nics: [] }

/** Reads one VM, all of it as close to one moment as can be: what the toolstack tells, and what dom0's kernel counts. */
export class XenVmReader {
  constructor(private readonly options: XenVmReaderOptions) {}

  async read(pass: XenPass, domain: Domain): Promise<VmReading> {
    const { list, groups, options, served, signal } = pass
    const { disks, bootId, now } = this.options
    const { uuid, id } = domain
    const alive = id > 0
    const own = served?.get(id) ?? nothingServed
    const wanted = new Set(groups)
    if (options.onlyMoved === true && !(alive && groups.has('block') && disks.hasMoved(id, own))) wanted.delete('block')
    if (wanted.size === 0) return { domain, state: undefined, gaps: [] }
    const answer = needsFigures(wanted) ? await list.figures(domain, signal) : undefined
    if (answer === 'gone') return { domain, state: 'shutoff', gaps: [] }
    const { figures, gaps } = this.#judge(domain, wanted, answer)
    const state = figures?.state
    const runs = alive && (state === undefined || hasProcess(state))
    const vm: VmRaw = {
      uuid,
      runId: runs ? `${id}-${bootId}` : '',
      atMs: now(),
      // Of a VM whose state was not told, the list says no more than that it lives.
      ...(figures === undefined || !wanted.has('state')
        ? {}
        : { state: figures.state, stateReason: figures.stateReason }),
    }
    if (!runs) return { domain, state, vm, gaps }
    const kernel = this.#fromDom0(pass, domain, own, wanted)
    const { cpuSeconds } = figures ?? {}
    return {
      domain,
      state,
      gaps: [...gaps, ...kernel.gaps],
      ...(cpuSeconds === undefined ? {} : { cpu: { id, cpuSeconds } }),
      vm: { ...vm, ...(figures === undefined ? {} : figuresRaw(figures, wanted)), ...kernel.raw, atMs: now() },
    }
  }

  #judge(
    { uuid }: Domain,
    wanted: ReadonlySet<SampleGroup>,
    answer: DomainFigures | Missed | undefined,
  ): { readonly figures: DomainFigures | undefined; readonly gaps: readonly Gap[] } {
    const { gaps, now } = this.options
    if (answer === undefined) return { figures: undefined, gaps: [] }
    if ('state' in answer) {
      for (const group of told) gaps.present(uuid, group)
      return { figures: answer, gaps: [] }
    }
    const { reason, message } = answer
    const missing = told.filter((group) => wanted.has(group))
    return { figures: undefined, gaps: missing.map((group) => gaps.missing(uuid, group, reason, message, now())) }
  }

  /** What dom0's kernel knows of the VM. */
  #fromDom0(
    { table }: XenPass,
    { uuid, id }: Domain,
    own: DomainBackends,
    wanted: ReadonlySet<SampleGroup>,
  ): { readonly raw: Partial<VmRaw>; readonly gaps: readonly Gap[] } {
    const { backends, disks, gaps: book, now } = this.options
    const gaps: Gap[] = []
    const tried = <Raw extends Partial<VmRaw>>(group: SampleGroup, read: () => Raw): Raw | undefined => {
      if (!wanted.has(group)) return undefined
      try {
        const raw = read()
        book.present(uuid, group)
        return raw
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error)
        gaps.push(book.missing(uuid, group, 'failed', message, now()))
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
}

function figuresRaw(
  { cpuSeconds, vcpus, memoryMaxBytes, memoryBytes }: DomainFigures,
  wanted: ReadonlySet<SampleGroup>,
): Partial<VmRaw> {
  const cpu = wanted.has('cpu')
  const size = wanted.has('mem-size')
  return {
    ...(cpu && cpuSeconds !== undefined ? { cpuSeconds } : {}),
    ...(cpu && vcpus !== undefined ? { vcpus } : {}),
    ...(size && memoryMaxBytes !== undefined ? { memoryMaxBytes } : {}),
    ...(size && memoryBytes !== undefined ? { memoryBytes } : {}),
  }
}
