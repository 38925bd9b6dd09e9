import { describe, expect, it } from 'vitest'

import { kinds } from '../../test/arrays/incident-cases.js'
import { playIncident } from '../../test/arrays/play-incident.js'
import type { ArrayCacheState } from '../model/array-condition.js'
import type { Exchanged } from '../model/snapshot.js'
import type { Contribution } from './contributions.js'
import { newCulprits, step, type CulpritState } from './culprits.js'
import { rank, type TraitsOf } from './suspects.js'

const traitsOf: TraitsOf = ({ hostId }) => [`host ${hostId}`]

/** Bytes a second in requests of a size, and how long each takes. */
type Does = readonly [writeBytes: number, size: number, ms?: number]

/** VMs on one host, which counts what they do and what it does itself (`host`). */
class Scene {
  state: CulpritState
  readonly #totals = new Map<string, Exchanged>()
  /** Of which disks or arrays totals are. */
  readonly #of = new Map<string, string>()

  constructor(public second = 0) {
    this.state = newCulprits(0)
  }

  go(seconds: number, cacheState: ArrayCacheState, does: Readonly<Record<string, Does>>, silent = false): void {
    const until = this.second + seconds
    for (; this.second < until; this.second += 1) {
      for (const [name, [bytes, size, ms = 1]] of Object.entries(does)) {
        const requests = bytes / size
        this.#add(name, { writeBytes: bytes, writeRequests: requests, writeSeconds: (requests * ms) / 1000 })
      }
      const at = (this.second + 1) * 1000
      if (!silent) this.state = step(this.state, { at, state: cacheState, contributions: this.#told(at) })
    }
  }

  /** Another disk of a VM joins, or another array to the host, with all that it ever did. */
  join(name: string, more: Exchanged): void {
    this.#add(name, more)
    for (const id of [name, 'h']) this.#of.set(id, `${this.#of.get(id) ?? ''}+`)
  }

  suspects(): string[][] {
    return rank(this.state, traitsOf).suspects.map(({ members }) => members.map(({ name }) => name))
  }

  #add(name: string, more: Exchanged): void {
    const { writeBytes = 0, writeRequests = 0, writeSeconds = 0 } = this.#totals.get(name) ?? {}
    this.#totals.set(name, {
      writeBytes: writeBytes + (more.writeBytes ?? 0),
      writeRequests: writeRequests + (more.writeRequests ?? 0),
      writeSeconds: writeSeconds + (more.writeSeconds ?? 0),
    })
  }

  #told(at: number): Contribution[] {
    const sum = [...this.#totals.values()].reduce<{ writeBytes: number; writeRequests: number }>(
      (total, one) => ({
        writeBytes: total.writeBytes + (one.writeBytes ?? 0),
        writeRequests: total.writeRequests + (one.writeRequests ?? 0),
      }),
      { writeBytes: 0, writeRequests: 0 },
    )
    const vms = [...this.#totals].filter(([name]) => name !== 'host')
    return [
      ...vms.map(([name, totals]): Contribution => ({
        id: name,
        kind: 'vm',
        name,
        hostId: 'h',
        at,
        of: this.#of.get(name) ?? '',
        totals,
      })),
      { id: 'h', kind: 'host', name: 'h', hostId: 'h', at, of: this.#of.get('h') ?? '', totals: sum },
    ]
  }
}

const quiet: Does = [20_000, 4096]
const slow: Does = [20_000, 4096, 40]
const backup: Does = [20e6, 524_288]

