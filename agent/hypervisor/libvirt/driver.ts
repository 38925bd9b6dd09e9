import { setMaxListeners } from 'node:events'
import path from 'node:path'

import type { Log } from '../../../common/log.js'
import { createLocalFiles } from '../../host/local-files.js'
import type { MachineFiles } from '../../host/machine-files.js'
import {
  HypervisorUnavailable,
  type Capability,
  type Hypervisor,
  type HypervisorEvent,
  type HostIdentity,
  type Inventory,
  type Sample,
  type SampleGroup,
  type SampleOptions,
} from '../hypervisor.js'
import { parseCapabilities } from './capabilities-xml.js'
import type { MigrationSettings } from './control-migration.js'
import { LibvirtControl } from './control.js'
import type { Endpoint } from './endpoint.js'
import { EventQueue } from './event-queue.js'
import { EventSource } from './event-source.js'
import { InventoryReader, type ResolveArray } from './inventory.js'
import { probeLibvirt } from './probe.js'
import { getCapabilities } from './procedures.js'
import { createReaderMemory, type ReaderMemory } from './reader-memory.js'
import { Sampler } from './sampler.js'
import { SessionKeeper } from './session-keeper.js'
import type { Session } from './session.js'

export interface LibvirtOptions {
  /** The files of the machine that libvirt runs on; this machine's if absent. */
  readonly files?: MachineFiles
  /** The only socket to use; if absent, those of libvirt's daemons in `runRoot`, read-only ones first. */
  readonly socket?: string
  /** The only way to libvirt, instead of a socket of this machine. */
  readonly endpoint?: Endpoint
  /** Default `/run/libvirt`. */
  readonly runRoot?: string
  readonly uri: string
  readonly procRoot: string
  readonly sysRoot: string
  readonly hostName: string
  /**
   * Names the host instead of libvirt's UUID. Needed where the firmware has none: libvirt then makes up another one each time
   * it starts, unless `host_uuid` in libvirtd.conf says otherwise.
   */
  readonly hostId?: string
  readonly log: Log
  /** Wall clock, milliseconds since the epoch. */
  readonly now: () => number
  /** Makes what finds the array of a disk, once it is known which host this is. */
  readonly createResolver: (hostId: string) => ResolveArray
  /** For all calls to one VM in one pass; default 2 s. */
  readonly vmDeadlineMs?: number
  /** Whether its VMs may be acted on, over a connection of its own; default false: nothing but reading. */
  readonly control?: boolean
  /** Where its VMs may move to. */
  readonly migration?: MigrationSettings
  /** The same in passes with `onlyMoved`, which have to fit into a second; default 0.8 s. */
  readonly fastVmDeadlineMs?: number
}

/**
 * Connects to libvirt for reading. The driver comes back by itself whenever the daemon does.
 * @throws HypervisorDenied, HypervisorUnavailable if the first connection fails
 */
export async function openLibvirt(options: LibvirtOptions): Promise<LibvirtHypervisor> {
  const files = options.files ?? createLocalFiles()
  const memory = await createReaderMemory({ ...options, files })
  const hypervisor = new LibvirtHypervisor({ ...options, files }, memory)
  await hypervisor.connect()
  return hypervisor
}

type OpenLibvirtOptions = LibvirtOptions & { readonly files: MachineFiles }

/** KVM and QEMU through libvirt. Made by `openLibvirt`. */
export class LibvirtHypervisor implements Hypervisor {
  readonly #options: OpenLibvirtOptions
  readonly #memory: ReaderMemory
  readonly #sampler: Sampler
  readonly #queue = new EventQueue()
  readonly #keeper: SessionKeeper
  readonly control: LibvirtControl | undefined
  #inventory: InventoryReader | undefined
  #identity: HostIdentity | undefined

