import { createHash } from 'node:crypto'

import { pause } from '../../../common/lifecycle.js'
import { formatMemory, formatMoment } from '../../../common/units.js'
import { quantityOf, type Verdict } from '../../../common/verbs.js'
import { ActionRefused, type MigrationControl, type MoveProgress, type VmNow } from '../../hypervisor/hypervisor.js'
import type { MoveMark } from '../move-marks.js'
import { needed } from './needed.js'
import {
  isOff,
  isRunning,
  lookUntil,
  messageOf,
  StillGoesOn,
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
  checks(context) {
    const refusal = needed(context.control.migration).refuses(context.args['to'] ?? '')
    return Promise.resolve([
      { check: 'to', ok: refusal === undefined, says: refusal ?? `it may move to ${context.args['to']}` },
      limitVerdict(context),
    ])
  },
  async run(context) {
    const { control, vmUuid, args, before, marks, signal } = context
    const migration = needed(control.migration)
    if (definitionHash(await needed(control.texts).definition(vmUuid, signal)) !== args['definition'])
      throw new ActionRefused('its definition is not the one that was archived: ask once more')
    const options = {
      to: args['to'] ?? '',
      bandwidthBytesPerSecond: quantityOf('migrate', args, 'bandwidth'),
      autoConverge: args['autoConverge'] === 'on',
    }
    const began = performance.now()
    const mark = markOf(context)
    // Before anything is done: what is left of it here is taken away only by this.
    await marks.put({ ...mark, kind: 'leaving' }).catch((error: unknown) => {
      throw new ActionRefused(`its leaving could not be written down: ${messageOf(error)}`, { cause: error })
    })
    // A host that boots starts no VM that has left it.
    if (before.autostart) await control.setAutostart(vmUuid, false, signal)
    try {
      await migration.move(vmUuid, options, teller(context), signal)
    } catch (error) {
      // An agent that ends leaves it to go on.
      if (signal.aborted && signal.reason !== 'stopping') await breakOff(context, migration)
      if (signal.reason !== 'stopping') await afterFailure(context, migration)
      throw error
    }
    const vm = await control.look(vmUuid, signal)
    if (vm !== undefined && !isOff(vm))
      throw new Error(`the hypervisor says that it has moved, and it is ${vm.state} here`)
    await noted(context, marks.put({ ...mark, kind: 'left' }))
    return { state: 'succeeded', reason: `off here after ${Math.round(performance.now() - began)} ms` }
  },
  async seen(context) {
    const { control, vmUuid, before, signal } = context
    const migration = needed(control.migration)
    const vm = await lookUntil(context, (now) => !isRunning(now) && now.state !== 'paused', tries)
    if (vm === undefined || isOff(vm)) return offHere(context, vm)
    // Looked at again later, as long as it takes.
    if (await migration.isBusy(vmUuid, signal)) throw new StillGoesOn('it is still being moved')
    const now = await control.look(vmUuid, signal)
    if (now === undefined || isOff(now)) return offHere(context, now)
    const lacksAutostart = before.autostart && !now.autostart
    const says = lacksAutostart ? '; its autostart was switched off for the move: switch it on' : ''
    if (isRunning(now)) await noted(context, context.marks.remove(context))
    if (isRunning(now)) return { state: 'failed', reason: `it runs here: it has not moved${says}` }
    return { state: 'unknown', reason: `it is ${now.state} here, and may be halted on the other host too` }
  },
  breakOff: (context) => breakOff(context, needed(context.control.migration)),
}

/** A limit goes along with the VM, and the record by which this agent would end it stays. */
export function limitVerdict({ limits, hostId, vmUuid }: Pick<VerbContext, 'limits' | 'hostId' | 'vmUuid'>): Verdict {
  const record = limits.of(hostId, vmUuid)
  const check = 'limit'
  if (record === undefined) return { check, ok: true, says: 'no limit of its disks ends here' }
  const untilMs = Math.max(...Object.values(record.disks).map((disk) => disk.untilMs))
  const says = `its disks are limited until ${formatMoment(untilMs)}, and only this agent can end that: end it before (unlimit)`
  return { check, ok: false, says }
}

/** What an archived definition is known by. */
export function definitionHash(definition: string): string {
  return createHash('sha256').update(definition.trimEnd()).digest('hex')
}

/** Of one that does not run here any more, as it is looked at later: by what its hypervisor says of its end. */
async function offHere(context: VerbContext, vm: VmNow | undefined): Promise<Outcome> {
  const { hostId, vmUuid, marks } = context
  // A move leaves it defined here: somebody took it away, or it never was defined.
  if (vm === undefined)
    return { state: 'unknown', reason: 'it is gone from this host, and whether by its move is not known' }
  const { state, stateReason } = vm
  if (stateReason === 'shutdown' || stateReason === 'destroyed') {
    await noted(context, marks.remove({ hostId, vmUuid }))
    return { state: 'failed', reason: `it was ended here (${stateReason}): it has not moved` }
  }
  await noted(context, marks.put({ ...markOf(context), kind: 'left' }))
  return { state: 'succeeded', reason: `it is ${state} here${stateReason === 'unknown' ? '' : ` (${stateReason})`}` }
}

/**
 * What has become of it is seen, and is told whether or not it can be written down: without that the VM would not be let go on on its new host. One
 * that is off here may be discarded by the mark that was written before it left too.
 */
async function noted({ say }: VerbContext, written: Promise<void>): Promise<void> {
  try {
    await written
  } catch (error) {
    say(`what became of the move could not be written down: ${messageOf(error)}`)
  }
}

function markOf({ commandId, hostId, vmUuid, before }: VerbContext): Omit<MoveMark, 'kind' | 'atMs'> {
  return { hostId, vmUuid, vmName: before.name, moveId: commandId, runId: before.runId, wasDefined: true }
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

/** Of a VM that has stayed here, it is as if nothing had been. */
async function afterFailure(
  { control, hostId, vmUuid, before, marks, say }: VerbContext,
  migration: MigrationControl,
): Promise<void> {
  const signal = AbortSignal.timeout(putBackWithinMs)
  try {
    const vm = await control.look(vmUuid, signal)
    if (vm === undefined || !isRunning(vm) || (await migration.isBusy(vmUuid, signal))) return
    await marks.remove({ hostId, vmUuid })
    if (before.autostart) await control.setAutostart(vmUuid, true, signal)
  } catch (error) {
    const what = before.autostart
      ? 'its autostart was switched off for the move, and could not be switched on again'
      : 'it could not be looked at'
    say(`${what}: ${messageOf(error)}`)
  }
}
