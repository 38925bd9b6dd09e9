import { InvalidBatchError, type Batch, type Point } from '../time-series.js'

export { InvalidBatchError }

export const maxEntityIdLength = 512
const maxTextLength = 65_536
/** The end of the year 9999: differences of times stay exact. */
const maxTimeMs = 253_402_300_799_999
/** Sums of many values must stay finite. */
const maxMagnitude = 1e300

/** @throws InvalidBatchError naming what is wrong, and with which entity */
export function checkPoint(point: Point): void {
  const { kind, id } = point.entity
  if (id === '' || id.length > maxEntityIdLength || /\p{Surrogate}/u.test(id)) {
    throw new InvalidBatchError(`${kind}: entity id must be 1 to ${maxEntityIdLength} characters, got ${shown(id)}`)
  }
  checkTime(`${kind} ${shown(id)}`, point.atMs)
}

/** @throws InvalidBatchError */
export function checkValue(point: Point, field: string, value: number | undefined): asserts value is number {
  if (typeof value === 'number' && Math.abs(value) <= maxMagnitude) return
  throw new InvalidBatchError(
    `${point.entity.kind} ${shown(point.entity.id)}: ${field} must be a finite number, got ${String(value)}`,
  )
}

/** @throws InvalidBatchError */
export function checkEventsAndMarks({ events, marks }: Pick<Batch, 'events' | 'marks'>): void {
  for (const event of events) {
    checkTime('event', event.at)
    for (const text of [event.hostId, event.vmUuid, event.vmName, event.kind, event.reason, event.message]) {
      if (text.length > maxTextLength) throw new InvalidBatchError(`event: a text is longer than ${maxTextLength}`)
    }
  }
  for (const { spoolId, throughSeq } of marks) {
    if (spoolId === '' || spoolId.length > maxEntityIdLength) {
      throw new InvalidBatchError(`mark: spool id must be 1 to ${maxEntityIdLength} characters, got ${shown(spoolId)}`)
    }
    if (!Number.isSafeInteger(throughSeq) || throughSeq < 0) {
      throw new InvalidBatchError(`mark of ${shown(spoolId)}: expected a sequence number, got ${throughSeq}`)
    }
  }
}

function checkTime(what: string, atMs: number): void {
  if (Number.isInteger(atMs) && atMs >= 0 && atMs <= maxTimeMs) return
  throw new InvalidBatchError(`${what}: time must be whole milliseconds since the epoch, got ${atMs}`)
}

function shown(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 77)}...` : text)
}