  constructor(options: OpenLibvirtOptions, memory: ReaderMemory) {
    this.#options = options
    this.#memory = memory
    const { socket, endpoint, runRoot = '/run/libvirt', uri } = options
    const { vmDeadlineMs = 2000, fastVmDeadlineMs = 800, now, log } = options
    // Another machine's socket is one for reading.
    const { files, sysRoot } = options
    const hasPath = (path: string): Promise<boolean> =>
      files.realPath(path).then(
        () => true,
        () => false,
      )
    const migration = options.migration && {
      ...options.migration,
      hasPath,
      hasBridge: (name: string) => hasPath(`${sysRoot}/class/net/${name}/bridge`),
    }
    const acts = options.control === true && endpoint === undefined
    this.control = acts ? new LibvirtControl({ socket, runRoot, uri, migration }) : undefined
    const events = new EventSource({
      now,
      log,
      onEvent: (event) => this.#queue.push(event),
      onChange: (uuid) => memory.definitions.invalidate(uuid),
    })
    this.#sampler = new Sampler({ memory, vmDeadlineMs, fastVmDeadlineMs, onList: (list) => events.observe(list) })
    this.#keeper = new SessionKeeper({
      session: {
        ...(socket === undefined ? {} : { socket }),
        ...(endpoint === undefined ? {} : { endpoint }),
        runRoot,
        uri,
      },
      events,
      onLost: () => memory.definitions.invalidateAll(),
      onEvent: (event) => this.#queue.push(event),
      now,
      log,
    })
  }

  get identity(): HostIdentity {
    if (this.#identity === undefined) throw new HypervisorUnavailable(this.#keeper.away)
    return this.#identity
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
    await this.#keeper.start(async (session) => {
      this.#identity = await identify(session, this.#options)
      const { createResolver, hostName, log, vmDeadlineMs = 2000 } = this.#options
      const resolveArray = createResolver(this.#identity.hostId)
      this.#inventory = new InventoryReader({ hostName, memory: this.#memory, resolveArray, vmDeadlineMs, log })
    })
  }

  async probe(signal: AbortSignal): Promise<readonly Capability[]> {
    return probeLibvirt(this.#keeper.connected(), this.#memory, signal)
  }

  async inventory(signal: AbortSignal): Promise<Inventory> {
    const session = this.#keeper.connected()
    manyListeners(signal)
    if (this.#inventory === undefined) throw new HypervisorUnavailable(this.#keeper.away)
    return this.#inventory.read(session, signal)
  }

  async sample(groups: ReadonlySet<SampleGroup>, options: SampleOptions, signal: AbortSignal): Promise<Sample> {
    manyListeners(signal)
    return this.#sampler.sample(this.#keeper.connected(), groups, options, signal)
  }

  events(signal: AbortSignal): AsyncIterable<HypervisorEvent> {
    return this.#queue.read(signal)
  }

  async close(): Promise<void> {
    this.#queue.close()
    this.control?.close()
    await this.#keeper.close()
  }
}

/** A pass over many VMs has as many calls that listen to its signal: no leak, and nothing to warn of. */
function manyListeners(signal: AbortSignal): void {
  setMaxListeners(0, signal)
}

async function identify(session: Session, options: OpenLibvirtOptions): Promise<HostIdentity> {
  const { files, hostName, procRoot, sysRoot, log } = options
  let { hostId } = options
  if (hostId === undefined) {
    hostId = parseCapabilities(await getCapabilities(session.control)).uuid
    const firmware = path.join(sysRoot, 'class/dmi/id/product_uuid')
    if (!(await isThere(files, firmware))) log.warn({ hostId }, 'no UUID in the firmware: libvirt may have made one up')
  }
  if (hostId === undefined) {
    throw new HypervisorUnavailable('libvirt gives no UUID for this host: set host_uuid in libvirtd.conf')
  }
  const bootId = await files.readFile(path.join(procRoot, 'sys/kernel/random/boot_id')).catch(() => '')
  return { hostId, name: hostName, kind: 'kvm', bootId: bootId.toString().trim(), simulated: false }
}

/** Only root may read it, but anybody may see it. */
async function isThere(files: MachineFiles, file: string): Promise<boolean> {
  try {
    const names = await files.readDirectory(path.dirname(file))
    return names.includes(path.basename(file))
  } catch {
    return false
  }
}
