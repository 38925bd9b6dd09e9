import { z } from 'zod'

import type { FleetEvent } from '../../model/snapshot.js'
import { eventText, messageIn, oneLine } from '../event-text.js'
import { line } from '../line-protocol.js'
import { eventMeasurement } from '../measurements.js'
import { labelTags, tagsOf, unescaped } from '../server/entity-tags.js'
import { eventTags } from '../server/queued-batch.js'
import { rolledUpFields } from '../server/summary.js'
import { checkTime, eventPiece, markPiece, pointPiece, rollUpPiece } from './checked-piece.js'
import { BadLine, type EncodedPiece, type HistoryDecoder, type HistoryEncoder } from './format.js'
import type { HistoryPiece } from './history.js'
import { measurementNames, nameOf } from './names.js'
import { parseLine } from './parse-line.js'

/*
 * InfluxDB's line protocol, with the names that this program's stores on servers have, in nanoseconds. Comments say to `influx -import` which
 * retention policy the lines are for, and hold what servers do not know: the marks.
 */
const markComment = '# headroom mark '
const markSchema = z.strictObject({ spoolId: z.string(), throughSeq: z.number() })

export class InfluxEncoder implements HistoryEncoder {
  encode(piece: HistoryPiece): EncodedPiece {
    const policy = piece.is === 'rollUps' ? piece.tier : 'raw'
    const header = ['# DML', '# CONTEXT-DATABASE: headroom', `# CONTEXT-RETENTION-POLICY: ${policy}`]
    const lines = linesOf(piece)
    return { measurement: nameOf(piece), header: `${header.join('\n')}\n`, lines: `${lines.join('\n')}\n` }
  }
}

function linesOf(piece: HistoryPiece): string[] {
  switch (piece.is) {
    case 'points':
      return piece.points.map(({ entity, atMs, fields }) =>
        inNanoseconds(line(piece.kind, tagsOf(entity), Object.entries(fields), atMs)),
      )
    case 'rollUps':
      return piece.rows.map(({ entity, startMs, fields }) => {
        const values = rolledUpFields(fields).map(([name, value]) => {
          // InfluxDB counts in whole numbers, and takes no other ones then.
          return [name, name.endsWith('_count') ? `${value}i` : value] as const
        })
        return inNanoseconds(line(nameOf(piece), tagsOf(entity), values, startMs))
      })
    case 'events':
      return piece.events.map(eventLine)
    case 'marks':
      return piece.marks.map(({ spoolId, throughSeq }) => `${markComment}${JSON.stringify({ spoolId, throughSeq })}`)
  }
}

function eventLine(event: FleetEvent): string {
  const text = oneLine(eventText(event)).replaceAll('"', '\\"')
  const tags = eventTags(event).map(([name, value]) => ({ name, value }))
  const fields = [
    [eventMeasurement.field, 1],
    [eventMeasurement.text, `"${text}"`],
  ] as const
  return inNanoseconds(line(eventMeasurement.name, labelTags(tags), fields, event.at))
}

function inNanoseconds(text: string): string {
  return `${text}000000`
}

/** Digits of a time that are less than a millisecond; `s` lacks three. */
export const precisions = { ns: 6, us: 3, ms: 0, s: -3 } as const
export type Precision = keyof typeof precisions

/** @param nowMs the present: what is later cannot have been measured */
export class InfluxDecoder implements HistoryDecoder {
  constructor(
    private readonly precision: Precision,
    private readonly nowMs: number,
  ) {}

  decode(text: string): HistoryPiece | undefined {
    if (text.startsWith(markComment)) return markIn(text.slice(markComment.length))
    if (text === '' || text.startsWith('#')) return undefined
    const { measurement: name, tags, fields, time } = parseLine(text)
    const measurement = measurementNames.get(name)
    if (measurement === undefined || measurement.is === 'marks') throw new BadLine('the name of a measurement', name)
    const atMs = this.#timeIn(time)
    if (measurement.is === 'events') return eventIn(tags, fields, atMs)
    const numbers = new Map<string, number>()
    for (const [field, value] of fields) {
      if (typeof value !== 'number') throw new BadLine(`a number for ${field}`, String(value))
      numbers.set(field, value)
    }
    const parts = { tags, fields: numbers, atMs }
    if (measurement.is === 'points') return pointPiece(measurement.kind, parts)
    return rollUpPiece(measurement.kind, measurement.tier, parts, new Map(), this.nowMs)
  }

  #timeIn(text: string): number {
    const { precision, nowMs } = this
    const less = precisions[precision]
    const expected = `a time in ${precision}, in whole milliseconds`
    if (!/^\d{1,19}$/.test(text)) throw new BadLine(expected, text)
    const digits = less < 0 ? text + '0'.repeat(-less) : text
    if (less > 0 && !/^0*$/.test(digits.slice(-less))) throw new BadLine(expected, text)
    const atMs = Number(less > 0 ? digits.slice(0, -less) : digits)
    checkTime(atMs, nowMs, text)
    return atMs
  }
}

function eventIn(
  tags: ReadonlyMap<string, string>,
  fields: ReadonlyMap<string, number | string | boolean>,
  atMs: number,
): HistoryPiece {
  for (const name of tags.keys())
    if (!eventMeasurement.tags.some((tag) => tag === name))
      throw new BadLine(`the tags ${eventMeasurement.tags.join(', ')} of event`, name)
  const text = fields.get(eventMeasurement.text) ?? ''
  if (typeof text !== 'string') throw new BadLine('a text', String(text))
  const tag = (name: (typeof eventMeasurement.tags)[number]): string => unescaped(tags.get(name) ?? '')
  const named = { kind: tag('kind'), reason: tag('reason'), vmName: tag('vmName'), hostName: tag('hostName') }
  const message = messageIn(text, named)
  return eventPiece({ ...named, at: atMs, hostId: tag('host'), vmUuid: tag('uuid'), message })
}

function markIn(text: string): HistoryPiece {
  try {
    const { spoolId, throughSeq } = markSchema.parse(JSON.parse(text))
    return markPiece(spoolId, throughSeq)
  } catch (error) {
    if (error instanceof BadLine) throw error
    throw new BadLine('a mark as {"spoolId": …, "throughSeq": …}', text)
  }
}
