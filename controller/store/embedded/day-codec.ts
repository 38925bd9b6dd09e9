import { ByteReader, ByteWriter } from './byte-stream.js'
import { sealed, unsealed } from './checked-bytes.js'
import { Summaries, writeSummaries, type StepList, type Summary } from './summaries.js'

/** By step of the day; undefined where there was no value. */
export type DaySteps = readonly (Summary | undefined)[]

/*
 * Roll-ups of one series in one day, by field.
 *   u32 crc, u8 version, varint steps of the day, varint fields,
 *   each: varint field, block { bitmap of the steps that have a summary, their summaries }
 */
const version = 1
const bits = 16

/** All fields must have the same number of steps. */
export function encodeDay(fields: ReadonlyMap<number, DaySteps>, stepCount: number): Buffer {
  const out = new ByteWriter(4096)
  out.u32(0)
  out.u8(version)
  out.varint(stepCount)
  out.varint(fields.size)
  for (const [field, steps] of fields) {
    out.varint(field)
    out.block((block) => {
      const bitmap = Buffer.alloc(Math.ceil(stepCount / 8))
      for (const [step, summary] of steps.entries()) {
        if (summary !== undefined) bitmap[step >> 3] = (bitmap[step >> 3] ?? 0) | (1 << (step & 7))
      }
      block.bytes(bitmap)
      writeSummaries(
        block,
        steps.filter((step) => step !== undefined),
        bits,
      )
    })
  }
  return sealed(out)
}

/** Of the fields only the asked ones, or all. @throws Error if the bytes are damaged */
export function decodeDay(bytes: Buffer, wanted?: ReadonlySet<number>): Map<number, StepList> {
  const input = unsealed(bytes, 'a day of roll-ups')
  const found = input.u8()
  if (found !== version) throw new Error(`a day of roll-ups has the unknown version ${found}`)
  const stepCount = input.varint()
  const fields = new Map<number, StepList>()
  for (let left = input.varint(); left > 0; left -= 1) {
    const field = input.varint()
    const block = input.block()
    if (wanted === undefined || wanted.has(field)) fields.set(field, readField(new ByteReader(block), stepCount))
  }
  return fields
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
