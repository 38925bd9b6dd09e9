import { resolve } from 'node:path'

import type { Batch, EntityKey, RangeQuery, Tier, TimeSeries } from '../../controller/store/time-series.js'

const hourMs = 3_600_000
const dayMs = 24 * hourMs
const firstMs = Date.UTC(2026, 2, 1)
const stepMs = 600_000
const vms: readonly EntityKey[] = ['a', 'b', 'c'].map((id) => ({ kind: 'vm', id }))

/** What a store is busy with while it fails. */
export interface StorePace {
  readonly tierMs: Readonly<Record<Tier, number>>
  /** How far the store's clock is ahead of its data. */
  readonly perAckMs: number
  readonly maintainEveryMs: number
  readonly backups: boolean
}

const forEver = { raw: 10_000 * dayMs, '5m': 10_000 * dayMs, '1h': 10_000 * dayMs }
const often = { perAckMs: 2 * hourMs, maintainEveryMs: 3, backups: false }

export const storePaces: Readonly<Record<string, StorePace>> = {
  ingest: { ...often, tierMs: forEver, maintainEveryMs: 3_600_000 },
  seal: { ...often, tierMs: forEver },
  /** Days are moved all the time. */
  'roll-up': { ...often, tierMs: { ...forEver, raw: 3 * hourMs } },
  /** And deleted. */
  retention: { ...often, tierMs: { raw: 3 * hourMs, '5m': dayMs, '1h': 3 * dayMs } },
  backup: { ...often, tierMs: { ...forEver, raw: 2 * dayMs }, backups: true },
}

function timeOf(seq: number): number {
  return firstMs + seq * stepMs
}

/** What is written under a number: a point of each VM, an event, the mark. */
export function batchOf(seq: number): Batch {
  const at = timeOf(seq)
  return {
    points: vms.map((entity) => ({ entity, atMs: at, fields: { running: 1, memoryBytes: seq } })),
    events: [{ at, hostId: 'h', vmUuid: 'a', vmName: 'a', kind: 'k', reason: String(seq), message: '' }],
    marks: [{ spoolId: 'writer', throughSeq: seq }],
  }
}

/** The worker as it was built. */
export const builtWorker = resolve(import.meta.dirname, '../../dist/controller/store/embedded/worker.js')

/** The highest number of which everything must be there. */
export async function throughOf(store: TimeSeries): Promise<number> {
  return (await store.marks()).get('writer') ?? -1
}

/**
 * What of a store is not as it was promised: every point and event up to its mark is there exactly once, as far as it is to be
 * kept, and roll-ups say what the points said.
 */
export async function faultsOf(store: TimeSeries, { tierMs, perAckMs }: StorePace): Promise<string[]> {
  const faults: string[] = []
  const through = await throughOf(store)
  // A few more may have been on their way.
  const latestNowMs = timeOf(through + 8) + perAckMs
  const endMs = timeOf(through) + 1
  for (const entity of vms) {
    const ask = async (query: Partial<RangeQuery>): Promise<readonly (readonly (number | null)[])[]> => {
      const whole = { entity, fields: ['running'], fromMs: firstMs, toMs: endMs, stepMs: 0, agg: 'sum' as const }
      return (await store.range({ ...whole, ...query })).rows
    }
    const raw = await ask({ fields: ['running', 'memoryBytes'] })
    const first = raw[0]?.[2] ?? through + 1
    for (const [index, row] of raw.entries()) {
      const seq = first + index
      if (row[0] !== timeOf(seq) || row[1] !== 1 || row[2] !== seq) {
        faults.push(`${entity.id}: point ${index} is ${JSON.stringify(row)}, expected that of ${seq}`)
        break
      }
    }
    if (first + raw.length !== through + 1)
      faults.push(`${entity.id}: points end at ${first + raw.length - 1}, not at ${through}`)
    const keptFromMs = Math.floor((latestNowMs - tierMs.raw) / hourMs) * hourMs
    if (timeOf(first) > Math.max(firstMs, keptFromMs) + stepMs) {
      faults.push(`${entity.id}: points begin at ${first}, kept from ${new Date(keptFromMs).toISOString()}`)
    }
    for (const [tier, widthMs] of [
      ['1h', hourMs],
      ['5m', stepMs / 2],
    ] as const) {
      const rows = await ask({ tier, fields: ['running', 'memoryBytes'] })
      const keptDayMs = Math.floor((latestNowMs - tierMs[tier]) / dayMs) * dayMs
      faults.push(...stepFaults(rows, { what: `${entity.id}, ${tier}`, widthMs, through, keptFromMs: keptDayMs }))
    }
  }
  const events = await store.events({ fromMs: 0, toMs: Infinity, limit: 10_000 })
  for (const [index, { reason }] of events.entries()) {
    if (reason === String(through - index)) continue
    faults.push(`event ${index} from the end is that of ${reason}, expected ${through - index}`)
    break
  }
  if (events.length !== Math.min(10_000, through + 1)) faults.push(`${events.length} events up to ${through}`)
  const { ok, problem, damaged, tooLate } = await store.health()
  if (!ok || damaged > 0 || tooLate > 0) faults.push(`health: ${problem}, ${damaged} damaged, ${tooLate} too late`)
  return faults
}

/** Each step's count of points, and their sum, must be right; steps may be missing only where they are not kept. */
function stepFaults(
  rows: readonly (readonly (number | null)[])[],
  plan: { readonly what: string; readonly widthMs: number; readonly through: number; readonly keptFromMs: number },
): string[] {
  const { what, widthMs, through, keptFromMs } = plan
  const found = new Map(rows.map(([atMs, count, sum]) => [atMs, { count, sum }]))
  if (found.size !== rows.length) return [`${what}: a step is there twice`]
  const faults: string[] = []
  for (let seq = 0; seq <= through;) {
    const startMs = Math.floor(timeOf(seq) / widthMs) * widthMs
    let [count, sum] = [0, 0]
    for (; seq <= through && timeOf(seq) < startMs + widthMs; seq += 1) {
      count += 1
      sum += seq
    }
    const row = found.get(startMs)
    found.delete(startMs)
    if (row === undefined && startMs < keptFromMs) continue
    if (row?.count === count && Math.abs((row.sum ?? NaN) - sum) <= sum * 2 ** -16) continue
    faults.push(
      `${what}: ${new Date(startMs).toISOString()} has ${JSON.stringify(row)}, expected ${count} points, sum ${sum}`,
    )
    if (faults.length > 3) break
  }
  if (found.size > 0 && faults.length === 0) faults.push(`${what}: steps that nothing was written in`)
  return faults
}
