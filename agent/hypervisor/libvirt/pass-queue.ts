import type { Sample, SampleGroup, SampleOptions } from '../hypervisor.js'

/** Passes of one kind over the same VMs wait for each other. */
export class PassQueue {
  readonly #passes = new Map<string, Promise<unknown>>()

  async inTurn(groups: ReadonlySet<SampleGroup>, options: SampleOptions, pass: () => Promise<Sample>): Promise<Sample> {
    const how = [...(options.onlyMoved === true ? ['moved'] : []), ...(options.isLast === true ? ['last'] : [])]
    const which = [...(options.vmUuids ?? ['all']), ...how]
    const kind = `${which.toSorted().join(' ')} ${[...groups].toSorted().join(' ')}`
    const before = this.#passes.get(kind) ?? Promise.resolve()
    const own = before.catch(() => undefined).then(pass)
    this.#passes.set(kind, own)
    try {
      return await own
    } finally {
      if (this.#passes.get(kind) === own) this.#passes.delete(kind)
    }
  }
}
