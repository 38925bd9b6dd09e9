import type { Verdict } from '../../../common/verbs.js'
import { ActionRefused } from '../../hypervisor/hypervisor.js'
import { departureVerdicts, needsOf } from '../../hypervisor/libvirt/reception.js'
import type { MoveMark } from '../move-marks.js'
import { sayDefinition } from './dumpxml.js'
import { limitVerdict } from './migrate.js'
import { arriveVerdict, discardVerdict, isOfMove } from './move-guard.js'
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
  async checks(context) {
    const { control, vmUuid, before, signal } = context
    const needs = needsOf(await needed(control.texts).definition(vmUuid, signal))
    const verdicts = [...departureVerdicts(needs), limitVerdict(context)]
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
  async run({ control, hostId, vmUuid, args, before, archive, marks, definition, signal }) {
    if (args['keep'] !== 'yes') return { state: 'succeeded' }
    // An older one of the same VM gives way to what comes.
    const vm = await control.look(vmUuid, signal)
    if (vm !== undefined && !isOff(vm)) throw new ActionRefused(`it is ${vm.state} here now`)
    if (vm !== undefined) await archive.keep(vmUuid, await needed(control.definitions).whole(vmUuid, signal))
    const isLeftOver = vm?.stateReason === 'migrated' && marks.of(hostId, vmUuid)?.kind === 'left'
    const wasDefined = vm !== undefined && !isLeftOver
    const mark = { hostId, vmUuid, vmName: before.name, moveId: args['move'] ?? '', runId: '', wasDefined }
    await marks.put({ ...mark, kind: 'expected' }).catch((error: unknown) => {
      throw new ActionRefused(`its coming could not be written down: ${messageOf(error)}`, { cause: error })
    })
    const file = await archive.keepIncoming(vmUuid, definition ?? '')
    return { state: 'succeeded', reason: `kept as ${file}` }
  },
  seen: () => Promise.resolve({ state: 'failed', reason: 'it may be kept or not' }),
}

export const arrive: VerbWork = {
  checks: (context) => copyVerdicts(context, arriveVerdict),
  async run(context) {
    const { hostId, control, vmUuid, args, marks, signal } = context
    await refuseUnlessCopy(context, arriveVerdict)
    const vm = await control.look(vmUuid, signal)
    const mark = marks.of(hostId, vmUuid)
    const known = vm !== undefined && isOfMove(vm, mark, args['move']) ? mark : undefined
    if (vm === undefined || !isRunning(vm)) await control.power(vmUuid, 'resume', signal)
    // Before the mark goes: broken off in between, it can be asked for again.
    const lacks = args['autostart'] === 'on' ? await lacksAutostart(context, known) : undefined
    if (known !== undefined) await markArrived(context, known)
    return {
      state: 'succeeded',
      reason: lacks === undefined ? 'it runs' : `it runs; it does not start with its host: ${lacks}`,
    }
  },
  async seen(context) {
    const vm = await lookUntil(context, isRunning, tries)
    if (vm === undefined) return { state: 'failed', reason: gone }
    const lacks = context.args['autostart'] === 'on' && !vm.autostart
    if (isRunning(vm))
      return { state: 'succeeded', reason: lacks ? 'it runs; it does not start with its host' : 'it runs' }
    return { state: 'failed', reason: `it is ${vm.state}` }
  },
}

