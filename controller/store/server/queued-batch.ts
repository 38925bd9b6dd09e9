import type { FleetEvent } from '../../model/snapshot.js'
import { decodePoints, encodePoints, pointCount } from '../embedded/batch-codec.js'
import { eventText } from '../event-text.js'
import { eventMeasurement, maxLabelLength, measurements } from '../measurements.js'
import type { Point } from '../time-series.js'
import type { Tag } from './entity-tags.js'
import type { QueuedPoint } from './sink.js'

/*
 * A batch as the queue keeps it: points as encodePoints makes them, and what that leaves out, because the embedded store has no use for it.
 * Names are in it, so that it can be read after measurements.ts has changed. Before there were labels, a batch was the points alone (their
 * first byte is 1).
 *   u8 version = 2, u32 events, u32 length of the points (little endian), the points, the rest as JSON:
 */
const version = 2
const headerBytes = 9

interface Rest {
  /** Sets of labels, and the number of the set that each point has. */
  readonly sets: readonly (readonly (readonly [name: string, value: string])[])[]
  readonly of: readonly number[]
  readonly events: readonly QueuedEvent[]
}

interface QueuedEvent {
  readonly atMs: number
  readonly labels: readonly (readonly [name: string, value: string])[]
}

/** @throws InvalidBatchError as encodePoints does */
export function encodeQueued(points: readonly Point[], events: readonly FleetEvent[]): Uint8Array<ArrayBuffer> {
  const encoded = encodePoints(points)
  const numbers = new Map<string, number>()
  const sets: Rest['sets'][number][] = []
  const of = points.map((point) => {
    const labels = labelsOf(point)
    const key = JSON.stringify(labels)
    const number = numbers.get(key) ?? sets.length
    if (number === sets.length) {
      numbers.set(key, number)
      sets.push(labels)
    }
    return number
  })
  const rest: Rest = { sets, of, events: events.map(queuedEvent) }
  const text = Buffer.from(JSON.stringify(rest))
  const bytes = Buffer.from(new ArrayBuffer(headerBytes + encoded.length + text.length))
  bytes.writeUInt8(version)
  bytes.writeUInt32LE(events.length, 1)
  bytes.writeUInt32LE(encoded.length, 5)
  bytes.set(encoded, headerBytes)
  bytes.set(text, headerBytes + encoded.length)
  return new Uint8Array(bytes.buffer)
}

/** How many points and events are in it. */
export function queuedCount(bytes: Uint8Array): number {
  const { points, events } = partsOf(bytes)
  return pointCount(points) + events
}

/** What encodeQueued made, or encodePoints before; events are points of the measurement `event`. @throws Error if it is neither */
export function decodeQueued(bytes: Uint8Array): QueuedPoint[] {
  const { points, rest: text } = partsOf(bytes)
  // The checksum of its row says that this is what encodeQueued wrote.
  const rest: Rest = JSON.parse(text)
  const names: string[] = []
  const decoded = decodePoints(points, (_kind, name) => names.push(name) - 1)
  const sets = rest.sets.map(tagsOfPairs)
  return [
    ...decoded.map(({ kind, id, atMs, fields, values }, index) => {
      const labels = sets[rest.of[index] ?? -1] ?? []
      return { kind, id, atMs, names: fields.map((field) => names[field] ?? ''), values, labels }
    }),
    ...rest.events.map(({ atMs, labels }) => {
      return {
        kind: eventMeasurement.name,
        id: '',
        atMs,
        names: [eventMeasurement.field],
        values: [1],
        labels: tagsOfPairs(labels),
      }
    }),
  ]
}

/** `rest` is text: a queue need not read it to count. */
function partsOf(bytes: Uint8Array): { points: Uint8Array; events: number; rest: string } {
  const input = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (input[0] === 1) return { points: bytes, events: 0, rest: '{"sets":[],"of":[],"events":[]}' }
  if (input[0] !== version) throw new Error(`queued batch of unknown version ${input[0]}`)
  const end = headerBytes + input.readUInt32LE(5)
  return { points: input.subarray(headerBytes, end), events: input.readUInt32LE(1), rest: input.toString('utf8', end) }
}

function tagsOfPairs(pairs: Rest['sets'][number]): Tag[] {
  return pairs.map(([name, value]) => ({ name, value }))
}

function labelsOf({ entity: { kind }, labels = {} }: Point): [string, string][] {
  return pairsOf(measurements[kind].labels, labels)
}

function queuedEvent(event: FleetEvent): QueuedEvent {
  return { atMs: event.at, labels: [...eventTags(event), [eventMeasurement.text, eventText(event)]] }
}

/** Tags of an event as servers have them, not escaped. */
export function eventTags({ hostId, hostName = '', vmUuid, vmName, kind, reason }: FleetEvent): [string, string][] {
  return pairsOf(eventMeasurement.tags, { uuid: vmUuid, host: hostId, kind, reason, vmName, hostName })
}

function pairsOf(names: readonly string[], values: Readonly<Record<string, string>>): [string, string][] {
  return names.flatMap((name): [string, string][] => {
    const value = shortened(values[name] ?? '')
    return value === '' ? [] : [[name, value]]
  })
}

/** Never half a character. */
function shortened(text: string): string {
  return text.length <= maxLabelLength ? text : text.slice(0, maxLabelLength).replace(/[\uD800-\uDBFF]$/, '')
}
