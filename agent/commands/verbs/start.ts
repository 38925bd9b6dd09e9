import { gone, isRunning, keptAfterCrash, lookUntil, tries, type VerbWork } from './verb-work.js'

export const start: VerbWork = {
  refuses: keptAfterCrash,
  async run({ control, vmUuid, signal }) {
    await control.power(vmUuid, 'start', signal)
    return { state: 'succeeded' }
  },
  async seen(context) {
    const vm = await lookUntil(context, isRunning, tries)
    if (vm === undefined) return { state: 'unknown', reason: gone }
    // Halted is how a start begins: nothing says that it goes on.
    if (isRunning(vm)) return { state: 'succeeded', reason: `it is ${vm.state}` }
    return { state: 'unknown', reason: `it is ${vm.state}: it did not start or not yet, or has ended since` }
  },
}
