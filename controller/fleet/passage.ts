import type { EventObservation, Totals, VmObservation } from '../model/observation.js'
import type { Left } from './counted.js'
import { shortestIntervalMs } from './rates.js'

/** What the host that a VM leaves says of its disks: after this moment they do not move there. */
export interface Departure {
  /** When it was suspended to run elsewhere. */
  readonly leftAt: number
  /** By target. */
  readonly disks: ReadonlyMap<string, Left>
}

/** What the host that a VM came to says of it. */
export interface Arrival {
  /** Since when it was being received, if anything told. */
  readonly comingSince: number | undefined
  /** Since when it runs here. */
  readonly cameAt: number
  /** The reading that completes its first interval here; undefined: still to come. */
  readonly first: FirstReading | undefined
}

export interface FirstReading {
  readonly at: number
  /** By target: what each disk has done since it came. */
  readonly disks: ReadonlyMap<string, Totals>
}

/** A stay on this host: how the VM came, unless it was started here, and when it was suspended to go on elsewhere. */
type Stage =
  | { readonly is: 'coming'; readonly since: number }
  | { readonly is: 'here'; readonly arrival: Arrival | undefined }
  | { readonly is: 'leaving'; readonly arrival: Arrival | undefined; readonly leftAt: number }
  | { readonly is: 'left'; readonly arrival: Arrival | undefined; readonly leftAt: number; readonly goneAt: number }
  /** It was being received and did not come. */
  | { readonly is: 'elsewhere' }

const home: Stage = { is: 'here', arrival: undefined }

/** Reasons of the two events of a move: the source is suspended, the destination resumed. */
const moving = { suspended: /^(migration|post-copy)$/, resumed: /^(migrated|post-copy)$/ }

/** Where one host's copy of a VM is on its way from host to host. */
export class Passage {
  #stage: Stage = home
  #news: (Departure | Arrival)[] = []

  /** Since when it runs here after it ran on another host; undefined for one that did not come. */
  get cameAt(): number | undefined {
    return this.#arrival?.cameAt
  }

  /** It came, and its first interval here is still to come. */
  get arriving(): Arrival | undefined {
    return this.#arrival?.first === undefined ? this.#arrival : undefined
  }

  /** Another host is sending it; it does not run yet. */
  get isComing(): boolean {
    return this.#stage.is === 'coming'
  }

  /** It was suspended to run on another host, and nothing happened to it since. */
  get isLeaving(): boolean {
    return this.#stage.is === 'leaving'
  }

  /** It runs on another host: what this one still knows of it is not its history. */
  get isElsewhere(): boolean {
    return this.#stage.is === 'left' || this.#stage.is === 'elsewhere'
  }

  /** Until when its history was here; undefined: it goes on here. */
  get leftAt(): number | undefined {
    return 'leftAt' in this.#stage ? this.#stage.leftAt : undefined
  }

  /** Whether a reading can be of the time between its departure and the end of its process here. */
  isOfItsEnd(readAt: number): boolean {
    return this.#stage.is === 'left' && readAt >= this.#stage.leftAt && readAt < this.#stage.goneAt
  }

  /** Of which moment a reading tells: its disks do not move after its departure. */
  momentOf(readAt: number): number {
    return Math.min(readAt, this.leftAt ?? readAt)
  }

  /** A reading as of that moment. Only its process goes on, and what that has used counts if it is read soon. */
  asOfItsEnd(sample: VmObservation): VmObservation {
    const at = this.momentOf(sample.at)
    if (at === sample.at) return sample
    return sample.at - at < shortestIntervalMs ? { ...sample, at } : { ...sample, at, totals: {}, levels: {} }
  }

  /** From when on it can have run here. */
  get since(): number {
    return this.#stage.is === 'coming' ? this.#stage.since : (this.cameAt ?? -Infinity)
  }

  /** What became known since this was last asked: of its arrival once its first interval is complete, of its departure. */
  takeNews(): readonly (Departure | Arrival)[] {
    const news = this.#news
    this.#news = []
    return news
  }

  /** An event that is not older than the copy's state. */
  happened({ kind, reason, at }: EventObservation): void {
    const stage = this.#stage
    const arrival = this.#arrival
    switch (kind) {
      case 'suspended':
        if (moving.suspended.test(reason)) this.#stage = { is: 'leaving', arrival, leftAt: at }
        break
      case 'resumed':
        // A source whose migration failed is resumed in the same words; and who has come is not coming again.
        if (stage.is === 'leaving') this.stay()
        else if (moving.resumed.test(reason) && (stage.is !== 'here' || arrival === undefined)) this.come(at)
        break
      case 'stopped':
        if (stage.is === 'coming') this.#stage = { is: 'elsewhere' }
        else if (stage.is === 'leaving') this.#stage = { ...stage, is: 'left', goneAt: at }
        else this.#stage = reason === 'migrated' ? { is: 'left', arrival, leftAt: at, goneAt: at } : home
        break
      case 'started':
        this.#stage = isArrival(kind, reason) ? { is: 'coming', since: at } : home
        break
      default:
        this.#stage = home
    }
  }

  /** It was being received, and runs now. */
  come(at: number): void {
    const comingSince = this.#stage.is === 'coming' ? this.#stage.since : undefined
    this.#stage = { is: 'here', arrival: { comingSince, cameAt: at, first: undefined } }
  }

  /** It runs here, so it is not leaving any more, whatever was told of that. */
  stay(): void {
    if (this.#stage.is === 'leaving') this.#stage = { is: 'here', arrival: this.#stage.arrival }
    else if (this.isElsewhere) this.#stage = home
  }

  /** Its first interval here is complete. */
  settle(first: FirstReading): void {
    const { arriving } = this
    if (arriving === undefined || !('arrival' in this.#stage)) return
    const arrival = { ...arriving, first }
    this.#stage = { ...this.#stage, arrival }
    this.#news.push(arrival)
  }

  /** What is known of its disks at its end here. */
  leave(disks: Departure['disks']): void {
    if (this.leftAt !== undefined) this.#news.push({ leftAt: this.leftAt, disks })
  }

  get #arrival(): Arrival | undefined {
    return 'arrival' in this.#stage ? this.#stage.arrival : undefined
  }
}

/** It is being received: it starts to run when the other host has let it go. */
export function isArrival(kind: string, reason: string): boolean {
  return kind === 'started' && reason === 'migrated'
}
