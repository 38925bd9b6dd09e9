import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { gunzip, gzip } from 'node:zlib'

import { z } from 'zod'

import { arrayCacheStates, loadClasses } from '../../../controller/model/array-condition.js'
import { arrayTruth } from '../array/array-truth.js'
import { jobKinds } from './scenario.js'

/**
 * What was recorded of one run against an array of the lab: lines of JSON, in order of time after the head, gzipped. Only lines of
 * kind `truth`, `job` and `change` hold what a controller cannot know. Times are milliseconds since 1970.
 */

const bytes = z.number().min(0)

const job = z.object({
  kind: z.enum(jobKinds),
  actors: z.array(z.string()),
  fromSeconds: z.number(),
  toSeconds: z.number(),
  kibPerSecond: z.number().optional(),
  mebibytes: z.number().optional(),
})

export const recordedHead = z.object({
  line: z.literal('head'),
  source: z.literal('recorded from the lab array'),
  version: z.literal(1),
  round: z.string(),
  at: z.number(),
  arrayKey: z.string(),
  scenario: z.object({
    cacheBytes: bytes,
    drainBytesPerSecond: bytes,
    parameters: z.string(),
    changes: z.array(z.object({ atSeconds: z.number(), parameters: z.string() })),
    jobs: z.array(job),
    seconds: z.number(),
  }),
  vms: z.array(z.object({ name: z.string(), uuid: z.string(), host: z.string(), lun: z.number() })),
  hostLuns: z.array(z.object({ host: z.string(), lun: z.number() })),
})

/** What one session at the target did to one LUN since it began: the hosts' LUN counters. */
const lunLine = z.object({
  line: z.literal('lun'),
  at: z.number(),
  lun: z.number(),
  host: z.string(),
  session: z.number(),
  readBytes: bytes,
  readRequests: bytes,
  writeBytes: bytes,
  writeRequests: bytes,
})

/** A point of a VM's disk as the controller keeps it: rates since the point before. Absent: not known, or nothing ended. */
const diskLine = z.object({
  line: z.literal('disk'),
  at: z.number(),
  vm: z.string(),
  readBytesPerSecond: bytes.optional(),
  writeBytesPerSecond: bytes.optional(),
  readRequestsPerSecond: bytes.optional(),
  writeRequestsPerSecond: bytes.optional(),
  readLatencyMs: bytes.optional(),
  writeLatencyMs: bytes.optional(),
  readBytesTotal: bytes.optional(),
  writeBytesTotal: bytes.optional(),
})

const interval = z.object({ low: bytes, likely: bytes, high: bytes })

/** What the controller of the run itself said of the array, by what its agents told it. What hosts copied themselves no agent of the lab sees. */
const saidLine = z.object({
  line: z.literal('said'),
  at: z.number(),
  state: z.enum(arrayCacheStates),
  fill: interval.optional(),
  capacity: interval.optional(),
  drain: interval,
  loadClass: z.enum(loadClasses),
  secondsToSaturation: interval.optional(),
  secondsForTwoCopies: interval.optional(),
  overflows: z.number(),
  /** Of its alert, pending ones too: names. */
  culprits: z.array(z.string()),
  victims: z.array(z.string()),
  hasBurstFinding: z.boolean(),
})

/** A point of the array as the controller keeps it: the small write of an agent's canary. */
const canaryLine = z.object({
  line: z.literal('canary'),
  at: z.number(),
  canaryMs: bytes.optional(),
  canaryOverdueMs: bytes.optional(),
})

const recordedLine = z.discriminatedUnion('line', [
  lunLine,
  diskLine,
  saidLine,
  canaryLine,
  arrayTruth.extend({ line: z.literal('truth') }),
  z.object({
    line: z.literal('job'),
    at: z.number(),
    kind: z.enum(jobKinds),
    actors: z.array(z.string()),
    phase: z.enum(['begin', 'end']),
  }),
  z.object({ line: z.literal('change'), at: z.number(), parameters: z.string() }),
])

export type RecordedHead = z.output<typeof recordedHead>
export type RecordedLine = z.output<typeof recordedLine>
export type RecordedDisk = z.output<typeof diskLine>
export type RecordedLun = z.output<typeof lunLine>
export type RecordedCanary = z.output<typeof canaryLine>
export type RecordedSaid = z.output<typeof saidLine>
export type RecordedTruth = Extract<RecordedLine, { line: 'truth' }>

export interface Recording {
  readonly head: RecordedHead
  /** In order of time. */
  readonly lines: readonly RecordedLine[]
}

export const diskFields = [
  'readBytesPerSecond',
  'writeBytesPerSecond',
  'readRequestsPerSecond',
  'writeRequestsPerSecond',
  'readLatencyMs',
  'writeLatencyMs',
  'readBytesTotal',
  'writeBytesTotal',
] as const satisfies readonly (keyof RecordedDisk)[]

export async function writeRecording(file: string, { head, lines }: Recording): Promise<void> {
  const text = [head, ...lines].map((line) => JSON.stringify(line)).join('\n')
  await mkdir(path.dirname(file), { recursive: true })
  await writeFile(`${file}.new`, await promisify(gzip)(`${text}\n`, { level: 9 }))
  await rename(`${file}.new`, file)
}

/** @throws ZodError if it is no such recording */
export async function readRecording(file: string): Promise<Recording> {
  const text = (await promisify(gunzip)(await readFile(file))).toString('utf8')
  const [head, ...lines] = text
    .trim()
    .split('\n')
    .map((line): unknown => JSON.parse(line))
  return { head: recordedHead.parse(head), lines: lines.map((line) => recordedLine.parse(line)) }
}

export function linesOf<Kind extends RecordedLine['line']>(
  { lines }: Recording,
  kind: Kind,
): Extract<RecordedLine, { line: Kind }>[] {
  return lines.filter((line): line is Extract<RecordedLine, { line: Kind }> => line.line === kind)
}
