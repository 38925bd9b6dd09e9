import type { VerbName } from '../../../common/verbs.js'
import { ActionRefused, powerActions, type PowerAction, type VmControl, type VmNow } from '../hypervisor.js'
import type { SimHost, SimVm } from './entities.js'
import type { VmAction } from './vm-acts.js'
import type { World } from './world.js'

/** Acts on the VMs of a simulated host. */
export class SimulatedControl implements VmControl {
  readonly verbs: ReadonlySet<VerbName> = new Set([...powerActions, 'autostart'] as const)

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
