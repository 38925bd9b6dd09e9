import { exactRate } from '../../common/units.js'
import type { Admission } from './admission.js'
import type { Command } from './command.js'

/** An array is what it was admitted by for so long: what its agent has not begun by then waits again. */
export const beginWithinMs = 120_000
/** How often one is sent before it is given up. */
export const mostTries = 20

/** A command as it goes: a bulk one with the rate that it is to keep to, where that is known, and to be begun soon or not at all. Pure. */
export function asSent(command: Command, admission: Admission | undefined, now: number): Command {
  const { bulk, args, startBefore } = command
  if (bulk === undefined) return command
  const bytesPerSecond = admission?.admitted === true ? admission.bytesPerSecond : undefined
  return {
    ...command,
    startBefore: Math.min(startBefore, now + beginWithinMs),
    bulk: { ...bulk, until: startBefore, ...(bytesPerSecond !== undefined && { bytesPerSecond }) },
    ...(bytesPerSecond !== undefined && { args: { ...args, rate: exactRate(bytesPerSecond) } }),
  }
}

/** Whether a bulk command has ended because its agent did not begin it in time, and may wait for its turn once more. Pure. */
export function waitsAgain({ bulk, state, sentAt, begunAt, cancelledBy }: Command, now: number): boolean {
  if (bulk === undefined || state !== 'expired' || sentAt === undefined || begunAt !== undefined) return false
  return cancelledBy === undefined && now < (bulk.until ?? 0) && (bulk.tries ?? 1) < mostTries
}

/** The same once more, at its place in the queue. An agent runs no id twice, so that it is another command. Pure. */
export function onceMore(
  ended: Command,
  { id, number, now }: Pick<Command, 'id' | 'number'> & { now: number },
): Command {
  const { verb, args, hostId, hostName, vmUuid, vmName, dryRun, actor, note, timeoutMs, verdicts, approval, bulk } =
    ended
  const { rate: _ofThen, ...asked } = args
  return {
    id,
    number,
    verb,
    args: asked,
    hostId,
    hostName,
    vmUuid,
    vmName,
    dryRun,
    actor,
    ...(note !== undefined && { note }),
    state: 'queued',
    reason: '',
    createdAt: now,
    startBefore: bulk?.until ?? now,
    timeoutMs,
    revision: 0,
    verdicts: verdicts.filter(({ check }) => !check.startsWith('agent: ')),
    output: '',
    outputEnd: 0,
    ...(approval !== undefined && { approval }),
    ...(bulk !== undefined && {
      bulk: { boxes: bulk.boxes, place: bulk.place, tries: (bulk.tries ?? 1) + 1, insteadOf: ended.id },
    }),
  }
}
