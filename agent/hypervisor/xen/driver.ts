import { setMaxListeners } from 'node:events'
import path from 'node:path'

import { createLocalFiles } from '../../host/local-files.js'
import type { MachineFiles } from '../../host/machine-files.js'
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
} from '../hypervisor.js'
import { isTelling, parseCapabilities } from '../libvirt/capabilities-xml.js'
import type { Caller } from '../libvirt/connection.js'
import type { LibvirtOptions } from '../libvirt/driver.js'
import { EventQueue } from '../libvirt/event-queue.js'
import { EventSource } from '../libvirt/event-source.js'
import { getCapabilities, nodeGetInfo } from '../libvirt/procedures.js'
import { createReaderMemory, type ReaderMemory } from '../libvirt/reader-memory.js'
import { SessionKeeper } from '../libvirt/session-keeper.js'
import { openSession, type Session } from '../libvirt/session.js'
import { toNumber } from '../libvirt/xdr.js'
import { BackendDevices } from './backend-devices.js'
import { DiskReader } from './disk-reader.js'
import { askStates } from './domains.js'
import { XenInventoryReader } from './inventory.js'
import { probeXen } from './probe.js'
import { XenSampler } from './sampler.js'
import { StateReasons } from './state-reasons.js'

export interface XenOptions extends Omit<LibvirtOptions, 'fastVmDeadlineMs'> {
  /** Makes an id for a host that has none: libvirt's Xen driver gives none, and not all firmware does. To be kept. */
  readonly newHostId: () => string
}

type OpenXenOptions = XenOptions & { readonly files: MachineFiles }

/**
 * Connects to libvirt in dom0 for reading. The driver comes back by itself whenever the daemon does.
 * @throws HypervisorDenied, HypervisorUnavailable if the first connection fails
 */
export async function openXen(options: XenOptions): Promise<XenHypervisor> {
  const files = options.files ?? createLocalFiles()
  const memory = await createReaderMemory({ ...options, files })
  const hypervisor = new XenHypervisor({ ...options, files }, memory)
  await hypervisor.connect()
  return hypervisor
}

type FollowedSession = Session & { readonly hasEvents: boolean }

/** What stays the same until the host boots again. */
interface Known {
  readonly identity: HostIdentity
  readonly machine: { readonly memoryBytes: number; readonly cpuThreads: number }
  readonly sampler: XenSampler
  readonly inventory: XenInventoryReader
}

/** Xen through libvirt's libxl driver and dom0's sysfs. Made by `openXen`. */
export class XenHypervisor implements Hypervisor {
  readonly #options: OpenXenOptions
  readonly #memory: ReaderMemory
  readonly #backends: BackendDevices
  readonly #reasons = new StateReasons()
  readonly #queue = new EventQueue()
  readonly #events: EventSource
  readonly #keeper: SessionKeeper<FollowedSession>
  #known: Known | undefined

