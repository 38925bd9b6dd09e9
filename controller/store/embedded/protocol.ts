import type { FleetEvent } from '../../model/snapshot.js'
import type { EntityKind } from '../measurements.js'
import type { RollUpQuery } from '../roll-ups.js'
import type { RollUpTier } from '../server/tier-plan.js'
import type { BackupProgress } from './backup.js'
import type {
  EntityKey,
  EventQuery,
  RangeQuery,
  SeriesInfo,
  SpoolMark,
  StoreHealth,
  Tier,
  TopQuery,
  TopRow,
} from '../time-series.js'

/** What passes between the store's client on the main thread and its worker. */

export interface WorkerOptions {
  readonly path: string
  /** How long each tier is kept. */
  readonly tierMs: Readonly<Record<Tier, number>>
  /** Above this size the oldest is deleted before its time. */
  readonly maxBytes: number
}

/** `points` as encodePoints made them, before a server as encodeQueued did. */
export interface WriteBody {
  readonly op: 'write'
  readonly points: Uint8Array<ArrayBuffer>
  readonly events: readonly FleetEvent[]
  readonly marks: readonly SpoolMark[]
}

/** The next piece of an export: what follows the entity and the time. */
export interface ExportPieceQuery {
  readonly kind: EntityKind
  /** Only these; all if absent. */
  readonly ids?: ReadonlySet<string>
  readonly fromMs: number
  readonly toMs: number
  readonly after: { readonly id: string; readonly atMs: number }
}

/** Roll-ups of one entity from elsewhere, as encodeRollUps made them. */
export interface PackedRollUps {
  readonly entity: EntityKey
  readonly tier: RollUpTier
  readonly cells: Float64Array<ArrayBuffer>
}

export type ReadBody =
  | { readonly op: 'range'; readonly query: RangeQuery }
  | { readonly op: 'top'; readonly query: TopQuery }
  | { readonly op: 'series'; readonly kind: EntityKind }
  | { readonly op: 'events'; readonly query: EventQuery }
  | { readonly op: 'marks' }
  | { readonly op: 'export'; readonly query: ExportPieceQuery }
  | { readonly op: 'rollUps'; readonly query: RollUpQuery }
  | { readonly op: 'drop'; readonly beforeMs: number; readonly tier: Tier }
  | { readonly op: 'backup'; readonly path: string }
  | { readonly op: 'putRollUps'; readonly groups: readonly PackedRollUps[] }

/** Work that takes long: it is done in slices, one after the other. */
export type JobBody = Extract<ReadBody, { op: 'drop' | 'backup' | 'putRollUps' }>
export type QuestionBody = Exclude<ReadBody, JobBody>

export type RequestBody = WriteBody | ReadBody

export type ToWorker =
  /** `failures`: of writes that the client has heard of when it sent this. */
  | { readonly type: 'request'; readonly id: number; readonly failures: number; readonly body: RequestBody }
  /** Time for seals and retention; comes at a steady beat. */
  | { readonly type: 'maintain'; readonly nowMs: number }
  /** Finish what is queued, close the file, end. */
  | { readonly type: 'close' }

/** Rows of `width` numbers one after the other; NaN is null. */
export interface RangeCells {
  readonly width: number
  readonly cells: Float64Array<ArrayBuffer>
}

export type Answer =
  | { readonly op: 'write' }
  | { readonly op: 'range'; readonly result: RangeCells }
  | { readonly op: 'top'; readonly rows: readonly TopRow[] }
  | { readonly op: 'series'; readonly series: readonly SeriesInfo[] }
  | { readonly op: 'events'; readonly events: readonly FleetEvent[] }
  | { readonly op: 'marks'; readonly marks: ReadonlyMap<string, number> }
  /** `next`: where to go on; undefined at the end. */
  | {
      readonly op: 'export'
      readonly points: Uint8Array<ArrayBuffer>
      readonly next: ExportPieceQuery['after'] | undefined
    }
  /** As encodeRollUps made them. */
  | { readonly op: 'rollUps'; readonly cells: Float64Array<ArrayBuffer> }
  /** How many rows were taken. */
  | { readonly op: 'putRollUps'; readonly rows: number }
  | { readonly op: 'drop'; readonly points: number }
  | { readonly op: 'backup' }

export type FromWorker =
  | { readonly type: 'ready'; readonly health: StoreHealth }
  /** The file could not be opened; the worker ends. */
  | { readonly type: 'failed'; readonly message: string }
  | { readonly type: 'answer'; readonly id: number; readonly answer: Answer; readonly health: StoreHealth }
  /** `failures`: of writes so far. */
  | {
      readonly type: 'error'
      readonly id: number
      readonly message: string
      readonly failures: number
      readonly health: StoreHealth
    }
  | { readonly type: 'health'; readonly health: StoreHealth }
  /** Of the backup that runs. */
  | { readonly type: 'progress'; readonly progress: BackupProgress }