describe('who makes others wait', () => {
  it('is a new small random writer, and not the backup that has always run', () => {
    const scene = new Scene()
    scene.go(120, 'idle', { mail: quiet, www: quiet, backup, db: quiet })
    scene.go(20, 'filling', { mail: quiet, www: quiet, backup, db: [2e6, 4096] })
    scene.go(10, 'saturated', { mail: slow, www: slow, backup: [15e6, 524_288, 60], db: [1e6, 4096, 90] })
    const { suspects, victims, mostBytes } = rank(scene.state, traitsOf)
    expect(suspects[0]).toMatchObject({ members: [{ name: 'db' }], confidence: 'high', since: 120_000 })
    expect(victims.map(({ name }) => name).toSorted()).toEqual(['backup', 'mail', 'www'])
    expect(mostBytes?.name).toBe('backup')
  })

  it('is the host itself, by what it counts beside its VMs', () => {
    const scene = new Scene()
    scene.go(120, 'idle', { mail: quiet, backup, host: [0, 4096] })
    scene.go(10, 'filling', { mail: quiet, backup, host: [40e6, 524_288] })
    expect(rank(scene.state, traitsOf).suspects[0]?.members).toEqual([{ id: 'h', kind: 'host', name: 'h' }])
  })

  it('is a herd, where many begin together and none does most', () => {
    const scene = new Scene()
    const many = Array.from({ length: 8 }, (_, at) => `vm${at}`)
    const all = (does: Does): Record<string, Does> => Object.fromEntries(many.map((name) => [name, does]))
    scene.go(120, 'idle', { mail: quiet, ...all(quiet) })
    scene.go(15, 'filling', { mail: quiet, ...all([1e6, 4096]) })
    const [first] = rank(scene.state, traitsOf).suspects
    expect(first).toMatchObject({ isHerd: true, inCommon: ['host h'] })
    expect(first?.members.map(({ name }) => name).toSorted()).toEqual(many)
  })

  it('stays who filled it while nothing ends, however long', () => {
    const scene = new Scene()
    scene.go(120, 'idle', { mail: quiet, kure: quiet })
    scene.go(10, 'filling', { mail: quiet, kure: [60e6, 524_288] })
    const before = scene.suspects()
    scene.go(600, 'stalled', {})
    expect(scene.suspects()).toEqual(before)
    expect(before).toEqual([['kure']])
    expect(rank(scene.state, traitsOf).victims.map(({ name }) => name)).toEqual(['mail'])
  })

  it('is nobody while all goes on as always, nor because a report was late', () => {
    const scene = new Scene()
    scene.go(120, 'idle', { mail: quiet, backup })
    scene.go(4, 'idle', { mail: quiet, backup }, true)
    scene.go(20, 'idle', { mail: quiet, backup })
    expect(rank(scene.state, traitsOf)).toMatchObject({ incidentSince: undefined, suspects: [], victims: [] })
  })

  it.each(['www', 'host'])('is nobody because something joins that did much in its life: %s', (name) => {
    const scene = new Scene()
    scene.go(120, 'idle', { mail: quiet, www: quiet, host: [20_000, 4096] })
    const usual = scene.state.tracks.map(({ usualCost }) => usualCost)
    scene.join(name, { writeBytes: 5e12, writeRequests: 5e8, writeSeconds: 5e5 })
    scene.go(10, 'saturated', { mail: slow, www: slow, host: [20_000, 4096] })
    expect(scene.suspects()).toEqual([])
    for (const [index, { usualCost }] of scene.state.tracks.entries())
      expect(usualCost).toBeCloseTo(usual[index] ?? 0, -3)
  })

  it('is nobody any more some minutes after it stopped', () => {
    const scene = new Scene()
    scene.go(120, 'idle', { mail: quiet, kure: quiet })
    scene.go(30, 'saturated', { mail: slow, kure: [60e6, 524_288, 50] })
    expect(scene.suspects()).toEqual([['kure']])
    scene.go(180, 'idle', { mail: quiet, kure: quiet })
    expect(rank(scene.state, traitsOf)).toMatchObject({ incidentSince: undefined, suspects: [] })
  })

  it('is found in most incidents of hidden arrays, of each kind one', () => {
    const verdicts = kinds.map((kind, index) => playIncident(kind, 9000 + index))
    const wrong = verdicts.filter(({ isRight }) => !isRight).map(({ kind }) => kind)
    expect(wrong.length).toBeLessThanOrEqual(1)
    expect(verdicts.filter(({ isRightByBytes }) => !isRightByBytes).length).toBeGreaterThan(2)
  }, 60_000)
})
