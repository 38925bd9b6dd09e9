import type { VerbName } from '../../../common/verbs.js'
import {
  ActionRefused,
  powerActions,
  type DiskControl,
  type DiskLimits,
  type PowerAction,
  type VmControl,
  type VmNow,
} from '../hypervisor.js'
import type { SimHost, SimVm } from './entities.js'
import type { VmAction } from './vm-acts.js'
import { diskTargetOf } from './vm-facts.js'
import type { World } from './world.js'

/** What a simulated disk can be limited by. */
const noLimits: DiskLimits = { read_bytes_sec: 0, write_bytes_sec: 0, read_iops_sec: 0, write_iops_sec: 0 }

/** Acts on the VMs of a simulated host. */
export class SimulatedControl implements VmControl {
  readonly verbs: ReadonlySet<VerbName> = new Set([...powerActions, 'autostart', 'limit', 'unlimit'] as const)

  readonly disks: DiskControl = {
    limits: async (vmUuid, signal) => {
      const vm = this.#running(vmUuid, signal)
      return new Map([[diskTargetOf(vm), { ...noLimits, ...vm.limits }]])
    },
    setLimits: async (vmUuid, disk, limits, signal) => {
      const vm = this.#running(vmUuid, signal)
      if (disk !== diskTargetOf(vm)) throw new ActionRefused(`no disk ${disk}`)
      vm.limits = limits
    },
  }

  constructor(
    private readonly world: World,
    private readonly host: SimHost,
    /** Brings the world to the present. @throws HypervisorUnavailable if the host is lost */
    private readonly present: (signal: AbortSignal) => void,
  ) {}

  async look(vmUuid: string, signal: AbortSignal): Promise<VmNow | undefined> {
    this.present(signal)
    const vm = this.#find(vmUuid)
    if (vm === undefined) return undefined
    const { uuid, spec, state, stateReason, runId, autostart } = vm
    return { uuid, name: spec.name, state, stateReason, runId, autostart }
  }

  async power(vmUuid: string, action: PowerAction, signal: AbortSignal): Promise<void> {
    this.#act(vmUuid, action, signal)
  }

  async setAutostart(vmUuid: string, enabled: boolean, signal: AbortSignal): Promise<void> {
    this.#act(vmUuid, enabled ? 'autostart-on' : 'autostart-off', signal)
  }

  #running(vmUuid: string, signal: AbortSignal): SimVm {
    this.present(signal)
    const vm = this.#find(vmUuid)
    if (vm === undefined) throw new ActionRefused(`no domain ${vmUuid}`)
    if (vm.runId === '') throw new ActionRefused('domain is not running')
    return vm
  }

  #act(vmUuid: string, action: VmAction, signal: AbortSignal): void {
    this.present(signal)
    const vm = this.#find(vmUuid)
    const refusal = vm === undefined ? `no domain ${vmUuid}` : this.world.act(vm, action)
    if (refusal !== undefined) throw new ActionRefused(refusal)
  }

  #find(vmUuid: string): SimVm | undefined {
    return this.host.vms.find(({ uuid }) => uuid === vmUuid)
  }
}
