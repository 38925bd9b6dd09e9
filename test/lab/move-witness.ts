import { open, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

import type { LabGuest } from './lab-guest.js'
import type { Lab } from './lab.js'

const lookEveryMs = 20

/** What is seen of a guest from outside while it moves: when it says something, what it stamps on its LUN, and who writes there. */
export class MoveWitness {
  /** Longest time without a beat since it was last asked. */
  #longestGapMs = 0
  #lastBeatAt = performance.now()
  #stamp = 0
  readonly #faults: string[] = []
  readonly #stop = new AbortController()
  readonly #watching: Promise<unknown>
  /** By session: what it wrote so far. */
  readonly #written = new Map<number, number>()
  /** The session that wrote last; sessions count up. */
  #writer = 0

  private constructor(
    private readonly lab: Lab,
    private readonly guest: LabGuest,
  ) {
    this.#watching = Promise.all([this.#watchBeats(), this.#watchStamps(), this.#watchSessions()])
    this.#watching.catch(() => undefined)
  }

  static async start(lab: Lab, guest: LabGuest): Promise<MoveWitness> {
    await guest.tell(`stamp ${guest.disks[0]?.target ?? 'vda'} 0`)
    return new MoveWitness(lab, guest)
  }

  /** What should never be, in words. */
  get faults(): readonly string[] {
    return this.#faults
  }

  get stamp(): number {
    return this.#stamp
  }

  /** Begins anew with the next beat. */
  takeLongestGap(): number {
    const gap = Math.max(this.#longestGapMs, performance.now() - this.#lastBeatAt)
    this.#longestGapMs = 0
    this.#lastBeatAt = performance.now()
    return Math.round(gap)
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#watching
  }

  async #watchBeats(): Promise<void> {
    const sizeOf = async (): Promise<number> => {
      const sizes = await Promise.all(
        this.lab.hosts.map((host) =>
          stat(host.serialLog(this.guest.name)).then(
            ({ size }) => size,
            () => 0,
          ),
        ),
      )
      return sizes.reduce((total, size) => total + size, 0)
    }
    let before = await sizeOf()
    await this.#repeat(async () => {
      const now = await sizeOf()
      if (now === before) return
      before = now
      const at = performance.now()
      this.#longestGapMs = Math.max(this.#longestGapMs, at - this.#lastBeatAt)
      this.#lastBeatAt = at
    })
  }

  async #watchStamps(): Promise<void> {
    const [array] = this.lab.arrays
    const lun = array?.luns.find(({ owner }) => owner === this.guest.name)
    if (lun === undefined) throw new Error('no LUN')
    const file = await open(join(this.lab.dir, 'luns', lun.file))
    try {
      await this.#repeat(async () => {
        const { buffer } = await file.read(Buffer.alloc(512), 0, 512, 0)
        const [, number] = /^stamp (\d+)/.exec(buffer.toString('latin1')) ?? []
        if (number === undefined) return
        const stamp = Number(number)
        if (stamp < this.#stamp) this.#faults.push(`the stamp went back from ${this.#stamp} to ${stamp}`)
        this.#stamp = stamp
      })
    } finally {
      await file.close()
    }
  }

  async #watchSessions(): Promise<void> {
    const [disk] = this.guest.disks
    const tid = this.lab.arrays.find(({ iqn }) => iqn === disk?.iqn)?.tid
    await this.#repeat(async () => {
      const rows = (await this.lab.iscsi.sessions()).filter((row) => row.tid === tid && row.lun === disk?.lun)
      for (const { session, writeBytes } of rows) {
        const before = this.#written.get(session) ?? 0
        this.#written.set(session, writeBytes)
        if (writeBytes <= before) continue
        if (session < this.#writer) this.#faults.push(`session ${session} wrote after session ${this.#writer} had`)
        this.#writer = Math.max(this.#writer, session)
      }
    })
  }

  async #repeat(look: () => Promise<void>): Promise<void> {
    while (!this.#stop.signal.aborted) {
      await look()
      await delay(lookEveryMs)
    }
  }
}
