import type { VmStateReason } from '../../hypervisor/hypervisor.js'
import { gone, isRunning, lookUntil, tries, type VerbWork } from './verb-work.js'

/** Something else has halted it and will go on with it; let go on here, it might run on two hosts at once, or miss its own state. */
const halted: Partial<Record<VmStateReason, string>> = {
  migration: 'a migration',
  'post-copy': 'a migration',
  'post-copy-failed': 'a migration that failed',
  save: 'its state being saved',
  dump: 'a dump of its memory',
  snapshot: 'a snapshot',
  'starting-up': 'its start',
}

export const resume: VerbWork = {
  refuses({ stateReason }) {
    const by = halted[stateReason]
    return by === undefined ? undefined : `it is halted for ${by}, which goes on with it by itself`
  },
  async run({ control, vmUuid, signal }) {
    await control.power(vmUuid, 'resume', signal)
    return { state: 'succeeded' }
  },
  async seen(context) {
    const vm = await lookUntil(context, isRunning, tries)
    if (vm === undefined) return { state: 'unknown', reason: gone }
    if (isRunning(vm)) return { state: 'succeeded', reason: `it is ${vm.state}` }
    return { state: 'unknown', reason: `it is ${vm.state}: it does not go on, or was halted again since` }
  },
}
