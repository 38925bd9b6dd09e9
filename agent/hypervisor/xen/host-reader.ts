import type { Gap, HostRaw } from '../hypervisor.js'
import type { GapBook } from '../libvirt/gap-book.js'
import { HostUsage } from './host-usage.js'
import type { DomainFigures, Missed, Toolstack } from './toolstack.js'
import type { VmReading, XenPass } from './vm-reader.js'

export interface XenHostReaderOptions {
  readonly toolstack: Toolstack
  readonly gaps: GapBook
  readonly now: () => number
  /** What the hypervisor manages, and its CPUs. */
  readonly machine: { readonly memoryBytes: number; readonly cpuThreads: number }
}

/** What is asked of the host itself, beside its VMs. */
export interface HostAnswers {
  readonly dom0: DomainFigures | 'gone' | Missed | undefined
  readonly free: number | Missed
}

/** The whole machine, of which dom0's own system knows a share. */
export class XenHostReader {
  readonly #usage = new HostUsage()

  constructor(private readonly options: XenHostReaderOptions) {}

  async ask({ list, signal }: XenPass): Promise<HostAnswers> {
    const [dom0, free] = await Promise.all([
      list.dom0 === undefined ? undefined : list.figures(list.dom0, signal),
      this.options.toolstack.freeBytes(signal),
    ])
    return { dom0, free }
  }

  judge(
    { dom0, free }: HostAnswers,
    readings: readonly VmReading[],
    { list }: XenPass,
  ): { readonly host: HostRaw; readonly gaps: readonly Gap[] } {
    const { gaps, now, machine } = this.options
    const cpu = this.#cpu(dom0, readings, list)
    if (typeof free === 'number') {
      gaps.present(undefined, 'host')
      // A new VM gets free memory or none: there is nothing that Xen could give up for it, as page caches are given up.
      return { host: { ...machine, memoryFreeBytes: free, memoryAvailableBytes: free, ...cpu }, gaps: [] }
    }
    const gap = gaps.missing(undefined, 'host', free.reason, `free memory: ${free.message}`, now())
    return { host: { ...machine, ...cpu }, gaps: [gap] }
  }

  /** None while any domain's CPU time is unknown: the sum would be too small. */
  #cpu(dom0: HostAnswers['dom0'], readings: readonly VmReading[], { others }: XenPass['list']): HostRaw {
    if (dom0 === undefined || dom0 === 'gone' || !('state' in dom0) || dom0.cpuSeconds === undefined) return {}
    if (readings.some(({ gaps }) => gaps.some(({ group }) => group === 'cpu'))) return {}
    return this.#usage.add(dom0.cpuSeconds, [...readings.flatMap(({ cpu }) => cpu ?? []), ...others])
  }
}
