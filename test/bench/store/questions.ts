import type { TopRow } from '../../../controller/store/time-series.js'
import { rankedWindow } from '../../../controller/store/embedded/top-query.js'
import type { Contender } from './contender.js'
import { latencyOf, rounded, timed } from './figures.js'
import { keepWriting } from './ingest.js'
import type { Figures } from './parts.js'
import { fields, pointWidth, startMs, type Workload } from './workload.js'

const hourMs = 3_600_000

/** One VM, one hour, all fields as stored, while points come in. */
export async function askForPoints(
  contender: Contender,
  workload: Workload,
  chance: () => number,
  { count, pointsPerSecond }: { readonly count: number; readonly pointsPerSecond: number },
): Promise<Figures> {
  const end = new AbortController()
  const writing = keepWriting(contender, workload, pointsPerSecond, end.signal)
  const began = performance.now()
  const took: number[] = []
  let rows = 0
  for (let index = 0; index < count; index += 1) {
    const id = workload.ids[Math.floor(chance() * workload.ids.length)] ?? ''
    const fromMs = startMs + Math.floor(chance() * (workload.size.hours - 1) * hourMs)
    const [ms] = await timed(1, async () => {
      rows += await contender.points(id, fromMs, fromMs + hourMs)
    })
    took.push(ms ?? NaN)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  end.abort()
  const written = await writing
  const rate = (written * 1000) / (performance.now() - began)
  return { ...latencyOf(took), rowsPerAnswer: rounded(rows / count, 1), writtenPerSecond: Math.round(rate) }
}

export interface TopPlan {
  readonly count: number
  /** Undefined: of any length. */
  readonly windowMs: number | undefined
}

/** The ten highest of a random field over windows with random ends, compared with brute force over all points. */
export async function askForTop(
  contender: Contender,
  workload: Workload,
  chance: () => number,
  { count, windowMs }: TopPlan,
): Promise<Figures> {
  const spanMs = workload.size.hours * hourMs
  const questions = Array.from({ length: count }, () => {
    const lengthMs = windowMs ?? hourMs + chance() * (spanMs - hourMs)
    const toMs = Math.floor(startMs + Math.min(spanMs, lengthMs / 2 + chance() * spanMs))
    return { field: Math.floor(chance() * fields.length), fromMs: Math.floor(toMs - lengthMs), toMs }
  })
  const answers: (readonly TopRow[])[] = []
  const took = await timed(count, async (index) => {
    const { field, fromMs, toMs } = questions[index] ?? { field: 0, fromMs: 0, toMs: 0 }
    answers.push(await contender.top(fields[field] ?? '', fromMs, toMs))
  })
  const means = bruteForce(workload, questions)
  let [wrong, largestError] = [0, 0]
  for (const [index, rows] of answers.entries()) {
    const truths = means[index] ?? new Map<string, number>()
    const sorted = [...truths.values()].sort((a, b) => b - a)
    if (rows.length !== Math.min(10, sorted.length)) wrong += 1
    for (const [place, { id, value }] of rows.entries()) {
      const error = Math.max(off(value, truths.get(id) ?? NaN), off(value, sorted[place] ?? NaN))
      largestError = Math.max(largestError, error)
      if (!(error <= 2 ** -16)) wrong += 1
    }
  }
  return { ...latencyOf(took), wrongRows: wrong, largestError: Number(largestError.toExponential(1)) }
}

function off(value: number, truth: number): number {
  return value === truth ? 0 : Math.abs(value - truth) / Math.max(Math.abs(value), Math.abs(truth))
}

interface Question {
  readonly field: number
  readonly fromMs: number
  readonly toMs: number
}

/** For each question the mean of every VM over its window as rankings take it, from all points. */
function bruteForce(workload: Workload, questions: readonly Question[]): Map<string, number>[] {
  const { ids } = workload
  const asked = questions.map((question) => ({
    ...rankedWindow(question),
    field: question.field,
    sums: new Float64Array(ids.length),
    counts: new Float64Array(ids.length),
  }))
  for (let hour = 0; hour < workload.size.hours; hour += 1) {
    const numbers = workload.hour(hour)
    for (const { fromMs, toMs, field, sums, counts } of asked) {
      for (let at = 0, vm = 0; at < numbers.length; at += pointWidth, vm = (vm + 1) % ids.length) {
        const atMs = numbers[at] ?? NaN
        const value = numbers[at + 1 + field] ?? NaN
        if (!(atMs >= fromMs && atMs < toMs) || Number.isNaN(value)) continue
        sums[vm] = (sums[vm] ?? 0) + value
        counts[vm] = (counts[vm] ?? 0) + 1
      }
    }
  }
  return asked.map(({ sums, counts }) => {
    const known = ids.flatMap((id, vm) =>
      counts[vm] === 0 ? [] : [[id, (sums[vm] ?? 0) / (counts[vm] ?? 0)] as const],
    )
    return new Map(known)
  })
}
