import { fieldNames, measurements, type EntityKind } from '../measurements.js'
import type { RolledUp } from '../roll-ups.js'
import { tagsOf, type Tag } from '../server/entity-tags.js'
import { ServerHttp, ServerStatusError } from '../server/server-http.js'
import { sendInParts, together, type PartVerdict } from '../server/send-in-parts.js'
import type { QueuedPoint, Refusal, ServerLook, Sink, SinkTraits, WriteOutcome } from '../server/sink.js'
import { rolledUpFields } from '../server/summary.js'
import { rollUpTiers, windowMs, type RollUpTier } from '../server/tier-plan.js'
import type { DueWindow } from '../server/window-table.js'
import type { ServerOptions, VictoriaServer } from '../server/worker-options.js'
import { queriedSeries } from './answers.js'
import { line } from '../line-protocol.js'
import { measurementOf, metricOf, seconds, selector } from './metric-names.js'
import { nodeMetrics, type NodeMetrics } from './node-metrics.js'
import { nodeProblem, retentionInForce } from './node-problems.js'
import { PointLines } from './point-lines.js'
import { statOf, statsOverTime } from './stats-over-time.js'

const linesOfOneWrite = 5000
/** It tells its start, and its uptime, in whole seconds. */
const youngSeconds = 2

interface Node {
  readonly url: string
  readonly http: ServerHttp
}

/**
 * Writes to VictoriaMetrics as line protocol. It answers before it has written to disk, and loses the last seconds when it crashes: when a
 * process began is looked at (`nodes`), so that what came before can be sent again. A sample that is there already is dropped by it
 * (`-dedup.minScrapeInterval=1ms`).
 *
 * Roll-ups are series of their own, computed by its own functions and written back. It neither changes nor deletes samples, so a
 * window that is computed again is written a millisecond later each time (its version): the last sample in a window counts.
 */
export class VictoriaSink implements Sink {
  readonly traits: SinkTraits
  readonly #write: ServerHttp
  readonly #read: ServerHttp
  readonly #nodes: readonly Node[]
  readonly #lines = new PointLines()

  constructor(private readonly options: ServerOptions & VictoriaServer) {
    const { address, write, nodes, pace, retention } = options
    this.#write = new ServerHttp(write, pace.requestMs)
    this.#read = new ServerHttp(address, pace.requestMs)
    this.#nodes = nodes.map((node) => ({ url: node.url, http: new ServerHttp(node, pace.requestMs) }))
    this.traits = {
      name: `VictoriaMetrics at ${write.url}`,
      durableAfterMs: pace.durableAfterMs,
      lookEveryMs: pace.lookEveryMs,
      rollUpEveryMs: pace.rollUpEveryMs,
      settleMs: pace.settleMs,
      rollUps: rollUpTiers.filter((tier) => retention[tier] > 0),
    }
  }

  /** It takes whatever comes. */
  prepare(): Promise<void> {
    return Promise.resolve()
  }

  async write(points: readonly QueuedPoint[]): Promise<WriteOutcome> {
    const { lines, unknown } = this.#lines.of(points)
    const refusals: Refusal[] = unknown === 0 ? [] : [{ points: unknown, reason: 'an unknown kind' }]
    const outcome = await this.#send(lines)
    if (outcome.is === 'failed') return outcome
    return {
      is: 'stored',
      refused: together([...refusals, ...(outcome.refused === undefined ? [] : [outcome.refused])]),
    }
  }

