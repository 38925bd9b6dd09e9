import { isRunning, valueOf, type Metric, type Snapshot } from '../../controller/model/snapshot.js'
import type { EventLabel } from '../../common/event-labels.js'
import { matchesPattern } from '../../controller/policy/match.js'

/**
 * What many set up first, for contrast: fixed limits on what was measured last, each crossing upwards one message. No hold times, no
 * hysteresis, no grouping, nothing that explains anything else. Ends are not counted.
 */
export class ThresholdRule {
  #above: ReadonlySet<string> = new Set()
  readonly #toldOf = new Map<EventLabel, number>()
  readonly #byKind = new Map<string, number>()
  #others = 0

  /** @param open labels that nothing is asked of */
  constructor(
    private readonly labels: readonly EventLabel[],
    private readonly open: readonly EventLabel[] = [],
  ) {}

  look(snapshot: Snapshot): void {
    const above = new Set(crossings(snapshot))
    for (const one of above) {
      if (this.#above.has(one)) continue
      const [kind = '', subject = ''] = one.split('\t')
      this.#byKind.set(kind, (this.#byKind.get(kind) ?? 0) + 1)
      const about = [...this.labels, ...this.open].filter(
        ({ fromMs, untilMs, main, also }) =>
          fromMs <= snapshot.at &&
          snapshot.at <= untilMs &&
          [main, ...also].some((saying) => matchesPattern(saying.subject, subject)),
      )
      if (about.length === 0) this.#others += 1
      for (const label of about) this.#toldOf.set(label, (this.#toldOf.get(label) ?? 0) + 1)
    }
    this.#above = above
  }

  get result(): {
    readonly messages: number
    readonly others: number
    readonly labelsTold: number
    /** About each label, in their order. */
    readonly byLabel: readonly number[]
    readonly byKind: Readonly<Record<string, number>>
  } {
    return {
      messages: [...this.#byKind.values()].reduce((sum, count) => sum + count, 0),
      others: this.#others,
      labelsTold: this.labels.filter((label) => this.#toldOf.has(label)).length,
      byLabel: this.labels.map((label) => this.#toldOf.get(label) ?? 0),
      byKind: Object.fromEntries(this.#byKind),
    }
  }
}

const latencyAboveMs = 20
const fullAbove = 0.9
const busyAbove = 0.9

/** `kind<TAB>subject`, each once, whatever is above its limit. */
function* crossings({ hosts, vms, disks, arrays }: Snapshot): Iterable<string> {
  for (const { name, status, metrics, fileSystems, cpuThreads } of hosts.values()) {
    if (status !== 'up') yield `host down\thost:${name}`
    const used = valueOf(metrics['cpuUsedCores'])
    if (used !== undefined && cpuThreads !== undefined && used / cpuThreads > busyAbove) {
      yield `host CPU above 90 %\thost:${name}`
    }
    for (const { mount, sizeBytes, availableBytes } of fileSystems) {
      if (1 - availableBytes / sizeBytes > fullAbove) yield `file system above 90 %\thost:${name}\t${mount}`
    }
  }
  for (const { name, state } of vms.values()) if (!isRunning(state)) yield `VM down\tvm:${name}`
  for (const { key, name, metrics } of arrays.values()) {
    if (isSlow(metrics)) yield `latency above 20 ms\tarray:${name}\t${key}`
  }
  for (const { id, vmUuid, metrics } of disks.values()) {
    if (isSlow(metrics)) yield `latency above 20 ms\tvm:${vms.get(vmUuid)?.name ?? vmUuid}\t${id}`
  }
}

function isSlow(metrics: Readonly<Record<string, Metric>>): boolean {
  return ['readLatencyMs', 'writeLatencyMs'].some((field) => (valueOf(metrics[field]) ?? 0) > latencyAboveMs)
}
