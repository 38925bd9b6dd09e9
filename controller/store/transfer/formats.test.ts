import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import type { FleetEvent } from '../../model/snapshot.js'
import { sketchOf } from '../embedded/sketch.js'
import { entityKinds, fieldNames, measurements, type EntityKind } from '../measurements.js'
import type { FieldRollUp } from '../roll-ups.js'
import type { Summary } from '../server/summary.js'
import { rollUpTiers, windowMs } from '../server/tier-plan.js'
import { CsvDecoder, CsvEncoder } from './csv.js'
import { BadLine, type HistoryDecoder, type HistoryEncoder } from './format.js'
import type { HistoryPiece } from './history.js'
import { InfluxDecoder, InfluxEncoder } from './influx-lines.js'

const nowMs = Date.UTC(2026, 2, 1, 12)
const atMs = fc.integer({ min: Date.UTC(2000, 0, 2), max: nowMs })
/** With everything that could end a cell, a line or a name. */
const text = fc.string({
  unit: fc.constantFrom(...Array.from('ab/=,; "\\%\n\r\t-+@é\u0000😀')),
  minLength: 1,
  maxLength: 12,
})
const value = fc
  .oneof(
    fc.double({ min: -1e300, max: 1e300, noNaN: true }),
    fc.integer({ min: -5, max: 5 }),
    fc.constantFrom(0, 1e21, 5e-324, 2 ** 53),
  )
  // -0 is 0 as text.
  .map((one) => one + 0)

function idOf(kind: EntityKind): fc.Arbitrary<string> {
  const part = text.map((one) => one.replaceAll('/', '|'))
  return measurements[kind].tags.length === 1 ? part : fc.tuple(part, part).map((parts) => parts.join('/'))
}

function fieldsOf<Value>(kind: EntityKind, one: fc.Arbitrary<Value>): fc.Arbitrary<Record<string, Value>> {
  return fc.dictionary(fc.constantFrom(...fieldNames(kind)), one, { minKeys: 1 })
}

const rollUp: fc.Arbitrary<FieldRollUp> = fc.array(value, { minLength: 1, maxLength: 20 }).map((values) => {
  const sorted = values.toSorted((a, b) => a - b)
  const [min = NaN, max = NaN] = [sorted[0], sorted.at(-1)]
  const mean = values.reduce((sum, one) => sum + one / values.length, 0)
  const p95 = sorted[Math.ceil(0.95 * values.length) - 1] ?? NaN
  return { count: values.length, mean, min, max, last: values.at(-1) ?? NaN, p95, sketch: sketchOf(values) }
})

const kind = fc.constantFrom(...entityKinds)
const points = kind.chain((of) =>
  fc.record({ id: idOf(of), atMs, fields: fieldsOf(of, value) }).map(({ id, ...point }): HistoryPiece => {
    return { is: 'points', kind: of, points: [{ entity: { kind: of, id }, ...point }] }
  }),
)
const rollUps = fc.tuple(kind, fc.constantFrom(...rollUpTiers)).chain(([of, tier]) =>
  fc.record({ id: idOf(of), atMs, fields: fieldsOf(of, rollUp) }).map((row): HistoryPiece => {
    const startMs = Math.floor((row.atMs - 3_600_000) / windowMs[tier]) * windowMs[tier]
    return { is: 'rollUps', kind: of, tier, rows: [{ entity: { kind: of, id: row.id }, startMs, fields: row.fields }] }
  }),
)
const maybe = fc.oneof(fc.constant(''), text)
const event: fc.Arbitrary<FleetEvent> = fc.record({
  at: atMs,
  hostId: maybe,
  vmUuid: maybe,
  vmName: maybe,
  kind: text,
  reason: maybe,
  message: maybe,
})
const events = event.map((one): HistoryPiece => ({ is: 'events', events: [one] }))
const marks = fc
  .record({ spoolId: text, throughSeq: fc.nat() })
  .map((mark): HistoryPiece => ({ is: 'marks', marks: [mark] }))

