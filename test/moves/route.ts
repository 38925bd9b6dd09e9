/** How a VM goes from host to host: where it runs when, and what libvirt says of it. Milliseconds since its beginning. */

/** One attempt to go to the next host. */
export interface Hop {
  /** How long it runs before. */
  readonly runMs: number
  /** How long it runs nowhere. */
  readonly suspendedMs: number
  /** How long before it is suspended the next host begins to receive it. */
  readonly prepareMs: number
  readonly kind: 'live' | 'failed' | 'post-copy'
  /** How long after it was suspended the host that it leaves reads it, if it is still there. */
  readonly lastReadingsMs: readonly number[]
  /** How long after it was resumed it is read. */
  readonly followMs: number
}

/** A process of the VM on one host. */
export interface Stay {
  readonly host: number
  readonly runId: string
  /** Its process begins. */
  readonly processMs: number
  /** When it ran here. */
  readonly spans: Span[]
  /** When it was suspended for good. */
  leftMs: number | undefined
  /** Its process has ended. */
  goneMs: number | undefined
}

interface Span {
  readonly fromMs: number
  untilMs: number
  /** How long it had run anywhere before. */
  readonly activeMs: number
}

export interface Route {
  readonly stays: readonly Stay[]
  readonly events: readonly {
    readonly host: number
    readonly atMs: number
    readonly kind: string
    readonly reason: string
  }[]
  /** When it is read besides the beats. */
  readonly looks: readonly { readonly stay: Stay; readonly atMs: number }[]
  readonly endMs: number
}

const restMs = 4000

export function routeOf(hops: readonly Hop[], hosts: number): Route {
  const events: Route['events'][number][] = []
  const looks: Route['looks'][number][] = []
  let stay: Stay = newStay(0, 'run 0', 0)
  const stays = [stay]
  let fromMs = 0
  let activeMs = 0
  for (const [index, { runMs, suspendedMs, prepareMs, kind, lastReadingsMs, followMs }] of hops.entries()) {
    const leftMs = fromMs + runMs
    const cameMs = leftMs + suspendedMs
    const endsMs = cameMs + (kind === 'post-copy' ? 2000 : 230)
    const next = newStay((stay.host + 1) % hosts, `run ${index + 1}`, leftMs - prepareMs)
    const happens = (host: number, atMs: number, event: string, reason: string): void => {
      events.push({ host, atMs, kind: event, reason })
    }
    stays.push(next)
    stay.spans.push({ fromMs, untilMs: leftMs, activeMs })
    activeMs += runMs
    happens(next.host, next.processMs, 'started', 'migrated')
    looks.push({ stay: next, atMs: next.processMs + 30 })
    happens(stay.host, leftMs, 'suspended', kind === 'post-copy' ? 'post-copy' : 'migration')
    for (const ms of lastReadingsMs) if (leftMs + ms < endsMs) looks.push({ stay, atMs: leftMs + ms })
    const goesOn = kind === 'failed' ? stay : next
    happens(goesOn.host, cameMs, 'resumed', kind === 'post-copy' ? 'post-copy' : 'migrated')
    looks.push({ stay: goesOn, atMs: cameMs + followMs })
    if (kind === 'post-copy') happens(next.host, endsMs, 'resumed', 'migrated')
    const ends = kind === 'failed' ? next : stay
    happens(ends.host, endsMs, 'stopped', kind === 'failed' ? 'failed' : 'migrated')
    ends.goneMs = endsMs
    if (kind !== 'failed') stay.leftMs = leftMs
    stay = goesOn
    fromMs = cameMs
  }
  stay.spans.push({ fromMs, untilMs: Infinity, activeMs })
  looks.push({ stay, atMs: fromMs + restMs })
  return { stays, events, looks, endMs: fromMs + restMs }
}

/** Bytes that it has written on a host by then. @param pace bytes a millisecond of its running, second by second */
export function totalAt({ spans }: Stay, atMs: number, pace: readonly number[]): number {
  return spans.reduce((sum, { fromMs, untilMs, activeMs }) => {
    const ranMs = Math.max(0, Math.min(atMs, untilMs) - fromMs)
    return sum + writtenBy(activeMs + ranMs, pace) - writtenBy(activeMs, pace)
  }, 0)
}

function writtenBy(activeMs: number, pace: readonly number[]): number {
  let bytes = 0
  for (let ms = 0; ms < activeMs; ms += 1000) {
    bytes += (pace[(ms / 1000) % pace.length] ?? 0) * Math.min(1000, activeMs - ms)
  }
  return bytes
}

function newStay(host: number, runId: string, processMs: number): Stay {
  return { host, runId, processMs, spans: [], leftMs: undefined, goneMs: undefined }
}
