import { ByteReader, ByteWriter } from './byte-stream.js'
import { sealed, unsealed } from './checked-bytes.js'
import { readIntegers, writeIntegers } from './packed-integers.js'
import {
  asKept,
  Summaries,
  togetherOf,
  writeFigures,
  writeSummaries,
  type StepList,
  type Summary,
} from './summaries.js'

/** By step of the day; undefined where there was no value. */
export type DaySteps = readonly (Summary | undefined)[]

export interface DecodedDay {
  /** How many steps the day has: 1 where the whole day was asked for and is there. */
  readonly stepCount: number
  readonly fields: ReadonlyMap<number, StepList>
}

/*
 * Roll-ups of one series in one day, by field. In front stand the figures that the steps of each field, as they are kept, add up to:
 * the day as a whole is told without unpacking them.
 *   u32 crc, u8 version, varint steps of the day, varint fields, which (integers), figures of the whole day, one a field;
 *   each field: block { bitmap of the steps that have a summary, their summaries }
 * Version 1 has no figures of the whole day; its fields stand each before its block, as varints.
 */
const version = 2
const bits = 16

/** All fields must have the same number of steps. */
export function encodeDay(fields: ReadonlyMap<number, DaySteps>, stepCount: number): Buffer {
  const known = [...fields].flatMap(([field, all]) => {
    const present = all.flatMap((summary, step) => (summary === undefined ? [] : [{ step, summary }]))
    const whole = togetherOf(present.map(({ summary }) => asKept(summary, bits)))
    return whole === undefined ? [] : [{ field, present, whole }]
  })
  const out = new ByteWriter(4096)
  out.u32(0)
  out.u8(version)
  out.varint(stepCount)
  out.varint(known.length)
  writeIntegers(
    out,
    known.map(({ field }) => field),
  )
  writeFigures(
    out,
    known.map(({ whole }) => whole),
    bits,
  )
  for (const { present } of known) {
    out.block((block) => {
      const bitmap = Buffer.alloc(Math.ceil(stepCount / 8))
      for (const { step } of present) bitmap[step >> 3] = (bitmap[step >> 3] ?? 0) | (1 << (step & 7))
      block.bytes(bitmap)
      writeSummaries(
        block,
        present.map(({ summary }) => summary),
        bits,
      )
    })
  }
  return sealed(out)
}

/**
 * Of the fields only the asked ones, or all; by step, or figures of the whole day as one step, if they were kept.
 * @throws Error if the bytes are damaged
 */
export function decodeDay(
  bytes: Buffer,
  { wanted, whole = false }: { readonly wanted?: ReadonlySet<number>; readonly whole?: boolean } = {},
): DecodedDay {
  const input = unsealed(bytes, 'a day of roll-ups')
  const found = input.u8()
  if (found !== 1 && found !== version) throw new Error(`a day of roll-ups has the unknown version ${found}`)
  const stepCount = input.varint()
  const fieldCount = input.varint()
  const fields = new Map<number, StepList>()
  const ids = found === 1 ? undefined : readIntegers(input, fieldCount)
  if (ids !== undefined) {
    const summaries = new Summaries(input, fieldCount, bits, 'figures')
    if (whole) {
      for (const [first, field] of ids.entries()) {
        if (wanted?.has(field) !== false) fields.set(field, { steps: [0], first, summaries })
      }
      return { stepCount: 1, fields }
    }
  }
  for (let index = 0; index < fieldCount; index += 1) {
    const field = ids?.[index] ?? input.varint()
    if (wanted?.has(field) === false) input.skip(input.varint())
    else fields.set(field, readField(new ByteReader(input.block()), stepCount))
  }
  return { stepCount, fields }
}

function readField(input: ByteReader, stepCount: number): StepList {
  const bitmap = input.bytes(Math.ceil(stepCount / 8))
  const steps: number[] = []
  for (let step = 0; step < stepCount; step += 1) {
    if (((bitmap[step >> 3] ?? 0) & (1 << (step & 7))) !== 0) steps.push(step)
  }
  return { steps, first: 0, summaries: new Summaries(input, steps.length, bits) }
}

/** Each step's summary, or undefined. */
export function allSteps({ steps, first, summaries }: StepList, stepCount: number): (Summary | undefined)[] {
  const all = Array.from<Summary | undefined>({ length: stepCount })
  for (const [place, step] of steps.entries()) all[step] = summaries.at(first + place)
  return all
}