function readBack(encoder: HistoryEncoder, decoder: HistoryDecoder, piece: HistoryPiece): HistoryPiece[] {
  const { header, lines } = encoder.encode(piece)
  expect(lines.endsWith('\n')).toBe(true)
  expect(lines.split('\n')).toHaveLength(2)
  return `${header}${lines}`
    .slice(0, -1)
    .split('\n')
    .flatMap((line) => decoder.decode(line) ?? [])
}

describe('CSV', () => {
  const same = (piece: HistoryPiece): void => {
    // Where all values are the same a sketch says nothing.
    const expected = withoutSketches(piece, ({ min, max }) => min === max)
    expect(readBack(new CsvEncoder(undefined), new CsvDecoder(nowMs), piece)).toEqual([expected])
  }

  test('gives back all of it', () => {
    fc.assert(fc.property(fc.oneof(points, rollUps, events, marks), same))
  })

  test('has no cell that a spreadsheet takes for a formula', () => {
    const encoder = new CsvEncoder(undefined)
    const { lines } = encoder.encode({ is: 'marks', marks: [{ spoolId: '=1+2', throughSeq: 3 }] })
    expect(lines).toBe('mark,%3D1+2,3\n')
  })
})

describe('line protocol', () => {
  const encoder = new InfluxEncoder()
  const decoder = new InfluxDecoder('ns', nowMs)

  test('gives back points, marks, and roll-ups but for their sketches', () => {
    fc.assert(
      fc.property(fc.oneof(points, rollUps, marks), (piece) => {
        expect(readBack(encoder, decoder, piece)).toEqual([withoutSketches(piece, () => true)])
      }),
    )
  })

  test('gives back events, but for what cannot stand in one line', () => {
    fc.assert(
      fc.property(event, (one) => {
        // oxlint-disable-next-line no-control-regex -- they are what has to go
        const message = one.message.replaceAll(/[\\\u0000-\u001F\u007F]+/g, ' ')
        const [read] = readBack(encoder, decoder, { is: 'events', events: [one] })
        expect(read).toEqual({ is: 'events', events: [{ ...one, message, hostName: '' }] })
      }),
    )
  })

  test('reads other precisions, and refuses a time of another one', () => {
    const at = Date.UTC(2026, 2, 1)
    for (const [precision, time] of [
      ['s', String(at / 1000)],
      ['ms', String(at)],
      ['us', `${at}000`],
      ['ns', `${at}000000`],
    ] as const) {
      const line = `vm,uuid=a cpuCores=1 ${time}`
      expect(new InfluxDecoder(precision, nowMs).decode(line)).toMatchObject({ points: [{ atMs: at }] })
      for (const other of (['s', 'ms', 'us', 'ns'] as const).filter((one) => one !== precision))
        expect(() => new InfluxDecoder(other, nowMs).decode(line)).toThrow(/expected a time/)
    }
  })

  test('takes names of VMs and hosts as InfluxDB has them', () => {
    const line = 'vm,hostName=h\\ 1,name=mail,uuid=a cpuCores=1 1772323200000000000'
    expect(decoder.decode(line)).toMatchObject({ points: [{ labels: { name: 'mail', hostName: 'h 1' } }] })
  })
})

function withoutSketches(piece: HistoryPiece, isLost: (known: FieldRollUp) => boolean): HistoryPiece {
  if (piece.is !== 'rollUps') return piece
  const rows = piece.rows.map((row) => {
    const fields = Object.entries(row.fields).map(([name, known]) => {
      const { count, mean, min, max, last, p95 } = known
      return [name, isLost(known) ? { count, mean, min, max, last, p95 } : known] as const
    })
    return { ...row, fields: Object.fromEntries(fields) }
  })
  return { ...piece, rows }
}

const header = 'measurement,time,uuid,cpuCores,running'
const time = '2026-03-01T09:50:00.000Z'
const ns = '1772358600000000000'

