import type { EmbeddedStore } from './embedded/embedded-store.js'
import { entityKinds, type EntityKind } from './measurements.js'
import { rollUpTiers, type RollUpTier } from './server/tier-plan.js'
import type { Point } from './time-series.js'
import { allEvents } from './transfer/all-events.js'
import { ServerTarget, type ServerTargetOptions } from './transfer/server-target.js'

/** How far it is: everything before is on the server or durable in the queue before it. */
export interface MigrationPlace {
  readonly part: 'points' | RollUpTier
  readonly kind: EntityKind
  /** Of the last entity that is done, or whose points are taken up to `atMs`. */
  readonly id: string
  readonly atMs: number
}

export interface MigrationOptions extends Omit<ServerTargetOptions, 'tell'> {
  readonly from: Pick<EmbeddedStore, 'export' | 'series' | 'events' | 'marks' | 'rollUps' | 'health'>
  /** Where an earlier run ended. */
  readonly place: MigrationPlace | undefined
  /** Durable when it resolves. */
  readonly reached: (place: MigrationPlace) => Promise<void>
  /** `share`: of the part. `problem`: why the server takes nothing now; empty while it does. */
  readonly show: (progress: { readonly what: string; readonly share: number; readonly problem: string }) => void
}

export interface Migrated {
  readonly points: number
  readonly events: number
  readonly rollUps: number
}

const parts = ['points', ...rollUpTiers] as const

/**
 * Takes all that an embedded store has to a server that is to follow it: points, events and high-water marks through the server's
 * durable queue, which has it compute the roll-ups of these points; then the roll-ups of the time before, as they are. What is sent twice
 * is there once, so that a run goes on where an earlier one ended. A server that is away is waited for.
 * Rejects with the signal's reason, or if the embedded store cannot be read.
 */
export async function migrateStore(options: MigrationOptions): Promise<Migrated> {
  const { from, show } = options
  let at = { what: '', share: 0 }
  const target = new ServerTarget({ ...options, tell: (problem) => show({ ...at, problem }) })
  const run: Run = { ...options, target, progress: (what, share) => (at = { what, share }) }
  const events = await migrateEvents(run)
  const points = await migratePoints(run)
  run.progress('roll-ups', 0)
  const rollUps = await target.kept((isAgain) => migrateRollUps(isAgain ? { ...run, place: undefined } : run))
  // Last: an agent that is told "stored" forgets.
  const marks = [...(await from.marks())].map(([spoolId, throughSeq]) => ({ spoolId, throughSeq }))
  run.progress('waiting for the server', 1)
  await target.write({ points: [], events: [], marks })
  await target.drained()
  return { points, events, rollUps }
}

interface Run extends MigrationOptions {
  readonly target: ServerTarget
  readonly progress: (what: string, share: number) => void
}

async function migrateEvents({ from, target, progress }: Run): Promise<number> {
  let count = 0
  progress('events', 0)
  for await (const events of allEvents(from, { fromMs: 0, toMs: Number.MAX_SAFE_INTEGER })) {
    await target.write({ points: [], events, marks: [] })
    count += events.length
  }
  return count
}

async function migratePoints({ from, target, place, reached, progress, signal }: Run): Promise<number> {
  const total = (await from.health()).points ?? 0
  let done = 0
  for (const kind of entityKinds) {
    if (isDone(place, 'points', kind)) continue
    const after = placeOf(place, 'points', kind)
    const query = { kind, fromMs: target.pointsFromMs, toMs: Number.MAX_SAFE_INTEGER, signal }
    for await (const piece of from.export(query)) {
      done += piece.length
      progress('points', done / Math.max(total, done))
      const points = piece.filter((point) => after === undefined || isAfter(point, after))
      const last = points.at(-1)
      if (last === undefined) continue
      await target.write({ points, events: [], marks: [] })
      await reached({ part: 'points', kind, id: last.entity.id, atMs: last.atMs })
    }
  }
  return done
}

async function migrateRollUps({ from, target, place, reached, progress, now, retention }: Run): Promise<number> {
  const toMs = target.pointsFromMs
  let count = 0
  for (const tier of rollUpTiers) {
    const fromMs = now() - retention[tier]
    for (const kind of entityKinds) {
      if (isDone(place, tier, kind)) continue
      const after = placeOf(place, tier, kind)
      const series = (await from.series({ kind }))
        .map(({ entity }) => entity)
        .toSorted((a, b) => (a.id < b.id ? -1 : 1))
      for (const [index, entity] of series.entries()) {
        if (after !== undefined && entity.id <= after.id) continue
        progress(`${tier} roll-ups, ${kind}`, index / series.length)
        const rows = await from.rollUps({ entity, tier, fromMs, toMs })
        await target.writeRollUps(
          tier,
          rows.map((row) => ({ entity, ...row })),
        )
        count += rows.length
        await reached({ part: tier, kind, id: entity.id, atMs: toMs })
      }
    }
  }
  return count
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
