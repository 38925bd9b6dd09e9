/** Passes at once: one that hangs on a stuck guest holds up no other. */
const mostAtOnce = 4
/** With more VMs than this to read, one pass over all of them is cheaper. */
const manyVms = 64

/**
 * Reads VMs after events told of them, a few passes at a time. What is asked for while all are busy is read together by
 * the next.
 */
export class FollowUp {
  /** What the next pass reads: these VMs, or all. */
  #asked: Set<string> | 'all' | undefined
  readonly #running = new Set<Promise<void>>()

  /** @param read one pass over these VMs, or over all if undefined; must not reject */
  constructor(private readonly read: (vmUuids: ReadonlySet<string> | undefined) => Promise<void>) {}

  /** @param vmUuids none: all VMs */
  ask(vmUuids: ReadonlySet<string>): void {
    this.#asked = union(this.#asked, vmUuids)
    this.#start()
  }

  /** Lets the passes that run end. */
  async end(): Promise<void> {
    this.#asked = undefined
    await Promise.all(this.#running)
  }

  #start(): void {
    if (this.#asked === undefined || this.#running.size >= mostAtOnce) return
    const asked = this.#asked
    this.#asked = undefined
    const pass = this.read(asked === 'all' ? undefined : asked).finally(() => {
      this.#running.delete(pass)
      this.#start()
    })
    this.#running.add(pass)
  }
}

function union(asked: Set<string> | 'all' | undefined, more: ReadonlySet<string>): Set<string> | 'all' {
  if (asked === 'all' || more.size === 0) return 'all'
  const all = new Set([...(asked ?? []), ...more])
  return all.size > manyVms ? 'all' : all
}