const refused: readonly (readonly [line: string, message: string])[] = [
  [`vm,${time},a,1`, 'expected 5 cells, as in the header, got "4: '],
  [`vm,${time},"a,1,`, 'expected a quote that ends the cell'],
  [`vm,${time},"a"b,1,`, 'expected a comma after a quoted cell'],
  [`vm,${time},,1,`, 'expected the tag uuid, got nothing'],
  [`vm,${time},a,,`, 'expected at least one field, got nothing'],
  [`vm,${time},a,NaN,`, 'expected a number for cpuCores, got "NaN"'],
  [`vm,${time},a,1e999,`, 'expected what can be stored'],
  [`vm,2026-03-01 09:50,a,1,`, 'expected a time such as 2026-03-01T09:50:00.000Z, got "2026-03-01 09:50"'],
  [`vm,2026-13-01T09:50:00Z,a,1,`, 'expected a time such as'],
  [`vm,2027-03-01T09:50:00Z,a,1,`, 'expected a time from the year 2000 to tomorrow'],
  [`disk,${time},a,1,`, 'expected fields of disk (readBytesPerSecond'],
  [`nothing,${time},a,1,`, 'expected the name of a measurement, got "nothing"'],
  [`vm_5m,${time},a,1,`, 'expected fields of vm with _count'],
  ['vm,uuid=a cpuCores=1', 'expected a space and a time after the fields'],
  [`vm,uuid=a cpuCores=1 ${ns}1`, 'expected a time in ns, in whole milliseconds'],
  [`vm,uuid=a cpuCores=1 ${ns.slice(0, -1)}1`, 'expected a time in ns, in whole milliseconds'],
  [`vm,uuid=a cpu=1 ${ns}`, 'expected fields of vm (cpuCores'],
  [`vm,uuid=a cpuCores="1" ${ns}`, 'expected a number for cpuCores, got "1"'],
  [`vm,uuid=a,host=b cpuCores=1 ${ns}`, 'expected the tags uuid, name, hostName of vm, got "host"'],
  [`mark,uuid=a cpuCores=1 ${ns}`, 'expected the name of a measurement, got "mark"'],
  [`event,uuid=a count=1 ${ns}`, 'expected an event of some kind'],
  [`event,kind=a count=1,text=5 ${ns}`, 'expected a text, got "5"'],
  ['# headroom mark {"spoolId":"","throughSeq":1}', 'spool id must be 1 to'],
  ['# headroom mark 5', 'expected a mark as'],
  [rolled({ count: 1.5 }), 'expected a whole number of values of cpuCores, got "1.5"'],
  [rolled({ mean: 3 }), 'expected cpuCores_mean from 1 to 2, got "3"'],
  [rolled({ p95: -1 }), 'expected cpuCores_p95 from 1 to 2, got "-1"'],
  [rolled({}).replace(',cpuCores_last=2', ''), 'expected cpuCores with each of _count'],
  [rolled({}, '1772358660000000000'), 'expected the start of a window of five minutes'],
  [rolled({}, '1772366400000000000'), 'expected an hour that is over'],
]

function rolled(change: Partial<Summary>, at = ns): string {
  const stats = { count: 2, mean: 1.5, min: 1, max: 2, last: 2, p95: 2, ...change }
  const fields = Object.entries(stats).map(([stat, one]) => `cpuCores_${stat}=${one}`)
  return `vm_5m,uuid=a ${fields.join(',')} ${at}`
}

test.each(refused)('refuses %s', (line, message) => {
  const csv = new CsvDecoder(nowMs)
  csv.decode(header)
  const decoder: HistoryDecoder = /^\w+,\d/.test(line) ? csv : new InfluxDecoder('ns', nowMs)
  expect(() => decoder.decode(line)).toThrow(BadLine)
  expect(() => decoder.decode(line)).toThrow(message)
})

test('a table without a header, or with a column twice, is none', () => {
  expect(() => new CsvDecoder(nowMs).decode(`vm,${time},a,1,`)).toThrow('expected a header')
  expect(() => new CsvDecoder(nowMs).decode(`${header},running`)).toThrow('expected each column once, got "running"')
})
