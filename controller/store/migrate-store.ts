import { setTimeout as delay } from 'node:timers/promises'

import type { EmbeddedStore } from './embedded/embedded-store.js'
import { entityKinds, type EntityKind } from './measurements.js'
import type { RolledUp } from './roll-ups.js'
import type { ProcessLook, Retention, Sink } from './server/sink.js'
import { rollUpTiers, windowMs, type RollUpTier } from './server/tier-plan.js'
import type { Point, TimeSeries } from './time-series.js'

/** How far it is: everything before is on the server or durable in the queue before it. */
export interface MigrationPlace {
  readonly part: 'points' | RollUpTier
  readonly kind: EntityKind
  /** Of the last entity that is done, or whose points are taken up to `atMs`. */
  readonly id: string
  readonly atMs: number
}

export interface MigrationOptions {
  readonly from: Pick<EmbeddedStore, 'export' | 'series' | 'events' | 'marks' | 'rollUps' | 'health'>
  /** The same server twice: behind its queue, and as such. */
  readonly to: Pick<TimeSeries, 'write' | 'health'>
  readonly sink: Sink
  readonly retention: Retention
  readonly now: () => number
  /** Where an earlier run ended. */
  readonly place: MigrationPlace | undefined
  /** Durable when it resolves. */
  readonly reached: (place: MigrationPlace) => Promise<void>
  /** `share`: of the part. `problem`: why the server takes nothing now; empty while it does. */
  readonly show: (progress: { readonly what: string; readonly share: number; readonly problem: string }) => void
  readonly signal: AbortSignal
}

export interface Migrated {
  readonly points: number
  readonly events: number
  readonly rollUps: number
}

const mostWaitingPoints = 50_000
const rowsOfOneWrite = 2000
const pollMs = 200
const retryMs = 2000
const parts = ['points', ...rollUpTiers] as const

/**
 * Takes all that an embedded store has to a server that is to follow it: points, events and high-water marks through the server's
 * durable queue, which has it compute the roll-ups of these points; then the roll-ups of the time before, as they are. What is sent twice
 * is there once, so that a run goes on where an earlier one ended. A server that is away is waited for.
 * Rejects with the signal's reason, or if the embedded store cannot be read.
 */
export async function migrateStore(options: MigrationOptions): Promise<Migrated> {
  const { retention, now } = options
  // A server takes no points that are older than it keeps them; their roll-ups it takes.
  const pointsFromMs = Math.ceil((now() - retention.raw) / windowMs['1h']) * windowMs['1h'] + windowMs['1h']
  const events = await migrateEvents(options)
  const points = await migratePoints(options, pointsFromMs)
  const rollUps = await migrateRollUps(options, pointsFromMs)
  // Last: an agent that is told "stored" forgets.
  const marks = await options.from.marks()
  await options.to.write({
    points: [],
    events: [],
    marks: [...marks].map(([spoolId, throughSeq]) => ({ spoolId, throughSeq })),
  })
  await queueBelow(options, 0, 'waiting for the server', 1)
  return { points, events, rollUps }
}

const eventsOfOnePage = 2000

async function migrateEvents({ from, to, signal }: MigrationOptions): Promise<number> {
  let count = 0
  let toMs = Number.MAX_SAFE_INTEGER
  for (;;) {
    signal.throwIfAborted()
    const events = await from.events({ fromMs: 0, toMs, limit: eventsOfOnePage })
    await to.write({ points: [], events, marks: [] })
    const oldest = events.at(-1)
    count += events.length
    if (oldest === undefined || events.length < eventsOfOnePage) return count
    // Those of the same moment come again, and are known; a page of one moment is passed.
    toMs = oldest.at + 1 < toMs ? oldest.at + 1 : oldest.at
  }
}

async function migratePoints(options: MigrationOptions, fromMs: number): Promise<number> {
  const { from, to, signal, reached } = options
  const total = (await from.health()).points ?? 0
  let done = 0
  for (const kind of entityKinds) {
    if (isDone(options.place, 'points', kind)) continue
    const after = placeOf(options.place, 'points', kind)
    for await (const piece of from.export({ kind, fromMs, toMs: Number.MAX_SAFE_INTEGER, signal })) {
      done += piece.length
      const points = piece.filter((point) => after === undefined || isAfter(point, after))
      const last = points.at(-1)
      if (last === undefined) continue
      await queueBelow(options, mostWaitingPoints, 'points', done / Math.max(total, done))
      await to.write({ points, events: [], marks: [] })
      await reached({ part: 'points', kind, id: last.entity.id, atMs: last.atMs })
    }
  }
  return done
}

