import { createHash } from 'node:crypto'

import { pause } from '../../../common/lifecycle.js'
import { formatMemory } from '../../../common/units.js'
import { quantityOf } from '../../../common/verbs.js'
import { ActionRefused, type MigrationControl, type MoveProgress } from '../../hypervisor/hypervisor.js'
import { needed } from './needed.js'
import {
  isOff,
  isRunning,
  lookUntil,
  messageOf,
  tries,
  type Outcome,
  type VerbContext,
  type VerbWork,
} from './verb-work.js'

const sayEveryMs = 2000
const breakOffWithinMs = 60_000
const breakOffEveryMs = 250
const putBackWithinMs = 10_000

/** The move itself, by the host that the VM leaves. It ends with the VM off here; that it goes on there is the next step's. */
export const migrate: VerbWork = {
  checks({ control, args }) {
    const refusal = needed(control.migration).refuses(args['to'] ?? '')
    return Promise.resolve([
      { check: 'to', ok: refusal === undefined, says: refusal ?? `it may move to ${args['to']}` },
    ])
  },
  async run(context) {
    const { control, vmUuid, args, before, signal } = context
    const migration = needed(control.migration)
    if (definitionHash(await needed(control.texts).definition(vmUuid, signal)) !== args['definition'])
      throw new ActionRefused('its definition is not the one that was archived: ask once more')
    const options = {
      to: args['to'] ?? '',
      bandwidthBytesPerSecond: quantityOf('migrate', args, 'bandwidth'),
      autoConverge: args['autoConverge'] === 'on',
    }
    const began = performance.now()
    // A host that boots starts no VM that has left it.
    if (before.autostart) await control.setAutostart(vmUuid, false, signal)
    try {
      await migration.move(vmUuid, options, teller(context), signal)
    } catch (error) {
      // An agent that ends leaves it to go on.
      if (signal.aborted && signal.reason !== 'stopping') await breakOff(context, migration)
      if (signal.reason !== 'stopping') await putAutostartBack(context, migration)
      throw error
    }
    const vm = await control.look(vmUuid, signal)
    if (vm !== undefined && !isOff(vm))
      throw new Error(`the hypervisor says that it has moved, and it is ${vm.state} here`)
    return { state: 'succeeded', reason: `off here after ${Math.round(performance.now() - began)} ms` }
  },
  async seen(context) {
    const { control, vmUuid, before, signal } = context
    const migration = needed(control.migration)
    const vm = await lookUntil(context, (now) => !isRunning(now) && now.state !== 'paused', tries)
    if (vm === undefined || isOff(vm)) return left(vm === undefined ? 'gone' : vm.state)
    // Looked at again later, as long as it takes.
    if (await migration.isBusy(vmUuid, signal)) throw new Error('it is still being moved')
    const now = await control.look(vmUuid, signal)
    if (now === undefined || isOff(now)) return left(now === undefined ? 'gone' : now.state)
    const lacksAutostart = before.autostart && !now.autostart
    const says = lacksAutostart ? '; its autostart was switched off for the move: switch it on' : ''
    if (isRunning(now)) return { state: 'failed', reason: `it runs here: it has not moved${says}` }
    return { state: 'unknown', reason: `it is ${now.state} here, and may be halted on the other host too` }
  },
}

/** What an archived definition is known by. */
export function definitionHash(definition: string): string {
  return createHash('sha256').update(definition.trimEnd()).digest('hex')
}

function left(how: string): Outcome {
  return { state: 'succeeded', reason: `it is ${how} here` }
}

function teller({ say, progress }: VerbContext): (done: MoveProgress) => void {
  let saidAt = -Infinity
  return (done) => {
    progress({ doneBytes: done.doneBytes, totalBytes: done.totalBytes })
    if (performance.now() - saidAt < sayEveryMs) return
    saidAt = performance.now()
    const { remainingBytes, totalBytes, dirtyBytesPerSecond: dirty } = done
    const changes = dirty === undefined ? '' : `; the guest changes ${formatMemory(dirty)}/s`
    say(`${formatMemory(remainingBytes)} of ${formatMemory(totalBytes)} remain${changes}`)
  }
}

/** The move may not have begun in the hypervisor yet, or be past the point where it can be given up: either refuses it. */
async function breakOff({ control, vmUuid }: VerbContext, migration: MigrationControl): Promise<void> {
  const signal = AbortSignal.timeout(breakOffWithinMs)
  while (!signal.aborted) {
    try {
      await migration.breakOff(vmUuid, signal)
    } catch (error) {
      if (!(error instanceof ActionRefused)) throw error
    }
    const vm = await control.look(vmUuid, signal)
    if (vm === undefined || isOff(vm) || !(await migration.isBusy(vmUuid, signal))) return
    await pause(breakOffEveryMs, signal)
  }
}

/** Of a VM that has stayed here. */
async function putAutostartBack(
  { control, vmUuid, before, say }: VerbContext,
  migration: MigrationControl,
): Promise<void> {
  if (!before.autostart) return
  const signal = AbortSignal.timeout(putBackWithinMs)
  try {
    const vm = await control.look(vmUuid, signal)
    if (vm === undefined || !isRunning(vm) || (await migration.isBusy(vmUuid, signal))) return
    await control.setAutostart(vmUuid, true, signal)
  } catch (error) {
    say(`its autostart was switched off for the move, and could not be switched on again: ${messageOf(error)}`)
  }
}
