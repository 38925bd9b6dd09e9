/** May this VM be asked now? `resting`: not before its next try. `outstanding`: it has not answered the last call yet. */
export type Permission = 'yes' | 'resting' | 'outstanding'

interface Patient {
  readonly sinceMs: number
  /** The call that found it stuck, or the last try, is still unanswered. */
  outstanding: boolean
  restMs: number
  nextTryMs: number
}

/**
 * Remembers which VMs did not answer. Such a VM is asked rarely (2 s, 4 s, … 30 s apart), never while a call to it is still
 * unanswered, and never while two others are: each unanswered call holds one of the daemon's workers.
 */
export class Quarantine {
  readonly #patients = new Map<string, Patient>()

  constructor(
    private readonly options: {
      readonly restMs: number
      readonly restCapMs: number
      readonly maxOutstanding: number
    } = {
      restMs: 2000,
      restCapMs: 30_000,
      maxOutstanding: 2,
    },
  ) {}

  /** Calls that nobody waits for any more and that the daemon has not answered. */
  get outstanding(): number {
    let count = 0
    for (const patient of this.#patients.values()) if (patient.outstanding) count += 1
    return count
  }

  permission(vm: string, nowMs: number): Permission {
    const patient = this.#patients.get(vm)
    if (patient === undefined) return 'yes'
    if (patient.outstanding) return 'outstanding'
    return nowMs < patient.nextTryMs || this.outstanding >= this.options.maxOutstanding ? 'resting' : 'yes'
  }

  /** Wall clock since when it has not answered. */
  sinceMs(vm: string): number | undefined {
    return this.#patients.get(vm)?.sinceMs
  }

  /** A call timed out. @param outstanding whether the daemon still works on it */
  stuck(vm: string, nowMs: number, outstanding: boolean): void {
    const before = this.#patients.get(vm)
    const restMs = before === undefined ? this.options.restMs : Math.min(before.restMs * 2, this.options.restCapMs)
    this.#patients.set(vm, { sinceMs: before?.sinceMs ?? nowMs, outstanding, restMs, nextTryMs: nowMs + restMs })
  }

  /** The outstanding call ended without an answer of use. */
  ended(vm: string, nowMs: number): void {
    const patient = this.#patients.get(vm)
    if (patient === undefined) return
    patient.outstanding = false
    patient.nextTryMs = nowMs + patient.restMs
  }

  /** It answered: all is well again. */
  answered(vm: string): void {
    this.#patients.delete(vm)
  }

  /** Forgets those that are gone. */
  keepOnly(vms: ReadonlySet<string>): void {
    for (const vm of this.#patients.keys()) if (!vms.has(vm)) this.#patients.delete(vm)
  }
}
