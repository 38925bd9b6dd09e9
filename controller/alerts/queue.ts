import type { Message } from '../model/alert.js'
import { weightiest } from './change-order.js'
import type { AlertBounds } from './settings.js'

/** A message that waits to be sent. */
export interface Queued {
  readonly message: Message
  /** It may have been sent: it stays as it is, so that who gets it twice can tell by its id. */
  readonly isTried: boolean
  /** On the alerts' clock. */
  readonly queuedClockMs: number
}

/** What waits, by lane, the oldest first. A lane without messages is not there. */
export type Queues = ReadonlyMap<string, readonly Queued[]>

export interface Enqueued {
  readonly queues: Queues
  /** Messages that gave way. */
  readonly dropped: number
}

type QueueBounds = Pick<AlertBounds, 'queued' | 'changesPerMessage' | 'digestOver' | 'queuedForMs'>

/**
 * Puts a message at the end of its lane. One about the same group that was not tried yet takes it in, so that an outage leaves one message a
 * group. Where there are too many the oldest that is not being sent gives way.
 */
export function enqueue(queues: Queues, message: Message, clockMs: number, bounds: QueueBounds): Enqueued {
  const waiting = [...(queues.get(message.lane) ?? [])]
  const sameGroup = waiting.findIndex((queued) => !queued.isTried && isSameGroup(queued.message, message))
  const there = waiting[sameGroup]
  if (there !== undefined) waiting[sameGroup] = { ...there, message: merged([there.message, message], bounds) }
  else waiting.push({ message, isTried: false, queuedClockMs: clockMs })
  const surplus = Math.max(0, waiting.length - bounds.queued)
  const first = waiting[0]?.isTried === true ? 1 : 0
  waiting.splice(first, surplus)
  return { queues: withLane(queues, message.lane, waiting), dropped: surplus }
}

/**
 * The message to send next in a lane, marked as tried. If too many wait they become one, so that an outage is not followed by a storm.
 * The mark has to be durable before the message is sent. For recipients who were put off it goes behind what waits for them; if those are all, there
 * is no message now.
 */
export function takeNext(
  queues: Queues,
  lane: string,
  bounds: QueueBounds,
): Enqueued & { readonly message: Message | undefined } {
  const waiting = queues.get(lane) ?? []
  const [first] = waiting
  if (first === undefined) return { queues, message: undefined, dropped: 0 }
  if (first.isTried) return { queues, message: first.message, dropped: 0 }
  const isStorm = waiting.length > bounds.digestOver
  const whole = isStorm ? digest(waiting, bounds) : first.message
  const rest = isStorm ? [] : waiting.slice(1)
  const isLate = (recipient: string): boolean => {
    const own = ownLane(whole.target, recipient)
    return own !== lane && queues.has(own)
  }
  const late = whole.recipients.filter(isLate)
  const others = late.length === 0 ? whole.recipients : whole.recipients.filter((recipient) => !isLate(recipient))
  const message = late.length > 0 && others.length === 0 ? undefined : { ...whole, recipients: others }
  const taken = withLane(queues, lane, message === undefined ? rest : [{ ...first, message, isTried: true }, ...rest])
  return { ...enqueueForEach(taken, { ...first, message: whole }, late, bounds), message }
}

/** After a message was taken for others than these recipients: for each of them it waits in a lane of its own, and holds up nobody else. */
export function putOff(
  queues: Queues,
  lane: string,
  id: string,
  recipients: readonly string[],
  bounds: QueueBounds,
): Enqueued {
  const queued = queues.get(lane)?.find(({ message }) => message.id === id)
  if (queued === undefined) return { queues, dropped: 0 }
  return enqueueForEach(withoutMessage(queues, lane, id), queued, recipients, bounds)
}

/** The lane of a recipient who was put off when others were told. */
export function ownLane(target: string, recipient: string): string {
  return JSON.stringify([target, 'put off', recipient])
}

function enqueueForEach(
  queues: Queues,
  { message, queuedClockMs }: Queued,
  recipients: readonly string[],
  bounds: QueueBounds,
): Enqueued {
  return recipients.reduce<Enqueued>(
    (done, recipient) => {
      const own = { ...message, lane: ownLane(message.target, recipient), recipients: [recipient] }
      const next = enqueue(done.queues, own, queuedClockMs, bounds)
      return { queues: next.queues, dropped: done.dropped + next.dropped }
    },
    { queues, dropped: 0 },
  )
}

/** Without a message that was sent, or will never be. */
export function withoutMessage(queues: Queues, lane: string, id: string): Queues {
  const waiting = queues.get(lane) ?? []
  return withLane(
    queues,
    lane,
    waiting.filter(({ message }) => message.id !== id),
  )
}

/** Without what has waited for too long, and what waits for a way that is not there any more. */
export function withoutStale(
  queues: Queues,
  clockMs: number,
  targets: ReadonlySet<string>,
  { queuedForMs }: QueueBounds,
): { readonly queues: Queues; readonly expired: number; readonly orphaned: number } {
  let kept = queues
  let expired = 0
  let orphaned = 0
  for (const [lane, waiting] of queues) {
    const known = waiting.filter(({ message }) => targets.has(message.target))
    const fresh = known.filter(({ queuedClockMs }) => clockMs - queuedClockMs <= queuedForMs)
    orphaned += waiting.length - known.length
    expired += known.length - fresh.length
    if (fresh.length < waiting.length) kept = withLane(kept, lane, fresh)
  }
  return { queues: kept, expired, orphaned }
}

function isSameGroup(a: Message, b: Message): boolean {
  return JSON.stringify(a.group) === JSON.stringify(b.group)
}

/** All that waits as one message about no group in particular. */
function digest(waiting: readonly Queued[], bounds: QueueBounds): Message {
  const all = merged(
    waiting.map(({ message }) => message),
    bounds,
  )
  const inOneGroup = waiting.every(({ message }) => JSON.stringify(message.group) === JSON.stringify(all.group))
  return inOneGroup ? all : { ...all, group: {}, thread: all.id }
}

/** One message with the changes of all, in their order; the id is the first one's. */
function merged(messages: readonly Message[], { changesPerMessage }: QueueBounds): Message {
  const [first] = messages
  const last = messages.at(-1)
  if (first === undefined || last === undefined) throw new Error('nothing to merge')
  const changes = messages.flatMap((message) => message.changes)
  const fitting = weightiest(changes, changesPerMessage)
  const firing = new Map(messages.map((message) => [JSON.stringify(message.group), message.firing]))
  return {
    ...first,
    atMs: last.atMs,
    changes: fitting,
    leftOut: messages.reduce((sum, { leftOut }) => sum + leftOut, 0) + changes.length - fitting.length,
    firing: [...firing.values()].reduce((sum, count) => sum + count, 0),
  }
}

function withLane(queues: Queues, lane: string, waiting: readonly Queued[]): Queues {
  const next = new Map(queues)
  if (waiting.length === 0) next.delete(lane)
  else next.set(lane, waiting)
  return next
}
