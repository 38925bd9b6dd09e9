import type { Point, TopRow } from '../../../controller/store/time-series.js'

/** A store under measurement. */
export interface Contender {
  readonly name: string
  /** Resolves when the points are durable, as far as the store promises that. */
  write(points: readonly Point[]): Promise<void>
  /** All fields of a VM as stored; returns the number of rows. */
  points(id: string, fromMs: number, toMs: number): Promise<number>
  /** The ten VMs with the highest mean. */
  top(field: string, fromMs: number, toMs: number): Promise<readonly TopRow[]>
  /** Resident memory of whoever does the work, in bytes; undefined where that is this process. */
  residentBytes(): number | undefined
  close(): Promise<void>
}
