import type { ArrayFacts, Capability, ExportRaw } from '../../hypervisor/hypervisor.js'
import type { ArrayResolver } from '../array-resolver.js'
import { mergeArrays } from '../merge-arrays.js'

/** A program or a kernel that exports LUNs of this machine to others. */
export interface ExportSource {
  readonly name: string
  /** @throws why it cannot be read; `NotExporting` where there is nothing of it */
  read(): Promise<readonly ExportRaw[]>
}

/** It is not here, or does not run: nothing is wrong. */
export class NotExporting extends Error {
  override readonly name = 'NotExporting'
}

const mostBacking = 256

/** Reads what this machine exports, by every way that it was found to. */
export class ExportReader {
  #active: readonly ExportSource[] = []
  #backed: readonly ArrayFacts[] = []

  /** @param resolve finds what is behind a LUN */
  constructor(
    private readonly sources: readonly ExportSource[],
    private readonly resolve: ArrayResolver,
  ) {}

  /** The arrays that it exports, with the devices of this machine behind them. They are counted as others have them, not by these. */
  get backed(): readonly ArrayFacts[] {
    return this.#backed
  }

  /** What those that are here tell; undefined: nothing is exported. @throws why one of them could not be read */
  async read(): Promise<readonly ExportRaw[] | undefined> {
    if (this.#active.length === 0) return undefined
    return (await Promise.all(this.#active.map((source) => source.read()))).flat()
  }

  /** Looks anew what there is. */
  async capability(): Promise<Capability> {
    const found = await Promise.all(
      this.sources.map((source) =>
        source.read().then(
          (rows) => ({ source, rows, problem: undefined, isHere: true }),
          (error: unknown) => ({
            source,
            rows: [],
            problem: messageOf(error),
            isHere: !(error instanceof NotExporting),
          }),
        ),
      ),
    )
    this.#active = found.filter(({ isHere }) => isHere).map(({ source }) => source)
    await this.#findBacking(found.flatMap(({ rows }) => rows))
    const name = 'storage-exports'
    if (this.sources.length === 0) return { name, support: 'no', reason: 'switched off in agent.yaml' }
    const problems = found.flatMap(({ source, problem, isHere }) =>
      problem === undefined || (this.#active.length > 0 && !isHere) ? [] : [`${source.name}: ${problem}`],
    )
    const isRead = found.some(({ problem }) => problem === undefined)
    const reason = problems.join('; ').slice(0, 250)
    if (!isRead) return { name, support: 'no', reason }
    return problems.length === 0 ? { name, support: 'yes' } : { name, support: 'degraded', reason }
  }

  async #findBacking(rows: readonly ExportRaw[]): Promise<void> {
    const pairs = new Map(
      rows.map(({ arrayKey, backing = '' }) => [JSON.stringify([arrayKey, backing]), { arrayKey, backing }]),
    )
    const facts = await Promise.all(
      [...pairs.values()].slice(0, mostBacking).map(async ({ arrayKey, backing }): Promise<ArrayFacts[]> => {
        if (!backing.startsWith('/')) return []
        const { array } = await this.resolve({ type: backing.startsWith('/dev/') ? 'block' : 'file', source: backing })
        return array?.devices === undefined
          ? []
          : [{ key: arrayKey, name: arrayKey, kind: 'iscsi', devices: array.devices }]
      }),
    )
    this.#backed = mergeArrays(facts.flat())
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
