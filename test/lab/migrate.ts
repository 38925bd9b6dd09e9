import type { LabGuest } from './lab-guest.js'
import type { LabHost } from './lab-host.js'

export interface MigrationOptions {
  /** False: the guest is paused while it moves. */
  readonly live?: boolean
  /** More words for `virsh migrate`, such as `--postcopy --postcopy-after-precopy` or `--auto-converge`. */
  readonly more?: readonly string[]
}

export interface Migration {
  readonly guest: string
  readonly from: string
  readonly to: string
  /** From the start of virsh to its end. */
  readonly tookMs: number
  /** How long the guest stood still, as QEMU says; undefined if it does not say. */
  readonly downtimeMs: number | undefined
}

/** Moves a guest, host to host; its definition goes with it. @throws with virsh's words if it fails */
export async function migrate(
  guest: LabGuest,
  to: LabHost,
  { live = true, more = [] }: MigrationOptions = {},
): Promise<Migration> {
  const from = await guest.host()
  if (from === to) throw new Error(`${guest.name} is on ${to.name} already`)
  const began = performance.now()
  const how = ['--p2p', '--persistent', '--undefinesource', ...(live ? ['--live'] : []), ...more]
  await from.virsh('migrate', ...how, guest.name, `qemu+tcp://${to.name}/system`)
  const tookMs = Math.round(performance.now() - began)
  const told = await to.virsh('domjobinfo', '--completed', guest.name).catch(() => '')
  const downtime = /^Total downtime: +(\d+) +ms/m.exec(told)?.[1]
  return {
    guest: guest.name,
    from: from.name,
    to: to.name,
    tookMs,
    downtimeMs: downtime === undefined ? undefined : Number(downtime),
  }
}
