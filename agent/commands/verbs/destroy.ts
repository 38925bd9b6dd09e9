import { gone, isOff, lookUntil, tries, type VerbWork } from './verb-work.js'

export const destroy: VerbWork = {
  async run({ control, vmUuid, signal }) {
    await control.power(vmUuid, 'destroy', signal)
    return { state: 'succeeded' }
  },
  async seen(context) {
    const { runId } = context.before
    const vm = await lookUntil(context, (now) => isOff(now) || now.runId !== runId, tries)
    // One that was not persistent is not there any more once it has ended.
    if (vm === undefined) return { state: 'unknown', reason: gone }
    if (isOff(vm)) return { state: 'succeeded', reason: `it is ${vm.state}` }
    if (vm.runId !== runId) return { state: 'succeeded', reason: 'that run has ended; it was started again since' }
    return { state: 'unknown', reason: `it is ${vm.state} in the same run: it was not ended, or not yet` }
  },
}
