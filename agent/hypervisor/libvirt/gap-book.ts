import type { Gap, GapReason, SampleGroup } from '../hypervisor.js'

/** Remembers since when something has been missing, so that every gap can say so. */
export class GapBook {
  readonly #sinceMs = new Map<string, number>()

  /** @param vmUuid undefined: the whole host */
  missing(vmUuid: string | undefined, group: SampleGroup, reason: GapReason, message: string, nowMs: number): Gap {
    const key = `${vmUuid ?? ''} ${group}`
    const sinceMs = this.#sinceMs.get(key) ?? nowMs
    this.#sinceMs.set(key, sinceMs)
    return { ...(vmUuid === undefined ? {} : { vmUuid }), group, reason, message, sinceMs }
  }

  present(vmUuid: string | undefined, group: SampleGroup): void {
    this.#sinceMs.delete(`${vmUuid ?? ''} ${group}`)
  }

  /** Forgets VMs that are gone. */
  keepOnly(vmUuids: ReadonlySet<string>): void {
    for (const key of this.#sinceMs.keys()) {
      const uuid = key.slice(0, key.indexOf(' '))
      if (uuid !== '' && !vmUuids.has(uuid)) this.#sinceMs.delete(key)
    }
  }
}
