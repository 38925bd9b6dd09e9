import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** Figures of one part of a bench. */
export type Figures = Readonly<Record<string, unknown>>

/** Parts of a long bench, each round written down when it is done, so that an interrupted run goes on where it was. */
export class Parts {
  readonly #done = new Map<string, Figures[]>()

  private constructor(private readonly dir: string) {}

  /** Of a run before, or without what was measured. */
  static async in(dir: string, fresh: boolean): Promise<Parts> {
    if (fresh) await rm(dir, { recursive: true, force: true })
    await mkdir(dir, { recursive: true })
    return new Parts(dir)
  }

  /** Adds one more round of a part. */
  async run(name: string, work: () => Promise<Figures>): Promise<void> {
    const rounds = this.#done.get(name) ?? []
    this.#done.set(name, rounds)
    const path = join(this.dir, `${name}.${rounds.length + 1}.json`)
    const before = await readFile(path, 'utf8').catch(() => undefined)
    const figures: Figures = before === undefined ? await work() : JSON.parse(before)
    rounds.push(figures)
    if (before === undefined) {
      await writeFile(`${path}.part`, JSON.stringify(figures))
      await rename(`${path}.part`, path)
    }
    console.log(`${name}${before === undefined ? '' : ' (measured before)'}: ${JSON.stringify(figures)}`)
  }

  get all(): ReadonlyMap<string, readonly Figures[]> {
    return this.#done
  }
}
