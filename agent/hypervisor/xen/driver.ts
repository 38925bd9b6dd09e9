import { setMaxListeners } from 'node:events'
import path from 'node:path'

import type { Log } from '../../../common/log.js'
import { createLocalFiles } from '../../host/local-files.js'
import type { MachineFiles } from '../../host/machine-files.js'
import type {
  Capability,
  HostIdentity,
  Hypervisor,
  HypervisorEvent,
  Inventory,
  Sample,
  SampleGroup,
  SampleOptions,
} from '../hypervisor.js'
import { isTelling } from '../libvirt/capabilities-xml.js'
import type { LibvirtControl } from '../libvirt/control.js'
import type { Endpoint } from '../libvirt/endpoint.js'
import { EventQueue } from '../libvirt/event-queue.js'
import { GapBook } from '../libvirt/gap-book.js'
import type { ResolveArray } from '../libvirt/inventory.js'
import { createReaderMemory } from '../libvirt/reader-memory.js'
import { BackendDevices } from './backend-devices.js'
import { XenControl, type XenControlOptions } from './control.js'
import { DiskReader } from './disk-reader.js'
import { XenInventoryReader } from './inventory.js'
import { LibvirtToolstack } from './libvirt-toolstack.js'
import { probeXen } from './probe.js'
import { XenSampler } from './sampler.js'
import { ToolToolstack } from './tool-toolstack.js'
import type { Toolstack, ToolstackHost } from './toolstack.js'
import type { XenActor } from './xen-acts.js'
import type { XenToolOutput } from './xen-tools.js'

export interface XenOptions {
  /** The files of dom0; this machine's if absent. */
  readonly files?: MachineFiles
  readonly management: LibvirtManagement | ToolManagement
  readonly procRoot: string
  readonly sysRoot: string
  readonly hostName: string
  /** As it was at first; absent: the host's own, if it has one. */
  readonly hostId?: string
  /** Makes an id for a host that has none: no management software gives one, and not all firmware does. To be kept. */
  readonly newHostId: () => string
  readonly log: Log
  /** Wall clock, milliseconds since the epoch. */
  readonly now: () => number
  /** What acts on its VMs; absent: they are only read. */
  readonly control?:
    | {
        readonly actor: XenActor
        readonly info: XenControlOptions['info']
        readonly libvirt?: LibvirtControl | undefined
      }
    | undefined
  /** Makes what finds the array of a disk, once it is known which host this is. */
  readonly createResolver: (hostId: string) => ResolveArray
}

/** libvirt's daemon in dom0. */
export interface LibvirtManagement {
  readonly kind: 'libvirt'
  /** The only way to libvirt, instead of a socket of this machine. */
  readonly endpoint?: Endpoint
  /** The only socket to use; if absent, those of libvirt's daemons in `runRoot`, read-only ones first. */
  readonly socket?: string
  /** Default `/run/libvirt`. */
  readonly runRoot?: string
  readonly uri: string
  /** For the call to one VM; default 2 s. */
  readonly vmDeadlineMs?: number
}

/** What xl or xm print in dom0, where libvirt is too old or not there. */
export interface ToolManagement {
  readonly kind: 'tools'
  readonly output: XenToolOutput
}

type OpenXenOptions = XenOptions & { readonly files: MachineFiles }

/**
 * Connects to dom0's management software for reading. The driver comes back by itself whenever that does.
 * @throws HypervisorDenied, HypervisorUnavailable if the first contact fails
 */
export async function openXen({ files = createLocalFiles(), ...rest }: XenOptions): Promise<XenHypervisor> {
  const options = { ...rest, files }
  const queue = new EventQueue()
  const toolstack = await createToolstack(options, (event) => queue.push(event))
  const known = await learn(options, await toolstack.start())
  return new XenHypervisor(toolstack, known, queue)
}

/** What stays the same until the host boots again. */
interface Known {
  readonly hostId: string
  readonly bootId: string
  readonly machine: { readonly memoryBytes: number; readonly cpuThreads: number }
  readonly options: OpenXenOptions
}

