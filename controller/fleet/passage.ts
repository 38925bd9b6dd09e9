import type { EventObservation, Totals } from '../model/observation.js'
import type { Left } from './counted.js'

/** What the host that a VM leaves says of its disks after they have stopped there. */
export interface Departure {
  /** When it was suspended to run elsewhere. */
  readonly leftAt: number
  /** False: it has not been read since; this is what to expect. */
  readonly isRead: boolean
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

type Stage =
  | { readonly is: 'home' }
  | { readonly is: 'coming'; readonly since: number }
  | { readonly is: 'came'; readonly arrival: Arrival }
  | { readonly is: 'leaving'; readonly departure: Departure }
  | { readonly is: 'left' }

const home: Stage = { is: 'home' }

/** Reasons of the two events of a move: the source is suspended, the destination resumed. */
const moving = { suspended: /^(migration|post-copy)$/, resumed: /^(migrated|post-copy)$/ }

/** Where one host's copy of a VM is on its way from host to host. */
export class Passage {
  #stage: Stage = home
  #news: Departure | Arrival | undefined

  /** Since when it runs here after it ran on another host; undefined for one that did not come. */
  get cameAt(): number | undefined {
    return this.#stage.is === 'came' ? this.#stage.arrival.cameAt : undefined
  }

  /** It came, and its first interval here is still to come. */
  get arriving(): Arrival | undefined {
    return this.#stage.is === 'came' && this.#stage.arrival.first === undefined ? this.#stage.arrival : undefined
  }

  /** Another host is sending it; it does not run yet. */
  get isComing(): boolean {
    return this.#stage.is === 'coming'
  }

  /** It was suspended to run on another host at that moment, and nothing happened to it since. */
  get leavingSince(): number | undefined {
    return this.#stage.is === 'leaving' ? this.#stage.departure.leftAt : undefined
  }

  /** It has gone to another host: what this one still knows of it is not its history any more. */
  get hasLeft(): boolean {
    return this.#stage.is === 'left'
  }

  /** What became known since this was last asked: of its departure, or of its arrival once its first interval is complete. */
  takeNews(): Departure | Arrival | undefined {
    const news = this.#news
    this.#news = undefined
    return news
  }

  /** An event that is not older than the copy's state. @param expected what its disks have done up to a moment */
  happened({ kind, reason, at }: EventObservation, expected: (at: number) => Departure['disks']): void {
    switch (kind) {
      case 'suspended':
        if (moving.suspended.test(reason)) this.#leave({ leftAt: at, isRead: false, disks: expected(at) })
        break
      case 'resumed':
        // A source whose migration failed is resumed in the same words; and who has come is not coming again.
        if (this.#stage.is === 'leaving') this.#stage = home
        else if (this.#stage.is !== 'came' && moving.resumed.test(reason)) this.come(at)
        break
      case 'stopped':
        this.#stage = this.#stage.is === 'leaving' || reason === 'migrated' ? { is: 'left' } : home
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
    this.#stage = { is: 'came', arrival: { comingSince, cameAt: at, first: undefined } }
  }

  /** It is seen running here, so it is not leaving any more, whatever was not told of that. */
  stay(): void {
    if (this.#stage.is === 'leaving' || this.#stage.is === 'left') this.#stage = home
  }

  /** The disks of one that leaves were read. */
  read(at: number, disks: () => Departure['disks']): void {
    const { leavingSince } = this
    if (leavingSince === undefined || at < leavingSince) return
    this.#leave({ leftAt: leavingSince, isRead: true, disks: disks() })
  }

  /** Its first interval here is complete. */
  settle(first: FirstReading): void {
    if (this.#stage.is !== 'came') return
    const arrival = { ...this.#stage.arrival, first }
    this.#stage = { is: 'came', arrival }
    this.#news = arrival
  }

  #leave(departure: Departure): void {
    this.#stage = { is: 'leaving', departure }
    this.#news = departure
  }
}

/** It is being received: it starts to run when the other host has let it go. */
export function isArrival(kind: string, reason: string): boolean {
  return kind === 'started' && reason === 'migrated'
}
