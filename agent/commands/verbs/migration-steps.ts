import { ActionRefused } from '../../hypervisor/hypervisor.js'
import { departureVerdicts, needsOf } from '../../hypervisor/libvirt/reception.js'
import { sayDefinition } from './dumpxml.js'
import { needed } from './needed.js'
import { gone, isOff, isRunning, lookUntil, tries, type VerbContext, type VerbWork } from './verb-work.js'

/** Steps of a migration beside the move itself: see controller/commands/migration.ts. */

export const offer: VerbWork = {
  async checks({ control, vmUuid, signal }) {
    return departureVerdicts(needsOf(await needed(control.texts).definition(vmUuid, signal)))
  },
  async run(context) {
    const { control, vmUuid, args, archive, held, signal } = context
    if (args['keep'] === 'yes') await archive.keep(vmUuid, await needed(control.definitions).whole(vmUuid, signal))
    await sayDefinition(context)
    await held()
    return { state: 'succeeded' }
  },
  seen: () => Promise.resolve({ state: 'failed', reason: 'what it told is lost' }),
}

export const receive: VerbWork = {
  async checks({ control, vmUuid, args, definition, signal }) {
    if (definition === undefined) return [{ check: 'definition', ok: false, says: 'no definition came with it' }]
    const { uuid, name } = needsOf(definition)
    const isOfIt = uuid === vmUuid && name === args['name']
    const says = isOfIt ? 'of this VM' : 'the definition that came with it is of another VM'
    const here = await needed(control.migration).reception(definition, signal)
    return [{ check: 'definition', ok: isOfIt, says }, ...here]
  },
  async run({ control, vmUuid, args, archive, definition, signal }) {
    if (args['keep'] !== 'yes') return { state: 'succeeded' }
    // An older one of the same VM gives way to what comes.
    const vm = await control.look(vmUuid, signal)
    if (vm !== undefined) await archive.keep(vmUuid, await needed(control.definitions).whole(vmUuid, signal))
    const file = await archive.keep(vmUuid, definition ?? '')
    return { state: 'succeeded', reason: `kept as ${file}` }
  },
  seen: () => Promise.resolve({ state: 'failed', reason: 'it may be kept or not' }),
}

export const arrive: VerbWork = {
  async run(context) {
    const { control, vmUuid, signal } = context
    await onlyMoved(context)
    if (await needed(control.migration).isBusy(vmUuid, signal))
      throw new ActionRefused('the hypervisor is at work on it: its migration has not ended')
    await control.power(vmUuid, 'resume', signal)
    return { state: 'succeeded', reason: 'it runs' }
  },
  async seen(context) {
    const vm = await lookUntil(context, isRunning, tries)
    if (vm === undefined) return { state: 'failed', reason: gone }
    if (isRunning(vm)) return { state: 'succeeded', reason: 'it runs' }
    return { state: 'failed', reason: `it is ${vm.state}` }
  },
}

export const discard: VerbWork = {
  async run(context) {
    const { control, vmUuid, before, archive, signal } = context
    await onlyMoved(context)
    if (!isOff(before) && (await needed(control.migration).isBusy(vmUuid, signal)))
      throw new ActionRefused('the hypervisor is at work on it: its migration has not ended')
    const definitions = needed(control.definitions)
    await archive.keep(vmUuid, await definitions.whole(vmUuid, signal))
    const vm = await control.look(vmUuid, signal)
    if (vm?.state === 'paused' && vm.runId === before.runId) await control.power(vmUuid, 'destroy', signal)
    const after = await control.look(vmUuid, signal)
    if (after === undefined) return { state: 'succeeded', reason: 'it is not here any more' }
    if (!isOff(after)) throw new ActionRefused(`it is ${after.state} now`)
    await definitions.undefine(vmUuid, signal)
    return { state: 'succeeded', reason: 'it is not defined here any more' }
  },
  async seen(context) {
    const vm = await lookUntil(context, () => false, tries)
    if (vm === undefined) return { state: 'succeeded', reason: 'it is not here any more' }
    return { state: 'failed', reason: `it is ${vm.state} here` }
  },
}

/** These steps are for VMs whose definition a migration has archived here, and for no others: whatever a controller says. */
async function onlyMoved({ archive, vmUuid }: Pick<VerbContext, 'archive' | 'vmUuid'>): Promise<void> {
  if (!(await archive.has(vmUuid))) throw new ActionRefused('no migration has archived its definition on this host')
}
