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
  await moved(from, to, guest.name, ['migrate', ...how, guest.name, `qemu+tcp://${to.name}/system`])
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

/** What libvirt says where its daemons lost each other, which libvirt 9.0 does once in hundreds of moves, with nobody's doing. */
const lostConnection = 'client socket is closed'

/**
 * Once more where libvirt's own connection broke and nothing has moved yet: the labs look at what others make of a move, not at that.
 * @throws with virsh's words and with which daemons answer
 */
async function moved(from: LabHost, to: LabHost, guest: string, words: readonly string[]): Promise<void> {
  const failed = await from.virsh(...words).then(
    () => undefined,
    (error: unknown) => String(error),
  )
  if (failed === undefined) return
  const [here, there] = await Promise.all([from, to].map((host) => host.vmStates().catch(() => undefined)))
  const answers = `${from.name} ${here === undefined ? 'does not answer' : 'answers'}, ${to.name} ${there === undefined ? 'does not answer' : 'answers'}`
  const isAsBefore = here?.get(guest) === 'running' && there !== undefined && !there.has(guest)
  if (!failed.includes(lostConnection) || !isAsBefore) throw new Error(`${failed.trim()} (${answers})`)
  console.warn(`libvirt lost its connection from ${from.name} to ${to.name}; ${guest} is moved once more`)
  await from.virsh(...words)
}
