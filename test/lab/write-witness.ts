import type { LabGuest } from './lab-guest.js'

/** What a guest's own kernel has counted of the writes of its disk. */
interface Counted {
  /** Of the moment in which it was asked and that in which it answered, the middle; milliseconds since 1970. */
  readonly atMs: number
  readonly writes: number
  readonly waitedMs: number
}

/** Several in each window that is compared. */
const lookEveryMs = 500

/** How long writes take as guests themselves time them, in their kernels. It knows nothing of agents and controller. */
export class WriteWitness {
  readonly #looks = new Map<string, Counted[]>()
  readonly #running: Promise<unknown>
  #isOver = false
  #wake = (): void => undefined

  constructor(guests: readonly LabGuest[]) {
    this.#running = Promise.all(guests.map((guest) => this.#follow(guest)))
    // Whoever stops it hears of its failure.
    this.#running.catch(() => undefined)
  }

  async stop(): Promise<void> {
    this.#isOver = true
    this.#wake()
    await this.#running
  }

  /** Mean over the writes of all guests that ended between two moments, milliseconds; undefined: none did. */
  latencyMs(fromMs: number, toMs: number): number | undefined {
    let [writes, waitedMs] = [0, 0]
    for (const looks of this.#looks.values()) {
      const within = looks.filter(({ atMs }) => atMs >= fromMs && atMs <= toMs)
      const [first, last] = [within[0], within.at(-1)]
      if (first === undefined || last === undefined) continue
      writes += last.writes - first.writes
      waitedMs += last.waitedMs - first.waitedMs
    }
    return writes === 0 ? undefined : waitedMs / writes
  }

  async #follow(guest: LabGuest): Promise<void> {
    const [disk] = guest.disks
    if (disk === undefined) throw new Error(`${guest.name} has no disk`)
    const looks: Counted[] = []
    this.#looks.set(guest.name, looks)
    while (!this.#isOver) {
      const askedMs = Date.now()
      const answer = await guest.tell(`stat ${disk.target}`)
      looks.push({ ...countsIn(answer), atMs: (askedMs + Date.now()) / 2 })
      await new Promise<void>((resolve) => {
        const wakeOther = this.#wake
        this.#wake = () => {
          wakeOther()
          resolve()
        }
        setTimeout(resolve, lookEveryMs)
      })
    }
  }
}

/** `stat READS MERGED SECTORS MS WRITES MERGED SECTORS MS …`. */
function countsIn(answer: readonly string[]): Omit<Counted, 'atMs'> {
  const line = answer.findLast((text) => text.startsWith('stat '))
  const numbers = (line ?? '').split(/\s+/).slice(1).map(Number)
  const [, , , , writes, , , waitedMs] = numbers
  if (writes === undefined || waitedMs === undefined || !Number.isFinite(writes + waitedMs))
    throw new Error(`expected what the kernel counts of a disk, got ${JSON.stringify(answer)}`)
  return { writes, waitedMs }
}
