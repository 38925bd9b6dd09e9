import { Backoff } from '../../../common/backoff.js'
import { pause } from '../../../common/lifecycle.js'
import type { Log } from '../../../common/log.js'
import {
  HypervisorUnavailable,
  type Capability,
  type HostIdentity,
  type Hypervisor,
  type HypervisorEvent,
  type Inventory,
  type Sample,
  type SampleGroup,
  type SampleOptions,
  type VmControl,
} from '../hypervisor.js'
import { EventQueue } from '../libvirt/event-queue.js'
import { GapBook } from '../libvirt/gap-book.js'
import type { Lane } from './file-copy.js'
import type { RemoteReader } from './remote-reader.js'

export interface RemoteHypervisorOptions {
  readonly reader: Pick<RemoteReader, 'bootId' | 'refresh'>
  /** Opens the driver proper, on the reader's files, for this life of the host. */
  readonly open: () => Promise<Hypervisor>
  /** Ends the connection. */
  readonly close: () => Promise<void>
  readonly log: Log
  readonly now: () => number
}

const reopen = { baseMs: 200, capMs: 4000 } as const
const bootedAnew = 'the host was booted anew'

/**
 * A hypervisor on another machine: the same driver as on its own, on a copy of its files. A pass waits for a fresh copy first.
 * When the host boots anew, the driver is opened anew with it, as an agent on that host would be.
 */
export class RemoteHypervisor implements Hypervisor {
  readonly #options: RemoteHypervisorOptions
  readonly #queue = new EventQueue()
  readonly #gaps = new GapBook()
  readonly #closing = new AbortController()
  readonly #ending = new Set<Promise<unknown>>()
  #driver: Hypervisor | undefined
  /** Of the driver's events; ends with it. */
  #following: Promise<void> = Promise.resolve()
  #identity: HostIdentity
  #away = bootedAnew

  private constructor(options: RemoteHypervisorOptions, driver: Hypervisor) {
    this.#options = options
    this.#identity = driver.identity
    this.#use(driver)
  }

  /** @throws what `open` throws */
  static async open(options: RemoteHypervisorOptions): Promise<RemoteHypervisor> {
    return new RemoteHypervisor(options, await options.open())
  }

  get identity(): HostIdentity {
    // A boot is heard of by the reader first.
    return { ...this.#identity, bootId: this.#options.reader.bootId ?? '' }
  }

  /** Of the present life of the host. */
  get control(): VmControl | undefined {
    return this.#driver?.control
  }

  async probe(signal: AbortSignal): Promise<readonly Capability[]> {
    await this.#options.reader.refresh('inventory', signal)
    const found = await this.#current().probe(signal)
    return this.#identity.kind === 'kvm' ? found.map(withoutProcesses) : found
  }

  async inventory(signal: AbortSignal): Promise<Inventory> {
    await this.#options.reader.refresh('inventory', signal)
    return this.#current().inventory(signal)
  }

  async sample(groups: ReadonlySet<SampleGroup>, options: SampleOptions, signal: AbortSignal): Promise<Sample> {
    const missing = await this.#refresh(this.#laneOf(groups, options), signal)
    const sample = await this.#current().sample(groups, options, signal)
    if (!groups.has('host')) return sample
    const { now } = this.#options
    if (missing === undefined) {
      this.#gaps.present(undefined, 'host')
      return sample
    }
    const gap = this.#gaps.missing(undefined, 'host', 'disconnected', missing, now())
    // One for the host is enough; of which figure the driver misses says less.
    const others = sample.gaps.filter(({ vmUuid, group }) => vmUuid !== undefined || group !== 'host')
    return { ...sample, gaps: [...others, gap] }
  }

  events(signal: AbortSignal): AsyncIterable<HypervisorEvent> {
    return this.#queue.read(signal)
  }

  /** The host has booted: what is known of its domains is of another life. */
  booted(): void {
    const driver = this.#driver
    if (driver === undefined || this.#closing.signal.aborted) return
    this.#driver = undefined
    this.#away = bootedAnew
    this.#options.log.info(bootedAnew)
    // What the former driver had to tell comes before the rest.
    this.#end(driver.close())
    this.#end(this.#reopen(this.#following))
  }

  async close(): Promise<void> {
    this.#closing.abort()
    this.#queue.close()
    // Together: the driver may be waiting for the connection.
    await Promise.all([this.#driver?.close(), this.#options.close()])
    await Promise.all(this.#ending)
  }

  #current(): Hypervisor {
    if (this.#driver === undefined) throw new HypervisorUnavailable(this.#away)
    return this.#driver
  }

  /** @returns why the files are not fresh, if they are not: the driver then marks what it misses */
  async #refresh(lane: Lane | undefined, signal: AbortSignal): Promise<string | undefined> {
    if (lane === undefined) return undefined
    try {
      await this.#options.reader.refresh(lane, signal)
      return undefined
    } catch (error) {
      if (signal.aborted) throw error
      return error instanceof Error ? error.message : String(error)
    }
  }

  /** What the driver reads from files. That of KVM reads VMs from libvirt alone, as their processes are elsewhere. */
  #laneOf(groups: ReadonlySet<SampleGroup>, { onlyMoved }: SampleOptions): Lane | undefined {
    if (this.#identity.kind === 'kvm') return groups.has('host') ? 'state' : undefined
    return onlyMoved === true ? 'fast' : 'state'
  }

  #use(driver: Hypervisor): void {
    this.#driver = driver
    this.#identity = driver.identity
    this.#following = this.#follow(driver)
    this.#end(this.#following)
  }

  async #follow(driver: Hypervisor): Promise<void> {
    for await (const event of driver.events(this.#closing.signal)) this.#queue.push(event)
  }

  async #reopen(former: Promise<void>): Promise<void> {
    const { open, reader, log, now } = this.#options
    const { signal } = this.#closing
    const backoff = new Backoff(reopen)
    await former.catch(() => undefined)
    while (!signal.aborted) {
      const { bootId } = reader
      try {
        const driver = await open()
        if (!signal.aborted && reader.bootId === bootId) {
          this.#use(driver)
          log.info('the host can be read again after its boot')
          this.#queue.push({ atMs: now(), kind: 'hypervisor-back', reason: 'unknown', message: bootedAnew })
          return
        }
        await driver.close()
      } catch (error) {
        this.#away = `${bootedAnew}: ${error instanceof Error ? error.message : String(error)}`
      }
      await pause(backoff.nextMs(), signal)
    }
  }

  /** Waited for when all is closed. */
  #end(work: Promise<unknown>): void {
    const ended = work.catch((error: unknown) => {
      this.#options.log.error({ err: error }, 'a driver of another life did not end well')
    })
    this.#ending.add(ended)
    void ended.then(() => this.#ending.delete(ended))
  }
}

function withoutProcesses(capability: Capability): Capability {
  if (capability.name !== 'memory-rss') return capability
  return { name: 'memory-rss', support: 'no', reason: "over ssh the VMs' processes are not looked at" }
}
