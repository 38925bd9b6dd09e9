import type { ArrayKind } from './array/array-kind.js'
import type { ArrayTruth } from './array/array-truth.js'
import type { LunSession } from './iscsi-target.js'
import type { Lab } from './lab.js'

export interface LabStatus {
  readonly dir: string
  readonly seed: string
  readonly hosts: readonly {
    readonly name: string
    readonly address: string
    readonly hostUuid: string
    readonly pid: number
    readonly socket: string
    /** Names of the VMs that run there; absent if its libvirtd does not answer. */
    readonly running?: readonly string[]
  }[]
  readonly guests: readonly {
    readonly name: string
    readonly uuid: string
    readonly host: string
    readonly state: string
    /** The last number that it said. */
    readonly beat: number | undefined
    readonly disks: readonly { readonly target: string; readonly iqn: string; readonly lun: number }[]
  }[]
  readonly arrays: readonly {
    readonly name: string
    readonly iqn: string
    readonly kind: ArrayKind['kind']
    /** What it is in truth; absent unless it is a write-back one. */
    readonly truth?: ArrayTruth
  }[]
  readonly sessions: readonly LunSession[]
}

export async function labStatus(lab: Lab): Promise<LabStatus> {
  const [states, sessions] = await Promise.all([
    Promise.all(lab.hosts.map((host) => host.vmStates().catch(() => undefined))),
    lab.iscsi.sessions().catch(() => []),
  ])
  const guests = lab.guests.map(async (guest) => {
    const { name, uuid, disks } = guest
    const places = lab.hosts.flatMap((host, at) => {
      const state = states[at]?.get(name)
      return state === undefined ? [] : [{ host: host.name, state }]
    })
    const place = places.find(({ state }) => state === 'running') ?? places[0]
    return {
      name,
      uuid,
      host: place?.host ?? '?',
      state: place?.state ?? 'unknown',
      beat: (await guest.beats()).at(-1),
      disks: disks.map(({ target, iqn, lun }) => ({ target, iqn, lun })),
    }
  })
  return {
    dir: lab.dir,
    seed: lab.seed,
    hosts: lab.hosts.map(({ name, address, hostUuid, pid, socket }, index) => {
      const known = states[index]
      const running =
        known === undefined ? {} : { running: [...known].flatMap(([vm, state]) => (state === 'running' ? vm : [])) }
      return { name, address, hostUuid, pid, socket, ...running }
    }),
    guests: await Promise.all(guests),
    arrays: await Promise.all(
      lab.arrays.map(async ({ name, iqn, kind: { kind }, control }) => {
        return { name, iqn, kind, ...(control === undefined ? {} : { truth: await control.truth() }) }
      }),
    ),
    sessions,
  }
}

export function printStatus({ dir, seed, hosts, guests, arrays }: LabStatus): string {
  return [
    `lab ${dir}, seed ${seed}`,
    '',
    ...table(
      ['HOST', 'ADDRESS', 'PID', 'RUNNING', 'SOCKET'],
      hosts.map((host) => [
        host.name,
        host.address,
        String(host.pid),
        host.running?.join(' ') ?? 'no answer',
        host.socket,
      ]),
    ),
    '',
    ...table(
      ['GUEST', 'HOST', 'STATE', 'BEAT', 'DISKS'],
      guests.map(({ name, host, state, beat, disks }) => [
        name,
        host,
        state,
        beat === undefined ? '-' : String(beat),
        disks.map(({ target, iqn, lun }) => `${target}=${iqn}/${lun}`).join(' '),
      ]),
    ),
    '',
    ...table(
      ['ARRAY', 'IQN', 'KIND', 'FILL', 'CAPACITY', 'OVERFLOWS'],
      arrays.map(({ name, iqn, kind, truth }) => {
        if (truth === undefined) return [name, iqn, kind, '-', '-', '-']
        const { fillBytes, capacityBytes, overflows } = truth
        return [name, iqn, kind, megabytes(fillBytes), megabytes(capacityBytes), String(overflows)]
      }),
    ),
  ].join('\n')
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`
}

function table(heads: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const widths = heads.map((head, column) => Math.max(head.length, ...rows.map((row) => row[column]?.length ?? 0)))
  return [heads, ...rows].map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  )
}
