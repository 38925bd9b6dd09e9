import { gone, lookUntil, tries, type VerbWork } from './verb-work.js'

export const autostart: VerbWork = {
  async run({ control, vmUuid, args, signal }) {
    await control.setAutostart(vmUuid, args['enabled'] === 'on', signal)
    return { state: 'succeeded' }
  },
  async seen(context) {
    const wanted = context.args['enabled'] === 'on'
    const vm = await lookUntil(context, (now) => now.autostart === wanted, tries)
    if (vm === undefined) return { state: 'unknown', reason: gone }
    const is = vm.autostart ? 'on' : 'off'
    if (vm.autostart === wanted) return { state: 'succeeded', reason: `autostart is ${is}` }
    return { state: 'unknown', reason: `autostart is ${is}: it was not set, or changed since` }
  },
}
