import { formatMemory } from '../../../common/units.js'
import type { VerbName } from '../../../common/verbs.js'
import {
  ActionRefused,
  powerActions,
  type DiskControl,
  type PowerAction,
  type SizeControl,
  type VmControl,
  type VmNow,
} from '../hypervisor.js'
import type { LibvirtControl } from '../libvirt/control.js'
import { cpuCap } from './cpu-cap.js'
import { ToolControl } from './tool-control.js'
import type { Toolstack } from './toolstack.js'
import type { XenActor } from './xen-acts.js'

export interface XenControlOptions {
  /** Where libvirt manages the host: all but the cap is done by it, so that it knows of it. Absent: by xl or xm. */
  readonly libvirt: LibvirtControl | undefined
  readonly actor: XenActor
  /** What `xl info` or `xm info` prints. */
  readonly info: (signal: AbortSignal) => Promise<string>
  readonly toolstack: Pick<Toolstack, 'list' | 'freeBytes'>
}

/** Acts on the VMs of one Xen host. */
export class XenControl implements VmControl {
  readonly verbs: ReadonlySet<VerbName> = new Set([
    ...powerActions.filter((action) => action !== 'reset'),
    'memory',
    'limit',
    'unlimit',
  ] as const)
  readonly lacks = {
    all: 'on Xen a VM is started, shut down, rebooted, ended, halted, let go on, given memory, and capped in its CPU time; nothing else is done there',
    of: {
      reset: 'Xen cannot reset a VM as the button does: destroy, then start',
      save: 'saving of VMs on Xen is not done: it was never tried there',
      restore: 'saving of VMs on Xen is not done, so there is nothing to go on from',
      migrate:
        'moving VMs between Xen hosts is not done: it was never tried on two real ones, and lost VMs in the past between versions',
      'memory-statistics': 'a Xen guest does not tell what it uses of its memory',
    },
  } as const
  readonly disks: DiskControl
  readonly sizes: SizeControl
  readonly #power: Pick<VmControl, 'look' | 'power'>
  readonly #libvirt: LibvirtControl | undefined

  constructor({ libvirt, actor, info, toolstack }: XenControlOptions) {
    const tools = new ToolControl(toolstack, actor)
    this.#libvirt = libvirt
    this.#power = libvirt ?? tools
    this.disks = cpuCap({ look: (vmUuid, signal) => this.look(vmUuid, signal), actor, info })
    const sizes = libvirt === undefined ? tools.sizes : asItIs(libvirt)
    this.sizes = {
      ...sizes,
      async lacksRoom(vmUuid, bytes, signal) {
        const [{ live }, free] = await Promise.all([sizes.sizes(vmUuid, signal), toolstack.freeBytes(signal)])
        const more = bytes - (live?.memoryBytes ?? bytes)
        if (typeof free !== 'number' || more <= free) return undefined
        return `Xen has ${formatMemory(free)} that no VM holds, and it would take ${formatMemory(more)} more`
      },
    }
  }

  look(vmUuid: string, signal: AbortSignal): Promise<VmNow | undefined> {
    return this.#power.look(vmUuid, signal)
  }

  power(vmUuid: string, action: PowerAction, signal: AbortSignal): Promise<void> {
    if (action === 'reset') return Promise.reject(new ActionRefused(this.lacks.of.reset))
    return this.#power.power(vmUuid, action, signal)
  }

  setAutostart(): Promise<void> {
    return Promise.reject(new ActionRefused(this.lacks.all))
  }

  close(): void {
    this.#libvirt?.close()
  }
}

/** What libvirt's definition of a running VM says of its memory is what was asked for; this is what it has. */
function asItIs(libvirt: LibvirtControl): SizeControl {
  return {
    ...libvirt.sizes,
    async sizes(vmUuid, signal) {
      const { live, next } = await libvirt.sizes.sizes(vmUuid, signal)
      const memoryBytes = await libvirt.memoryBytes(vmUuid, signal)
      return { live: live && { ...live, memoryBytes }, next }
    },
  }
}
