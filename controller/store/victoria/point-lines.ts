import { entityKinds, eventMeasurement, type EntityKind } from '../measurements.js'
import { labelTags, tagsOf, type Tag } from '../server/entity-tags.js'
import type { QueuedPoint } from '../server/sink.js'
import { line } from '../line-protocol.js'

const infoEveryMs = 60_000
/** As many entities as a fleet of 10,000 hosts has. */
const mostEntities = 500_000

interface Info {
  readonly atMs: number
  readonly labels: string
}

/**
 * Points as lines. Series have the tags of their entity only, so that they go on when its names change; names are in series of their own,
 * `vm_info{uuid,name,hostName} 1`, which come with the entity's first point of a minute, and with the first that has other names.
 */
export class PointLines {
  /** What was said last. A point that is sent again has its info line with it again. */
  readonly #said = new Map<string, Info>()

  /** `unknown`: how many points are of no kind that this version of the program knows. */
  of(points: readonly QueuedPoint[]): { lines: readonly string[]; unknown: number } {
    const lines: string[] = []
    let unknown = 0
    for (const point of points) {
      const { kind: name, id, atMs, names, values } = point
      const kind = entityKinds.find((one) => one === name)
      if (name === eventMeasurement.name) lines.push(eventLine(point))
      else if (kind === undefined || names.length === 0) unknown += 1
      else {
        const fields = names.map((field, index) => [field, values[index] ?? NaN] as const)
        const tags = tagsOf({ kind, id })
        lines.push(line(kind, tags, fields, atMs))
        const info = this.#info(kind, tags, point)
        if (info !== undefined) lines.push(info)
      }
    }
    return { lines, unknown }
  }

  #info(kind: EntityKind, tags: readonly Tag[], { id, atMs, labels }: QueuedPoint): string | undefined {
    if (labels.length === 0) return undefined
    const key = `${kind} ${id}`
    const text = JSON.stringify(labels)
    const before = this.#said.get(key)
    const isSame = before?.labels === text && minuteOf(before.atMs) === minuteOf(atMs) && before.atMs !== atMs
    if (isSame) return undefined
    this.#said.delete(key)
    this.#said.set(key, { atMs, labels: text })
    const [oldest] = this.#said.keys()
    if (this.#said.size > mostEntities && oldest !== undefined) this.#said.delete(oldest)
    return line(kind, [...tags, ...labelTags(labels)], [['info', 1]], atMs)
  }
}

function minuteOf(atMs: number): number {
  return Math.floor(atMs / infoEveryMs)
}

/** Its text stays out: it would make a series of each event. */
function eventLine({ atMs, names, values, labels }: QueuedPoint): string {
  const tags = labels.filter(({ name }) => eventMeasurement.tags.some((one) => one === name))
  const fields = names.map((name, index) => [name, values[index] ?? NaN] as const)
  return line(eventMeasurement.name, labelTags(tags), fields, atMs)
}
