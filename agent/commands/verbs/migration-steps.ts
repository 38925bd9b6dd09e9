import type { Verdict } from '../../../common/verbs.js'
import { ActionRefused } from '../../hypervisor/hypervisor.js'
import { departureVerdicts, needsOf } from '../../hypervisor/libvirt/reception.js'
import { sayDefinition } from './dumpxml.js'
import { needed } from './needed.js'
import {
  gone,
  isOff,
  isRunning,
  lookUntil,
  messageOf,
  tries,
  type CheckContext,
  type VerbContext,
  type VerbWork,
} from './verb-work.js'

/** Steps of a migration beside the move itself: see controller/commands/migration.ts. */

export const offer: VerbWork = {
  async checks({ control, vmUuid, before, signal }) {
    const verdicts = departureVerdicts(needsOf(await needed(control.texts).definition(vmUuid, signal)))
    // The controller has the other host do the same.
    const says = 'it starts with its host, and will with the other one'
    return before.autostart ? [...verdicts, { check: 'autostart', ok: true, says }] : verdicts
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
  checks: copyVerdicts,
  async run(context) {
    const { control, vmUuid, args, signal } = context
    await refuseUnlessCopy(context)
    await control.power(vmUuid, 'resume', signal)
    if (args['autostart'] !== 'on') return { state: 'succeeded', reason: 'it runs' }
    try {
      await control.setAutostart(vmUuid, true, signal)
    } catch (error) {
      return { state: 'succeeded', reason: `it runs; it does not start with its host: ${messageOf(error)}` }
    }
    return { state: 'succeeded', reason: 'it runs' }
  },
  async seen(context) {
    const vm = await lookUntil(context, isRunning, tries)
    if (vm === undefined) return { state: 'failed', reason: gone }
    const lacksAutostart = context.args['autostart'] === 'on' && !vm.autostart
    if (isRunning(vm))
      return { state: 'succeeded', reason: lacksAutostart ? 'it runs; it does not start with its host' : 'it runs' }
    return { state: 'failed', reason: `it is ${vm.state}` }
  },
}

/** One that is not here any more is as it should be. */
export const discard: VerbWork = {
  checks: copyVerdicts,
  async run(context) {
    const { control, vmUuid, before, archive, signal } = context
    if ((await control.look(vmUuid, signal)) === undefined) return { state: 'succeeded', reason: isGone }
    await refuseUnlessCopy(context)
    const definitions = needed(control.definitions)
    await archive.keep(vmUuid, await definitions.whole(vmUuid, signal))
    const vm = await control.look(vmUuid, signal)
    if (vm?.state === 'paused' && vm.runId === before.runId) await control.power(vmUuid, 'destroy', signal)
    const after = await control.look(vmUuid, signal)
    if (after === undefined) return { state: 'succeeded', reason: isGone }
    if (!isOff(after)) throw new ActionRefused(`it is ${after.state} now`)
    await definitions.undefine(vmUuid, signal)
    return { state: 'succeeded', reason: 'it is not defined here any more' }
  },
  async seen(context) {
    const vm = await lookUntil(context, () => false, tries)
    if (vm === undefined) return { state: 'succeeded', reason: isGone }
    return { state: 'failed', reason: `it is ${vm.state} here` }
  },
}

const isGone = 'it is not here any more'

/** Whatever a controller says: only VMs whose definition a migration has archived here, and that the hypervisor has done with. */
async function copyVerdicts({ archive, control, vmUuid, signal }: CheckContext): Promise<readonly Verdict[]> {
  const vm = await control.look(vmUuid, signal)
  if (vm === undefined) return [{ check: 'copy', ok: true, says: isGone }]
  const isArchived = await archive.has(vmUuid)
  const isBusy = !isOff(vm) && (await needed(control.migration).isBusy(vmUuid, signal))
  return [
    {
      check: 'archive',
      ok: isArchived,
      says: isArchived
        ? 'its definition is archived on this host'
        : 'no migration has archived its definition on this host',
    },
    {
      check: 'job',
      ok: !isBusy,
      says: isBusy ? 'the hypervisor is at work on it: its migration has not ended' : 'its migration has ended',
    },
  ]
}

/** Once more, at the last moment. */
async function refuseUnlessCopy(context: VerbContext): Promise<void> {
  const against = (await copyVerdicts(context)).find(({ ok }) => !ok)
  if (against !== undefined) throw new ActionRefused(against.says)
}
