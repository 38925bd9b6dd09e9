import { gone, lookUntil, tries, type VerbWork } from './verb-work.js'

export const suspend: VerbWork = {
  async run({ control, vmUuid, signal }) {
    await control.power(vmUuid, 'suspend', signal)
    return { state: 'succeeded' }
  },
  async seen(context) {
    const vm = await lookUntil(context, ({ state }) => state === 'paused', tries)
    if (vm === undefined) return { state: 'unknown', reason: gone }
    if (vm.state === 'paused') return { state: 'succeeded', reason: 'it is paused' }
    return { state: 'unknown', reason: `it is ${vm.state}: it was not halted, or goes on since` }
  },
}
