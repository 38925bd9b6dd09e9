import type { Log } from '../../../common/log.js'
import { EventQueue } from '../libvirt/event-queue.js'
import {
  HypervisorDenied,
  HypervisorUnavailable,
  type Capability,
  type HostIdentity,
  type Hypervisor,
  type HypervisorEvent,
  type Inventory,
  type Sample,
  type SampleGroup,
  type SampleOptions,
} from '../hypervisor.js'
import { esxiCapabilities } from './esxi-capabilities.js'
import { EsxiControl } from './esxi-control.js'
import { esxiInventory } from './esxi-inventory.js'
import { hostIn, hostPaths, storageOf, type EsxiHostFacts } from './host-facts.js'
import { HostReader, type HostContext } from './host-reader.js'
import { readObjects } from './properties.js'
import type { Invoke, Login, ServiceContent } from './session.js'
import type { Site } from './site.js'
import { SoapFault } from './soap-message.js'
import { datastorePaths, datastoresOf } from './storage-facts.js'
import { saveTotals, type HostTotals } from './totals-file.js'
import type { WatchedVms } from './vm-watch.js'
import { eventsBetween } from './watch-events.js'

export interface EsxiHypervisorOptions {
  readonly site: Site
  readonly host: EsxiHostFacts
  readonly hostId: string
  /** The totals of the last life, and where those of this one are kept. */
  readonly kept: HostTotals
  readonly totalsPath: string
  /** Whether it may act on the VMs. */
  readonly acts: boolean
  readonly now: () => number
  readonly log: Log
  /** Called once, when this host is not read any more. */
  readonly onClose: () => Promise<void>
}

/** One ESXi host, reached directly or through its vCenter. Made by `openEsxi`. */
export class EsxiHypervisor implements Hypervisor {
  readonly paced = 'by-hypervisor'
  readonly control: EsxiControl | undefined
  readonly #options: EsxiHypervisorOptions
  readonly #reader: HostReader
  readonly #queue = new EventQueue(10_000)
  #context: HostContext | undefined
  #saved: HostTotals
  #isClosed = false

  constructor(options: EsxiHypervisorOptions) {
    this.#options = options
    this.control = options.acts ? new EsxiControl(options.site, options.host.id) : undefined
    this.#reader = new HostReader(options.site, options.now, options.kept)
    this.#saved = options.kept
  }

  get identity(): HostIdentity {
    const { hostId, host } = this.#options
    const { facts } = this.#context ?? { facts: host }
    return { hostId, name: facts.name, kind: 'esxi', bootId: facts.bootTime, simulated: false }
  }

  probe(signal: AbortSignal): Promise<readonly Capability[]> {
    return this.#run(signal, async (invoke, login) =>
      esxiCapabilities(await this.#options.site.counters(invoke, login)),
    )
  }

  inventory(signal: AbortSignal): Promise<Inventory> {
    const { site, host } = this.#options
    return this.#run(signal, async (invoke, { content }) => {
      const context = await this.#readContext(invoke, content)
      const vms = site.vmsOn(host.id)
      const definitions = await site.definitions(invoke, content, vms, { isFresh: true })
      return esxiInventory(
        context.facts,
        context.datastores,
        vms.map((vm) => ({ vm, definition: definitions.get(vm.id) })),
      )
    })
  }

  /** All groups at once: the server has one answer for all of them. Between two intervals there is nothing to ask for. */
  async sample(_groups: ReadonlySet<SampleGroup>, _options: SampleOptions, signal: AbortSignal): Promise<Sample> {
    const sample = await this.#run(signal, async (invoke, login) => {
      const context = this.#context ?? (await this.#readContext(invoke, login.content))
      return this.#reader.read(invoke, login, context)
    })
    await this.#keepTotals()
    return sample
  }

  events(signal: AbortSignal): AsyncIterable<HypervisorEvent> {
    return this.#queue.read(signal)
  }

  /** What is with the VMs, as it was and as it is. */
  changed(before: WatchedVms, after: WatchedVms): void {
    const atMs = this.#options.now()
    for (const event of eventsBetween(before, after, { hostId: this.#options.host.id, atMs })) {
      if (event.kind === 'started' && event.vmUuid !== undefined) this.#reader.started(event.vmUuid, atMs)
      this.#queue.push(event)
    }
  }

  tell(kind: 'hypervisor-lost' | 'hypervisor-back', message: string): void {
    this.#queue.push({ atMs: this.#options.now(), kind, reason: 'unknown', message })
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#queue.close()
    await this.#options.onClose()
  }

  /**
   * Keeps the totals from which this pass was made, before it is handed over. A life that ends before the pass is safe in the
   * spool tells it again: the same totals at the same times, which count once.
   */
  async #keepTotals(): Promise<void> {
    const { totalsPath, log } = this.#options
    const { replayable } = this.#reader
    const isNews = replayable.host?.atMs !== this.#saved.host?.atMs || replayable.vms.size !== this.#saved.vms.size
    if (!isNews) return
    this.#saved = replayable
    try {
      await saveTotals(totalsPath, replayable)
    } catch (error) {
      log.warn({ err: error, path: totalsPath }, 'totals could not be kept: a restart would begin counting anew')
    }
  }

  async #readContext(invoke: Invoke, content: ServiceContent): Promise<HostContext> {
    const { host, hostId } = this.#options
    const [object] = await readObjects(invoke, content, { type: 'HostSystem', paths: hostPaths, ids: [host.id] })
    const facts = object === undefined ? undefined : hostIn(object)
    if (object === undefined || facts === undefined)
      throw new HypervisorUnavailable(`the server tells nothing of ${host.name}`)
    const query = { type: 'Datastore', paths: datastorePaths, ids: facts.datastoreIds }
    const datastores = await readObjects(invoke, content, query)
    this.#context = {
      facts,
      datastores: datastoresOf(datastores, { hostId, objectId: host.id, storage: storageOf(object) }),
    }
    return this.#context
  }

  async #run<Result>(signal: AbortSignal, work: (invoke: Invoke, login: Login) => Promise<Result>): Promise<Result> {
    if (this.#isClosed) throw new HypervisorUnavailable('closed')
    try {
      return await this.#options.site.session.run(signal, work)
    } catch (error) {
      if (error instanceof SoapFault && error.fault === 'NoPermission') {
        throw new HypervisorDenied(`the account may not read: ${error.message}`, { cause: error })
      }
      throw error
    }
  }
}
