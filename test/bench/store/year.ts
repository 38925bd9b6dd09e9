import { rm } from 'node:fs/promises'
import { join } from 'node:path'

import type { Point } from '../../../controller/store/time-series.js'
import { seededChance } from '../../support/seeded-chance.js'
import { EmbeddedContender } from './embedded-contender.js'
import { bytesOf, latencyOf, rounded, timed } from './figures.js'
import type { Figures } from './parts.js'
import { beatMs, fields, startMs, type Workload } from './workload.js'

const hourMs = 3_600_000
const dayMs = 24 * hourMs
/** More than those whose points are kept. */
const fullDays = 5
const beatsPerMinute = 60_000 / beatMs

/**
 * A year of one VM: its day again and again, points kept for three days as ever. All of the last days' points are written, and before
 * one a minute: the roll-ups that are left of it are as large.
 */
export async function fillYear(path: string, workload: Workload, days: number): Promise<Figures> {
  await rm(join(path, '..'), { recursive: true, force: true })
  const ours = await EmbeddedContender.open(path, startMs, 'of the data')
  let points = 0
  const began = performance.now()
  for (const day of yearOf(workload, idOf(workload), days)) {
    await ours.write(day)
    points += day.length
  }
  const seconds = (performance.now() - began) / 1000
  await ours.settle()
  await ours.close()
  return { points, pointsPerSecond: Math.round(points / seconds), bytes: bytesOf(join(path, '..')) }
}

/** The whole year, from roll-ups. */
export async function askForYear(
  path: string,
  workload: Workload,
  { days, questions }: { readonly days: number; readonly questions: number },
): Promise<Figures> {
  const endMs = startMs + days * dayMs
  const ours = await EmbeddedContender.open(path, endMs)
  try {
    const chance = seededChance(workload.size.seed, 'year')
    const oldestMs = (await ours.store.health()).tiers['1h'].oldestMs ?? NaN
    const ask = async (stepMs: number, wanted: () => readonly string[]): Promise<Figures> => {
      let rows = 0
      const took = await timed(questions, async () => {
        const entity = { kind: 'vm', id: idOf(workload) } as const
        const query = { entity, fields: wanted(), fromMs: startMs, toMs: endMs, stepMs, agg: 'mean' } as const
        rows = (await ours.store.range(query)).rows.length
      })
      return { ...latencyOf(took), rows }
    }
    const anyField = (): string[] => [fields[Math.floor(chance() * fields.length)] ?? '']
    return {
      days: rounded((endMs - oldestMs) / dayMs, 1),
      oneFieldByDay: await ask(dayMs, anyField),
      oneFieldByHour: await ask(hourMs, anyField),
      allFieldsByDay: await ask(dayMs, () => fields),
    }
  } finally {
    await ours.close()
  }
}

function idOf(workload: Workload): string {
  return workload.ids[3] ?? ''
}

/** A VM's day, again for each day of a year, day by day. */
function* yearOf(workload: Workload, id: string, days: number): Generator<Point[]> {
  const day: Point[] = []
  for (let hour = 0; hour < workload.size.hours; hour += 1) {
    for (const point of workload.pointsOf(hour)) if (point.entity.id === id) day.push(point)
  }
  const thinned = day.filter((_, beat) => beat % beatsPerMinute === 0)
  const spanMs = workload.size.hours * hourMs
  for (let atMs = 0; atMs < days * dayMs; atMs += spanMs) {
    const points = atMs < (days - fullDays) * dayMs ? thinned : day
    yield points.map((point) => ({ ...point, atMs: point.atMs + atMs }))
  }
}