  async rollUp(windows: readonly DueWindow[]): Promise<void> {
    const [first, last] = [windows[0], windows.at(-1)]
    if (first === undefined || last === undefined) return
    const { kind, tier } = first
    const width = windowMs[tier]
    const versions = new Map(windows.map(({ startMs, version }) => [startMs, version]))
    for (const field of fieldNames(kind)) {
      const series = selector([metricOf(kind, field)], this.options.database)
      const text = await this.#read.text({
        path: '/api/v1/query_range',
        query: [
          ['query', statsOverTime(['count', 'mean', 'min', 'max', 'last', 'p95'], series, width)],
          ['start', seconds(first.startMs + width - 1)],
          ['end', seconds(last.startMs + width - 1)],
          ['step', seconds(width)],
          ['nocache', '1'],
        ],
      })
      const outcome = await this.#send(this.#rolledUp(text, kind, field, measurementOf(kind, tier), width, versions))
      const problem = outcome.is === 'failed' ? outcome.problem : outcome.refused?.reason
      if (problem !== undefined) throw new Error(problem)
    }
  }

  /** As the first version: what was computed here was so later. */
  writeRollUps(tier: RollUpTier, rows: readonly RolledUp[]): Promise<WriteOutcome> {
    const lines = rows.map(({ entity, startMs, fields }) => {
      return line(measurementOf(entity.kind, tier), tagsOf(entity), rolledUpFields(fields), startMs)
    })
    return this.#send(lines)
  }

  async look(): Promise<ServerLook> {
    const looks = await Promise.all(this.#nodes.map((node) => this.#lookAt(node)))
    const seen = looks.flatMap(({ url, metrics }) => (metrics === undefined ? [] : { url, metrics }))
    const problem = looks.find((look) => look.problem !== '')?.problem ?? ''
    if (seen.length === 0) throw new Error(problem)
    const tier = { retentionMs: retentionInForce(seen.map(({ metrics }) => metrics)), oldestMs: undefined }
    return {
      sizeBytes: seen.reduce((sum, { metrics }) => sum + metrics.dataBytes, 0),
      tiers: { raw: tier, '5m': tier, '1h': tier },
      problem,
      processes: new Map(
        seen.map(({ url, metrics: { startedAt = NaN, uptime = Infinity } }) => {
          return [url, { startedAt, isYoung: uptime < youngSeconds }] as const
        }),
      ),
      isComplete: seen.length === looks.length,
      isClear: seen.every(({ metrics }) => metrics.pendingBytes === 0),
    }
  }

  async #lookAt({ url, http }: Node): Promise<{ url: string; metrics: NodeMetrics | undefined; problem: string }> {
    try {
      const metrics = nodeMetrics(await http.text({ path: '/metrics' }))
      const problem = nodeProblem(metrics, { ...this.options, durableAfterMs: this.traits.durableAfterMs })
      return { url, metrics, problem: problem === '' ? '' : `${url}: ${problem}` }
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      return { url, metrics: undefined, problem: `${url}/metrics: ${reason}` }
    }
  }

  close(): void {
    for (const { http } of this.#nodes) http.close()
    this.#write.close()
    this.#read.close()
  }

  #send(lines: readonly string[]): Promise<WriteOutcome> {
    return sendInParts(lines, linesOfOneWrite, (part) => this.#sendPart(part))
  }

  async #sendPart(lines: readonly string[]): Promise<PartVerdict> {
    try {
      const { database } = this.options
      await this.#write.text({
        path: '/write',
        query: [
          ['db', database],
          ['precision', 'ms'],
        ],
        body: lines.join('\n'),
      })
      return { is: 'taken' }
    } catch (error) {
      const isTooMuch = error instanceof ServerStatusError && (error.status === 400 || error.status === 413)
      const reason = error instanceof Error ? error.message : String(error)
      return isTooMuch ? { is: 'too-much', reason } : { is: 'failed', problem: reason }
    }
  }

  /** Lines of the windows that an answer has. */
  #rolledUp(
    answer: string,
    kind: EntityKind,
    field: string,
    measurement: string,
    width: number,
    versions: ReadonlyMap<number, number>,
  ): string[] {
    const windows = new Map<string, { tags: readonly Tag[]; atMs: number; fields: [string, number][] }>()
    for (const { labels, samples } of queriedSeries(answer)) {
      const stat = statOf(labels)
      if (stat === undefined) continue
      // Labels are tags as they were written.
      const tags = measurements[kind].tags.flatMap((name) => {
        const value = labels[name] ?? ''
        return value === '' ? [] : [{ name, value }]
      })
      for (const { atMs, value } of samples) {
        const startMs = atMs + 1 - width
        const version = versions.get(startMs)
        if (version === undefined) continue
        const key = `${startMs} ${tags.map((tag) => tag.value).join('\n')}`
        const window = windows.get(key) ?? { tags, atMs: startMs + version, fields: [] }
        windows.set(key, window)
        window.fields.push([`${field}_${stat}`, value])
      }
    }
    return [...windows.values()].map(({ tags, atMs, fields }) => line(measurement, tags, fields, atMs))
  }
}
