import type { Contribution } from '../../controller/arrays/contributions.js'
import type { Exchanged } from '../../controller/model/snapshot.js'
import type { Dice } from './dice.js'
import type { CaseUser, IncidentCase } from './incident-cases.js'
import type { Got } from './shared-array.js'

type Growing = { -readonly [Name in keyof Required<Omit<Exchanged, 'activeSeconds'>>]: number }

interface Delivery {
  readonly dueStep: number
  readonly contributions: readonly Contribution[]
}

const lateChance = 0.01

/**
 * What hosts tell: each reads its VMs' disks and its own counters about once a second, at its own moment and not both at once, counts other
 * requests than its VMs do, tells a little later, and now and then several seconds later.
 */
export class Reports {
  readonly #totals: readonly Growing[]
  /** How far off the latencies of this second are. */
  readonly #timing: number[] = []
  readonly #ownRequests: readonly number[]
  readonly #phases: readonly number[]
  readonly #waiting: Delivery[][]
  readonly #last = new Map<string, Contribution>()
  readonly #lag: readonly number[]

  constructor(
    private readonly of: IncidentCase,
    private readonly dice: Dice,
    private readonly startMs: number,
  ) {
    const hosts = Array.from({ length: of.hosts }, (_, host) => host)
    this.#totals = of.users.map(() => newTotals())
    this.#phases = hosts.map(() => Math.floor(dice.roll() * 10))
    this.#ownRequests = hosts.map(() => dice.between(0.8, 1.25))
    this.#lag = hosts.map(() => Math.floor(dice.between(0, 2.99)))
    this.#waiting = hosts.map(() => [])
  }

  /** A tenth of a second of everybody. */
  add(stepIndex: number, got: readonly Got[]): void {
    if (stepIndex % 10 === 0) for (const at of got.keys()) this.#timing[at] = this.dice.noise(0.15)
    for (const [index, one] of got.entries()) {
      const totals = this.#totals[index]
      if (totals === undefined) continue
      const timing = this.#timing[index] ?? 1
      totals.readBytes += one.readBytes
      totals.writeBytes += one.writeBytes
      totals.readRequests += one.readRequests
      totals.writeRequests += one.writeRequests
      totals.readSeconds += (one.readRequests * one.readMs * timing) / 1000
      totals.writeSeconds += (one.writeRequests * one.writeMs * timing) / 1000
    }
    for (let host = 0; host < this.of.hosts; host += 1) this.#read(host, stepIndex)
  }

  /** What the controller has at this moment, in no special order. */
  told(stepIndex: number): readonly Contribution[] {
    for (const waiting of this.#waiting) {
      let [next] = waiting
      while (next !== undefined && next.dueStep <= stepIndex) {
        waiting.shift()
        for (const one of next.contributions) this.#last.set(one.id, one)
        ;[next] = waiting
      }
    }
    return [...this.#last.values()]
  }

  #read(host: number, stepIndex: number): void {
    const beat = (stepIndex + (this.#phases[host] ?? 0)) % 10
    const lag = this.#lag[host] ?? 0
    const late = this.dice.happens(lateChance)
      ? Math.round(this.dice.between(20, 40))
      : Math.round(this.dice.between(0, 3))
    if (beat === 0) {
      const vms = this.of.users.flatMap((user, index) =>
        user.host === host && !user.isHost ? this.#vm(user, index, stepIndex) : [],
      )
      this.#waiting[host]?.push({ dueStep: stepIndex + late, contributions: vms })
    }
    if (beat === lag) {
      this.#waiting[host]?.push({ dueStep: stepIndex, contributions: [this.#host(host, stepIndex)] })
    }
  }

  #vm({ id }: CaseUser, index: number, stepIndex: number): Contribution[] {
    const totals = this.#totals[index]
    if (totals === undefined) return []
    const counted = {
      ...totals,
      readRequests: Math.floor(totals.readRequests),
      writeRequests: Math.floor(totals.writeRequests),
    }
    const { readBytes, writeBytes, readRequests, writeRequests } = counted
    const untimed = { readBytes, writeBytes, readRequests, writeRequests }
    const host = this.of.users[index]?.host ?? 0
    const at = this.startMs + 100 * stepIndex
    return [
      {
        id,
        kind: 'vm',
        name: id,
        hostId: `host-${host}`,
        at,
        of: id,
        totals: this.of.timed ? counted : untimed,
      },
    ]
  }

  #host(host: number, stepIndex: number): Contribution {
    const sum = newTotals()
    for (const [index, user] of this.of.users.entries()) {
      const totals = this.#totals[index]
      if (user.host !== host || totals === undefined) continue
      for (const name of names) sum[name] += totals[name]
    }
    const factor = this.#ownRequests[host] ?? 1
    const id = `host-${host}`
    return {
      id,
      kind: 'host',
      name: id,
      hostId: id,
      at: this.startMs + 100 * stepIndex,
      of: id,
      totals: {
        ...sum,
        readRequests: Math.floor(sum.readRequests * factor),
        writeRequests: Math.floor(sum.writeRequests * factor),
      },
    }
  }
}

const names = ['readBytes', 'writeBytes', 'readRequests', 'writeRequests', 'readSeconds', 'writeSeconds'] as const

function newTotals(): Growing {
  return { readBytes: 0, writeBytes: 0, readRequests: 0, writeRequests: 0, readSeconds: 0, writeSeconds: 0 }
}