async function migrateRollUps(options: MigrationOptions, toMs: number): Promise<number> {
  const { from, sink, now, retention } = options
  for (;;) {
    const before = await lookAt(options)
    let count = 0
    for (const tier of rollUpTiers) {
      const fromMs = now() - retention[tier]
      for (const kind of entityKinds) {
        if (isDone(options.place, tier, kind)) continue
        const after = placeOf(options.place, tier, kind)
        const series = (await from.series({ kind }))
          .map(({ entity }) => entity)
          .toSorted((a, b) => (a.id < b.id ? -1 : 1))
        for (const [index, entity] of series.entries()) {
          if (after !== undefined && entity.id <= after.id) continue
          const rows = await from.rollUps({ entity, tier, fromMs, toMs })
          const rolled = rows.map((row): RolledUp => ({ entity, ...row }))
          for (let at = 0; at < rolled.length; at += rowsOfOneWrite)
            await sendRollUps(
              options,
              tier,
              rolled.slice(at, at + rowsOfOneWrite),
              `${tier} roll-ups, ${kind}`,
              index / series.length,
            )
          count += rolled.length
          await options.reached({ part: tier, kind, id: entity.id, atMs: toMs })
        }
      }
    }
    if (sink.traits.durableAfterMs === 0) return count
    await delay(sink.traits.durableAfterMs, undefined, { signal: options.signal })
    if (isSame(before, await lookAt(options))) return count
    options.show({ what: 'the server began anew: roll-ups are sent again', share: 0, problem: '' })
    options = { ...options, place: undefined }
  }
}

/** Until the server has them. */
async function sendRollUps(
  { sink, signal, show }: MigrationOptions,
  tier: RollUpTier,
  rows: readonly RolledUp[],
  what: string,
  share: number,
): Promise<void> {
  for (;;) {
    signal.throwIfAborted()
    const outcome = await sink.writeRollUps(tier, rows)
    show({ what, share, problem: outcome.is === 'failed' ? outcome.problem : (outcome.refused?.reason ?? '') })
    if (outcome.is === 'stored') return
    await delay(retryMs, undefined, { signal })
  }
}

async function queueBelow(
  { to, signal, show }: MigrationOptions,
  most: number,
  what: string,
  share: number,
): Promise<void> {
  for (;;) {
    signal.throwIfAborted()
    const { queue, problem } = await to.health()
    show({ what, share, problem })
    if ((queue?.waitingPoints ?? 0) <= most) return
    await delay(pollMs, undefined, { signal })
  }
}

/** Waits for a server that is away. */
async function lookAt({ sink, signal, show }: MigrationOptions): Promise<ReadonlyMap<string, ProcessLook>> {
  for (;;) {
    signal.throwIfAborted()
    try {
      const look = await sink.look()
      if (look.isComplete && look.isClear && [...look.processes.values()].every(({ isYoung }) => !isYoung))
        return look.processes
    } catch (error) {
      show({
        what: 'waiting for the server',
        share: 0,
        problem: error instanceof Error ? error.message : String(error),
      })
    }
    await delay(pollMs, undefined, { signal })
  }
}

function isSame(before: ReadonlyMap<string, ProcessLook>, after: ReadonlyMap<string, ProcessLook>): boolean {
  return [...before].every(([url, { startedAt }]) => after.get(url)?.startedAt === startedAt)
}

/** Whether an earlier run went past that part and kind. */
function isDone(place: MigrationPlace | undefined, part: MigrationPlace['part'], kind: EntityKind): boolean {
  if (place === undefined) return false
  const [reached, asked] = [parts.indexOf(place.part), parts.indexOf(part)]
  return reached > asked || (reached === asked && entityKinds.indexOf(place.kind) > entityKinds.indexOf(kind))
}

function placeOf(
  place: MigrationPlace | undefined,
  part: MigrationPlace['part'],
  kind: EntityKind,
): MigrationPlace | undefined {
  return place?.part === part && place.kind === kind ? place : undefined
}

function isAfter({ entity, atMs }: Point, { id, atMs: throughMs }: MigrationPlace): boolean {
  return entity.id > id || (entity.id === id && atMs > throughMs)
}
