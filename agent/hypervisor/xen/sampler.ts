import type { Gap, Sample, SampleGroup, SampleOptions } from '../hypervisor.js'
import { ListReader } from '../libvirt/list-reader.js'
import { PassQueue } from '../libvirt/pass-queue.js'
import type { DomainBackends } from './backend-devices.js'
import { XenHostReader, type XenHostReaderOptions } from './host-reader.js'
import type { DomainList } from './toolstack.js'
import { needsFigures, XenVmReader, type XenPass, type XenVmReaderOptions } from './vm-reader.js'

export type XenSamplerOptions = XenHostReaderOptions & XenVmReaderOptions

/**
 * Reads all VMs in one pass: a list with state, CPU time and sizes from the toolstack, and everything else from dom0's sysfs.
 * The fast lane asks the toolstack nothing at all.
 */
export class XenSampler {
  readonly #options: XenSamplerOptions
  readonly #passes = new PassQueue()
  readonly #list: ListReader<DomainList>
  readonly #vms: XenVmReader
  readonly #host: XenHostReader

  constructor(options: XenSamplerOptions) {
    this.#options = options
    this.#list = new ListReader(options.gaps, options.now)
    this.#vms = new XenVmReader(options)
    this.#host = new XenHostReader(options)
  }

  /**
   * Passes of one kind over the same VMs wait for each other.
   * @throws HypervisorUnavailable when the connection is down, CallAbandoned when the signal aborts
   */
  sample(groups: ReadonlySet<SampleGroup>, options: SampleOptions, signal: AbortSignal): Promise<Sample> {
    return this.#passes.inTurn(groups, options, () => this.#pass(groups, options, signal))
  }

  async #pass(groups: ReadonlySet<SampleGroup>, options: SampleOptions, signal: AbortSignal): Promise<Sample> {
    const { toolstack, disks } = this.#options
    const connection = toolstack.connection()
    // The fast lane needs no new one: an event tells of every start and stop, and the pass after it lists.
    const known = options.onlyMoved === true && !needsFigures(groups) ? this.#list.last(connection) : undefined
    const listed =
      known === undefined ? await this.#list.read(connection, groups, () => this.#ask(signal)) : { list: known }
    if (!('list' in listed)) return listed
    const { list } = listed
    const chosen = list.guests.filter(({ uuid }) => options.vmUuids?.has(uuid) ?? true)
    const [served, unserved] = this.#served(groups)
    const pass: XenPass = { list, groups, options, signal, served, table: disks.deviceTable() }
    const isWhole = options.onlyMoved !== true && options.vmUuids === undefined
    const [readings, answers] = await Promise.all([
      Promise.all(chosen.map((domain) => this.#vms.read(pass, domain))),
      isWhole && groups.has('host') ? this.#host.ask(pass) : undefined,
    ])
    if (isWhole && needsFigures(groups)) toolstack.seen(readings)
    const vms = readings.flatMap(({ vm }) => vm ?? [])
    const gaps = [...unserved, ...readings.flatMap((reading) => reading.gaps)]
    if (answers === undefined) return { vms, gaps }
    const { host, gaps: ofHost } = this.#host.judge(answers, readings, pass)
    return { vms, gaps: [...gaps, ...ofHost], host }
  }

  async #ask(signal: AbortSignal): Promise<DomainList> {
    const { toolstack, gaps, disks } = this.#options
    const list = await toolstack.list(signal)
    gaps.keepOnly(new Set(list.guests.map(({ uuid }) => uuid)))
    disks.keepOnly(new Set(list.guests.map(({ id }) => id)))
    return list
  }

  /** The back ends of all VMs; a gap of the whole host if they cannot be read, nothing if there are none. */
  #served(
    groups: ReadonlySet<SampleGroup>,
  ): readonly [served: ReadonlyMap<number, DomainBackends> | undefined, gaps: readonly Gap[]] {
    const wanted = (['block', 'nic'] as const).filter((group) => groups.has(group))
    if (wanted.length === 0) return [undefined, []]
    const { gaps, now, backends } = this.#options
    try {
      const served = backends.list()
      for (const group of wanted) gaps.present(undefined, group)
      return [served, []]
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error)
      return [undefined, wanted.map((group) => gaps.missing(undefined, group, 'failed', message, now()))]
    }
  }
}
