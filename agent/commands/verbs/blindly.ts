import type { PowerAction } from '../../hypervisor/hypervisor.js'
import { gone, type VerbWork } from './verb-work.js'

/** A verb that leaves nothing behind by which it could be seen. */
export function blindly(action: PowerAction, reason: string): VerbWork {
  return {
    async run({ control, vmUuid, signal }) {
      await control.power(vmUuid, action, signal)
      return { state: 'succeeded' }
    },
    async seen({ control, vmUuid, signal }) {
      const vm = await control.look(vmUuid, signal)
      return { state: 'unknown', reason: vm === undefined ? gone : `it is ${vm.state}: ${reason}` }
    },
  }
}
