import { ActionRefused } from '../../hypervisor/hypervisor.js'
import { sayDefinition } from './dumpxml.js'
import { needed } from './needed.js'
import { isOff, keptAfterCrash, lookUntil, tries, type VerbWork } from './verb-work.js'

export const undefine: VerbWork = {
  refuses: keptAfterCrash,
  async checks({ control, vmUuid, signal }) {
    const isSaved = await needed(control.saving).hasSaved(vmUuid, signal)
    const says = isSaved ? 'what it held in memory is saved, and would be lost: restore it first' : 'no saved state'
    return [{ check: 'saved', ok: !isSaved, says }]
  },
  async run(context) {
    const { control, vmUuid, archive, say, held, signal } = context
    const definitions = needed(control.definitions)
    // With its secrets for the owner of this machine, without them for everybody else.
    const file = await archive.keep(vmUuid, await definitions.whole(vmUuid, signal))
    await sayDefinition(context)
    say(`kept on its host as ${file}`)
    await held()
    const vm = await control.look(vmUuid, signal)
    if (vm === undefined || !isOff(vm)) throw new ActionRefused(`it is ${vm?.state ?? 'gone'} now`)
    await definitions.undefine(vmUuid, signal)
    return { state: 'succeeded', reason: `its definition is kept on its host as ${file}` }
  },
  async seen(context) {
    const vm = await lookUntil(context, () => false, tries)
    if (vm === undefined) return { state: 'succeeded', reason: 'it is not defined here any more' }
    return { state: 'unknown', reason: `it is defined, and ${vm.state}: it was not undefined, or was defined since` }
  },
}
