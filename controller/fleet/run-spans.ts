/** A time for which a host told, when it was the present, that it ran a VM. */
interface Span {
  readonly hostId: string
  readonly sinceAt: number
  heardAt: number
  /** It has not said since that the VM does not run any more. */
  isOpen: boolean
}

/** Hosts' clocks that differ by less are taken as equal. */
const clocksDifferByMs = 2000
const mostVms = 100_000
const mostSpans = 16

/**
 * Where each VM is known to have run, and when. What a host tells late of the same time is not about that VM: whoever lets an
 * agent loose on us must not be able to write the past of another's VMs anew.
 */
export class RunSpans {
  /** By VM, the one that began to run last at the end; its spans likewise. */
  readonly #spans = new Map<string, Span[]>()

  /** A host tells that it runs the VM. @param sinceAt since when, unless it told so before */
  runs(
    uuid: string,
    hostId: string,
    { sinceAt, heardAt }: { readonly sinceAt: number; readonly heardAt: number },
  ): void {
    const spans = this.#spans.get(uuid) ?? []
    const open = spans.findLast((span) => span.hostId === hostId)
    if (open?.isOpen === true) {
      open.heardAt = Math.max(open.heardAt, heardAt)
      return
    }
    spans.push({ hostId, sinceAt, heardAt: Math.max(sinceAt, heardAt), isOpen: true })
    if (spans.length > mostSpans) spans.shift()
    this.#spans.delete(uuid)
    this.#spans.set(uuid, spans)
    const [oldest] = this.#spans.keys()
    if (this.#spans.size > mostVms && oldest !== undefined) this.#spans.delete(oldest)
  }

  /** A host tells that the VM does not run there. */
  rests(uuid: string, hostId: string): void {
    const last = this.#spans.get(uuid)?.findLast((span) => span.hostId === hostId)
    if (last !== undefined) last.isOpen = false
  }

  /** Whether another host is known to have run the VM at that moment. */
  isElsewhere(uuid: string, hostId: string, at: number): boolean {
    const spans = this.#spans.get(uuid) ?? []
    return spans.some((span) => span.hostId !== hostId && span.sinceAt + clocksDifferByMs <= at && at <= span.heardAt)
  }
}