/** One that is not here any more is as it should be. */
export const discard: VerbWork = {
  checks: (context) => copyVerdicts(context, discardVerdict),
  async run(context) {
    const { control, hostId, vmUuid, before, archive, marks, signal } = context
    if ((await control.look(vmUuid, signal)) === undefined) return { state: 'succeeded', reason: isGone }
    await refuseUnlessCopy(context, discardVerdict)
    const mark = marks.of(hostId, vmUuid)
    const definitions = needed(control.definitions)
    await archive.keep(vmUuid, await definitions.whole(vmUuid, signal))
    const vm = await control.look(vmUuid, signal)
    const ends = vm?.state === 'paused' && vm.runId === before.runId
    if (ends) await markEnding(mark, marks)
    if (ends) await control.power(vmUuid, 'destroy', signal)
    const after = await control.look(vmUuid, signal)
    if (after === undefined) return { state: 'succeeded', reason: isGone }
    if (!isOff(after)) throw new ActionRefused(`it is ${after.state} now`)
    if (mark?.kind === 'expected' && mark.wasDefined)
      return { state: 'succeeded', reason: 'the halted copy is ended; it was defined here before, and stays so' }
    try {
      await definitions.undefine(vmUuid, signal)
    } catch (error) {
      // What is off here holds up the other copy no more.
      if (!(error instanceof ActionRefused) || !(ends || mark?.isEnding === true)) throw error
      return { state: 'succeeded', reason: `the halted copy is ended; it stays defined here: ${error.message}` }
    }
    await marks.remove(mark ?? { hostId, vmUuid })
    return { state: 'succeeded', reason: 'it is not defined here any more' }
  },
  async seen(context) {
    const vm = await lookUntil(context, () => false, tries)
    if (vm === undefined) return { state: 'succeeded', reason: isGone }
    return { state: 'failed', reason: `it is ${vm.state} here` }
  },
}

const isGone = 'it is not here any more'

type Guard = typeof arriveVerdict

/** Whatever a controller says: only VMs of a move that this agent itself knows of, and that the hypervisor has done with. */
async function copyVerdicts(
  { hostId, marks, control, vmUuid, args, signal }: CheckContext,
  guard: Guard,
): Promise<readonly Verdict[]> {
  const vm = await control.look(vmUuid, signal)
  if (vm === undefined) return [{ check: 'copy', ok: true, says: isGone }]
  const isBusy = vm.state === 'paused' && (await needed(control.migration).isBusy(vmUuid, signal))
  const says = isBusy ? 'the hypervisor is at work on it: its migration has not ended' : 'its migration has ended'
  return [guard(vm, marks.of(hostId, vmUuid), args['move']), { check: 'job', ok: !isBusy, says }]
}

/** Once more, at the last moment. */
async function refuseUnlessCopy(context: VerbContext, guard: Guard): Promise<void> {
  const against = (await copyVerdicts(context, guard)).find(({ ok }) => !ok)
  if (against !== undefined) throw new ActionRefused(against.says)
}

/** Before its run ends: broken off behind that, it is off for no reason that tells of a move, and has to be known as what this agent ended. */
async function markEnding(mark: MoveMark | undefined, marks: VerbContext['marks']): Promise<void> {
  if (mark?.kind !== 'leaving' || mark.isEnding === true) return
  await marks.put({ ...mark, isEnding: true }).catch((error: unknown) => {
    throw new ActionRefused(`its end could not be written down: ${messageOf(error)}`, { cause: error })
  })
}

/** One that runs has nothing to be let go on for, whoever asks: that it starts with its host is for what this agent knows has moved. @returns why it does not */
async function lacksAutostart(
  { control, vmUuid, signal }: VerbContext,
  known: MoveMark | undefined,
): Promise<string | undefined> {
  if (known === undefined) return 'this agent knows of no such move of it'
  try {
    await control.setAutostart(vmUuid, true, signal)
    return undefined
  } catch (error) {
    return messageOf(error)
  }
}

/** A failure to write it down holds up nothing: the mark is looked at again, and the VM runs. */
async function markArrived({ marks, say }: VerbContext, mark: MoveMark): Promise<void> {
  try {
    // One that goes on where it was has not moved.
    if (mark.kind === 'leaving') await marks.remove(mark)
    else if (mark.kind === 'expected') await marks.put({ ...mark, kind: 'arrived' })
  } catch (error) {
    say(`that it has arrived could not be written down: ${messageOf(error)}`)
  }
}