/** Xen through its management software and dom0's sysfs. Made by `openXen`. */
export class XenHypervisor implements Hypervisor {
  readonly identity: HostIdentity
  readonly control: XenControl | undefined
  readonly #toolstack: Toolstack
  readonly #queue: EventQueue
  readonly #backends: BackendDevices
  readonly #sampler: XenSampler
  readonly #inventory: XenInventoryReader

  constructor(toolstack: Toolstack, { hostId, bootId, machine, options }: Known, queue: EventQueue) {
    const { files, hostName, procRoot, sysRoot, createResolver, control, log, now } = options
    this.control = control && new XenControl({ ...control, libvirt: control.libvirt, toolstack })
    this.identity = { hostId, name: hostName, kind: 'xen', bootId, simulated: false }
    this.#toolstack = toolstack
    this.#queue = queue
    const backends = new BackendDevices(sysRoot, files)
    this.#backends = backends
    const resolveArray = createResolver(hostId)
    this.#inventory = new XenInventoryReader({ files, hostName, sysRoot, toolstack, backends, resolveArray, log })
    this.#sampler = new XenSampler({
      toolstack,
      gaps: new GapBook(),
      now,
      backends,
      disks: new DiskReader(backends, procRoot, files),
      bootId: bootId.slice(0, 8),
      machine,
    })
  }

  /** Events lost because nobody read them in time. */
  get droppedEvents(): number {
    return this.#queue.dropped
  }

  async probe(signal: AbortSignal): Promise<readonly Capability[]> {
    manyListeners(signal)
    return probeXen(this.#toolstack, this.#backends, signal)
  }

  async inventory(signal: AbortSignal): Promise<Inventory> {
    manyListeners(signal)
    return this.#inventory.read(signal)
  }

  async sample(groups: ReadonlySet<SampleGroup>, options: SampleOptions, signal: AbortSignal): Promise<Sample> {
    manyListeners(signal)
    return this.#sampler.sample(groups, options, signal)
  }

  events(signal: AbortSignal): AsyncIterable<HypervisorEvent> {
    return this.#queue.read(signal)
  }

  async close(): Promise<void> {
    this.#queue.close()
    this.control?.close()
    await this.#toolstack.close()
  }
}

/** A pass over many VMs has as many calls that listen to its signal: no leak, and nothing to warn of. */
function manyListeners(signal: AbortSignal): void {
  setMaxListeners(0, signal)
}

async function createToolstack(
  { management, files, procRoot, sysRoot, now, log }: OpenXenOptions,
  onEvent: (event: HypervisorEvent) => void,
): Promise<Toolstack> {
  if (management.kind === 'tools') return new ToolToolstack({ output: management.output, onEvent, now, log })
  const { kind: _kind, runRoot = '/run/libvirt', vmDeadlineMs = 2000, ...way } = management
  const memory = await createReaderMemory({ files, procRoot, now })
  const session = { ...way, runRoot }
  return new LibvirtToolstack({ session, memory, sysRoot, vmDeadlineMs, onEvent, now, log })
}

async function learn(options: OpenXenOptions, { uuid, memoryBytes, cpuThreads }: ToolstackHost): Promise<Known> {
  const { files, hostId, procRoot, sysRoot, newHostId, log } = options
  const bootId = await readText(files, path.join(procRoot, 'sys/kernel/random/boot_id'))
  const machine = { memoryBytes, cpuThreads }
  const known = hostId ?? uuid
  if (known !== undefined) return { hostId: known, bootId, machine, options }
  const firmware = (await readText(files, path.join(sysRoot, 'class/dmi/id/product_uuid'))).toLowerCase()
  if (isTelling(firmware)) return { hostId: firmware, bootId, machine, options }
  log.warn('neither the management software nor the firmware has a UUID for this host: it gets a new one')
  return { hostId: newHostId(), bootId, machine, options }
}

async function readText(files: MachineFiles, file: string): Promise<string> {
  const bytes = await files.readFile(file).catch(() => undefined)
  return bytes?.toString('utf8').trim() ?? ''
}
