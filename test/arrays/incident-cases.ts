import type { Dice } from './dice.js'
import { loadOf, type SharedSpec, type Want } from './shared-array.js'

/** What happens. The second list is what a sort by bytes, or a look at who is busy, gets wrong. */
export const plainKinds = ['bulk-copy', 'two-copies', 'freeze'] as const
export const adversarialKinds = [
  'small-random-writer',
  'reader',
  'host-copy',
  'beside-steady-backup',
  'copy-below-backup',
  'cron-herd',
] as const
export const kinds = [...plainKinds, ...adversarialKinds] as const
export type IncidentKind = (typeof kinds)[number]

/** One user: a VM, or a host by itself (`vm` undefined). */
export interface CaseUser {
  readonly id: string
  readonly host: number
  readonly isHost: boolean
  readonly wants: (second: number) => Want
}

export interface IncidentCase {
  readonly kind: IncidentKind
  readonly spec: SharedSpec
  readonly hosts: number
  readonly users: readonly CaseUser[]
  /** Ids: one of them has to be named first; of a herd all. */
  readonly culprits: ReadonlySet<string>
  readonly startSecond: number
  readonly freezes: boolean
  /** Hypervisors time requests. */
  readonly timed: boolean
}

const MB = 1e6
const nothing: Want = { writeBytes: 0, writeSize: 4096, readBytes: 0, readSize: 4096, random: false }

/** Loads are in shares of the disks' time, so that each is strong enough, whatever it is made of. */
export function incidentCase(kind: IncidentKind, dice: Dice): IncidentCase {
  const spec = specOf(dice)
  const hosts = Math.round(dice.between(3, 5))
  const startSecond = Math.round(dice.between(150, 240))
  const vms = Math.round(dice.between(12, 40))
  const background = backgroundOf(dice, vms, hosts)
  const usual = dice.between(0.1, 0.3)
  const scale =
    usual /
    loadOf(
      spec,
      background.map(({ want }) => want),
    )
  const backup = hasBackup(kind, dice) ? dice.between(0.4, 0.5) : 0
  const bystander = bystanderOf(spec, dice)
  const before = usual + backup + (bystander === undefined ? 0 : loadOf(spec, [bystander]))
  const culprits = culpritsOf(kind, spec, dice, { before, vms, backup })
  // Somebody innocent begins something, too: long before, at the same time, or after.
  const bystanderFrom = startSecond + dice.between(-60, 10)
  const users = background.map(({ id, host, want, period }, index): CaseUser => {
    const own = culprits.get(id)
    const delay = kind === 'cron-herd' ? dice.between(0, 2) : 0
    return {
      id,
      host: kind === 'cron-herd' && own !== undefined ? 0 : host,
      isHost: false,
      wants: (second) => {
        if (own !== undefined && second >= startSecond + delay) return noisy(own, dice, 0.15)
        if (index === vms - 1 && backup > 0) return noisy(streaming(spec, backup), dice, 0.1)
        if (index === vms - 2 && bystander !== undefined && second >= bystanderFrom) return noisy(bystander, dice, 0.1)
        const isOn = period === 0 || second % period < period / 2
        return noisy(scaled(want, isOn ? scale : scale / 10), dice, 0.35)
      },
    }
  })
  for (let host = 0; host < hosts; host += 1) {
    const own = culprits.get(`host-${host}`)
    users.push({
      id: `host-${host}`,
      host,
      isHost: true,
      wants: (second) => (own !== undefined && second >= startSecond ? noisy(own, dice, 0.15) : nothing),
    })
  }
  return {
    kind,
    spec,
    hosts,
    users,
    culprits: new Set(culprits.keys()),
    startSecond,
    freezes: kind === 'freeze',
    timed: !dice.happens(0.25),
  }
}

function specOf(dice: Dice): SharedSpec {
  return {
    cacheBytes: dice.sized(50, 400) * MB,
    lineBytes: dice.pick([4096, 8192, 16_384, 65_536]),
    streamBytesPerSecond: dice.sized(8, 60) * MB,
    readSeconds: dice.sized(0.002, 0.008),
    smallWriteSeconds: dice.sized(0.003, 0.016),
    baseWriteMs: dice.sized(0.7, 2.2),
    baseReadMs: dice.sized(2, 8),
  }
}