  constructor(options: OpenXenOptions, memory: ReaderMemory) {
    this.#options = options
    this.#memory = memory
    const { now, log, sysRoot, files } = options
    this.#backends = new BackendDevices(sysRoot, files)
    this.#events = new EventSource({
      now,
      log,
      onEvent: (event) => {
        this.#reasons.happened(event)
        this.#queue.push(event)
      },
      onChange: (uuid) => memory.definitions.invalidate(uuid),
      list: (caller) => askStates(caller, this.#reasons),
    })
    this.#keeper = new SessionKeeper({
      open: () => this.#open(),
      onLost: (reason) => {
        memory.definitions.invalidateAll()
        this.#tell('hypervisor-lost', reason)
      },
      onBack: ({ socket }) => this.#tell('hypervisor-back', socket),
      log,
    })
  }

  get identity(): HostIdentity {
    return this.#knowing().identity
  }

  /** The socket in use; undefined while the connection is down. */
  get socket(): string | undefined {
    return this.#keeper.session?.socket
  }

  /** Events lost because nobody read them in time. */
  get droppedEvents(): number {
    return this.#queue.dropped
  }

  /** Makes the first connection and keeps it from then on. Once. */
  async connect(): Promise<void> {
    await this.#keeper.start(async ({ control }) => {
      this.#known = await this.#learn(control)
    })
  }

  async probe(signal: AbortSignal): Promise<readonly Capability[]> {
    manyListeners(signal)
    return probeXen(this.#keeper.connected(), this.#memory, this.#backends, signal)
  }

  async inventory(signal: AbortSignal): Promise<Inventory> {
    manyListeners(signal)
    const session = this.#keeper.connected()
    return this.#knowing().inventory.read(session, signal)
  }

  async sample(groups: ReadonlySet<SampleGroup>, options: SampleOptions, signal: AbortSignal): Promise<Sample> {
    manyListeners(signal)
    const session = this.#keeper.connected()
    return this.#knowing().sampler.sample(session, groups, options, signal)
  }

  events(signal: AbortSignal): AsyncIterable<HypervisorEvent> {
    return this.#queue.read(signal)
  }

  async close(): Promise<void> {
    this.#queue.close()
    await this.#keeper.close()
  }

  #knowing(): Known {
    if (this.#known === undefined) throw new HypervisorUnavailable(this.#keeper.away)
    return this.#known
  }

  async #open(): Promise<FollowedSession> {
    const { socket, endpoint, runRoot = '/run/libvirt', uri } = this.#options
    const session = await openSession({
      ...(socket === undefined ? {} : { socket }),
      ...(endpoint === undefined ? {} : { endpoint }),
      runRoot,
      uri,
      onMessage: (procedure, payload) => this.#events.receive(procedure, payload),
    })
    try {
      return { ...session, hasEvents: await this.#events.follow(session.control) }
    } catch (error) {
      session.close()
      throw error
    }
  }

  async #learn(caller: Caller): Promise<Known> {
    const { files, hostName, procRoot, sysRoot, createResolver, log, vmDeadlineMs = 2000 } = this.#options
    const bootId = await readText(files, path.join(procRoot, 'sys/kernel/random/boot_id'))
    const hostId = await findHostId(caller, this.#options)
    const node = await nodeGetInfo(caller)
    const machine = { memoryBytes: toNumber(node.memoryKib) * 1024, cpuThreads: node.cpus }
    const memory = this.#memory
    const backends = this.#backends
    return {
      identity: { hostId, name: hostName, kind: 'xen', bootId, simulated: false },
      machine,
      inventory: new XenInventoryReader({
        files,
        hostName,
        sysRoot,
        memory,
        backends,
        resolveArray: createResolver(hostId),
        log,
      }),
      sampler: new XenSampler({
        memory,
        backends,
        disks: new DiskReader(backends, procRoot, files),
        reasons: this.#reasons,
        bootId: bootId.slice(0, 8),
        machine,
        vmDeadlineMs,
        onStates: (states) => this.#events.observe(states),
      }),
    }
  }

  #tell(kind: 'hypervisor-lost' | 'hypervisor-back', message: string): void {
    this.#queue.push({ atMs: this.#options.now(), kind, reason: 'unknown', message })
  }
}

/** A pass over many VMs has as many calls that listen to its signal: no leak, and nothing to warn of. */
function manyListeners(signal: AbortSignal): void {
  setMaxListeners(0, signal)
}

/** As it was at first; else libvirt's, which libxl does not give; else the firmware's; else a new one. */
async function findHostId(caller: Caller, { files, hostId, sysRoot, newHostId, log }: OpenXenOptions): Promise<string> {
  const known = hostId ?? parseCapabilities(await getCapabilities(caller)).uuid
  if (known !== undefined) return known
  const firmware = (await readText(files, path.join(sysRoot, 'class/dmi/id/product_uuid'))).toLowerCase()
  if (isTelling(firmware)) return firmware
  log.warn('neither libvirt nor the firmware has a UUID for this host: it gets a new one')
  return newHostId()
}

async function readText(files: MachineFiles, file: string): Promise<string> {
  const bytes = await files.readFile(file).catch(() => undefined)
  return bytes?.toString('utf8').trim() ?? ''
}
