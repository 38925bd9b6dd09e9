import type { Point } from '../store/time-series.js'
import { firstPoints } from './arrival.js'
import type { Arrival, Departure } from './passage.js'
import type { CopyContext, Departures, VmCopy } from './vm-copy.js'

interface Told<What> {
  readonly hostId: string
  readonly what: What
}

interface MovesOfVm {
  /** Newest last; by host and moment. */
  readonly departures: Map<string, Told<Departure>>
  readonly arrivals: Map<string, Told<Arrival> & { readonly context: CopyContext }>
  heardAt: number
}

/** Hosts' clocks that differ by less are taken as equal when agents connect. */
const clocksDifferByMs = 2000
/** Where nothing told when it began to be received. */
const longestJourneyMs = 60_000
/** One half of a move may come much later than the other, out of the backlog of an agent that was away. */
const forgottenAfterMs = 60 * 60_000
const mostVms = 10_000
const mostOfOneVm = 64

/**
 * Departures and arrivals of VMs. The two halves of a move are told by different hosts, in any order: after an outage one may
 * be minutes before the other. Whichever comes last, the first interval on the new host ends up the same.
 */
export class Moves implements Departures {
  readonly #byVm = new Map<string, MovesOfVm>()

  /** @param isElsewhere whether another host than this is known to have run a VM at a moment */
  constructor(private readonly isElsewhere: (uuid: string, hostId: string, at: number) => boolean = () => false) {}

  before(uuid: string, hostId: string, arrival: Arrival): Departure | undefined {
    const known = this.#byVm.get(uuid)
    return known === undefined ? undefined : nearest(known, hostId, arrival)
  }

  /**
   * Takes note of what a copy told last.
   * @returns points to store anew: first intervals on other hosts, of which more is known now
   */
  heard(copy: VmCopy, context: CopyContext, now: number): Point[] {
    return copy.passage.takeNews().flatMap((news) => this.#heard(copy, news, context, now))
  }

  prune(now: number): void {
    for (const [uuid, { heardAt }] of this.#byVm) if (now - heardAt > forgottenAfterMs) this.#byVm.delete(uuid)
  }

  #heard({ uuid, isApart }: VmCopy, news: Departure | Arrival, context: CopyContext, now: number): Point[] {
    // What is told apart from the VM neither left nor came.
    if (isApart) return []
    const { hostId } = context
    if ('leftAt' in news && this.isElsewhere(uuid, hostId, news.leftAt)) return []
    const known = this.#of(uuid)
    known.heardAt = now
    if ('cameAt' in news) {
      put(known.arrivals, `${hostId} ${news.cameAt}`, { hostId, what: news, context })
      return []
    }
    put(known.departures, `${hostId} ${news.leftAt}`, { hostId, what: news })
    return [...known.arrivals.values()].flatMap((arrival) =>
      nearest(known, arrival.hostId, arrival.what) === news ? firstPoints(arrival.what, news, arrival.context) : [],
    )
  }

  #of(uuid: string): MovesOfVm {
    const known = this.#byVm.get(uuid) ?? { departures: new Map(), arrivals: new Map(), heardAt: 0 }
    put(this.#byVm, uuid, known, mostVms)
    return known
  }
}

/** Puts it last; the first goes if there are too many. */
function put<Value>(map: Map<string, Value>, key: string, value: Value, most = mostOfOneVm): void {
  map.delete(key)
  map.set(key, value)
  const [oldest] = map.keys()
  if (map.size > most && oldest !== undefined) map.delete(oldest)
}

/** The departure from another host, while the VM was being received here, that is nearest to its arrival. */
function nearest({ departures }: MovesOfVm, hostId: string, { comingSince, cameAt }: Arrival): Departure | undefined {
  const sinceMs = (comingSince ?? cameAt - longestJourneyMs) - clocksDifferByMs
  let best: Departure | undefined
  const distance = ({ leftAt }: Departure): number => Math.abs(leftAt - cameAt)
  for (const { hostId: from, what } of departures.values()) {
    if (from === hostId || what.leftAt < sinceMs || what.leftAt > cameAt + clocksDifferByMs) continue
    if (best === undefined || distance(what) < distance(best)) best = what
  }
  return best
}