function backgroundOf(
  dice: Dice,
  vms: number,
  hosts: number,
): { readonly id: string; readonly host: number; readonly want: Want; readonly period: number }[] {
  return Array.from({ length: vms }, (_, index) => {
    const size = dice.pick([4096, 8192, 16_384])
    const size2 = dice.pick([4096, 16_384, 65_536])
    const writes = dice.sized(0.5, 8)
    const reads = dice.sized(0.3, 6)
    return {
      id: `vm-${index}`,
      host: Math.floor(dice.roll() * hosts),
      want: dice.happens(0.15)
        ? { ...nothing, readBytes: reads * size2, readSize: size2, random: true, cached: true }
        : { writeBytes: writes * size, writeSize: size, readBytes: reads * size2, readSize: size2, random: true },
      period: dice.happens(0.2) ? Math.round(dice.between(20, 60)) : 0,
    }
  })
}

/** What is no harm: a copy, a log that is appended to in small pieces, reads of what the array has in memory. */
function bystanderOf(spec: SharedSpec, dice: Dice): Want | undefined {
  if (dice.happens(0.4)) return undefined
  switch (dice.pick<'copy' | 'log' | 'cached-reader'>(['copy', 'log', 'cached-reader'])) {
    case 'copy':
      return streaming(spec, dice.between(0.1, 0.3))
    case 'log':
      return { ...streaming(spec, dice.between(0.02, 0.1)), writeSize: dice.pick([4096, 16_384]) }
    case 'cached-reader': {
      const readSize = dice.pick([4096, 65_536])
      return { ...nothing, readBytes: dice.sized(100, 1500) * readSize, readSize, random: true, cached: true }
    }
  }
}

function hasBackup(kind: IncidentKind, dice: Dice): boolean {
  return kind === 'reader' || kind === 'beside-steady-backup' || kind === 'copy-below-backup' || dice.happens(0.25)
}

function culpritsOf(
  kind: IncidentKind,
  spec: SharedSpec,
  dice: Dice,
  { before, vms, backup }: { readonly before: number; readonly vms: number; readonly backup: number },
): ReadonlyMap<string, Want> {
  const strength = dice.between(1.25, 2.5) - before
  const first = 'vm-0'
  switch (kind) {
    case 'bulk-copy':
    case 'freeze':
      return new Map([[first, streaming(spec, strength)]])
    case 'two-copies':
      return new Map([
        [first, streaming(spec, 0.5 * strength)],
        ['vm-1', streaming(spec, 0.5 * strength)],
      ])
    case 'small-random-writer':
    case 'beside-steady-backup':
      return new Map([[first, smallWrites(spec, strength, dice)]])
    case 'reader':
      return new Map([[first, reading(spec, dice.between(0.65, 0.8), dice)]])
    case 'host-copy':
      return new Map([[`host-0`, streaming(spec, strength)]])
    case 'copy-below-backup':
      return new Map([[first, streaming(spec, Math.max(1.15 - before, 0.95 * backup))]])
    case 'cron-herd': {
      const many = Math.min(vms - 3, Math.round(dice.between(6, 14)))
      const each = strength / many
      return new Map(
        Array.from({ length: many }, (_, index) => [
          `vm-${index}`,
          dice.happens(0.5) ? smallWrites(spec, each * dice.between(0.7, 1.3), dice) : streaming(spec, each),
        ]),
      )
    }
  }
}

function streaming({ streamBytesPerSecond }: SharedSpec, load: number): Want {
  return { ...nothing, writeBytes: load * streamBytesPerSecond, writeSize: 512 * 1024 }
}

function smallWrites({ smallWriteSeconds, streamBytesPerSecond }: SharedSpec, load: number, dice: Dice): Want {
  const writeSize = dice.pick([4096, 8192])
  const requests = load / (smallWriteSeconds + writeSize / streamBytesPerSecond)
  return { ...nothing, writeBytes: requests * writeSize, writeSize, random: true }
}

function reading({ readSeconds, streamBytesPerSecond }: SharedSpec, load: number, dice: Dice): Want {
  const readSize = dice.pick([4096, 16_384, 65_536])
  const requests = load / (readSeconds + readSize / streamBytesPerSecond)
  return { ...nothing, readBytes: requests * readSize, readSize, random: true }
}

function scaled(want: Want, by: number): Want {
  return { ...want, writeBytes: want.writeBytes * by, readBytes: want.readBytes * by }
}

function noisy(want: Want, dice: Dice, spread: number): Want {
  return scaled(want, dice.noise(spread))
}
