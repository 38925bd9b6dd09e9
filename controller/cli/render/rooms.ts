import type { Profile, RoomFleet } from '../../planner/capacity/room-fleet.js'
import type { Rooms } from '../../planner/capacity/rooms.js'
import { memory } from './figures.js'
import { line, span, type Look } from './look.js'
import { notes } from './notes.js'
import { renderTable } from './table.js'

/** Rooms as they are printed for programs. */
export interface RoomsView {
  /** New VMs of the profile that fit. */
  readonly fits: number
  /** Proven to be no more than that. */
  readonly atMost: number
  readonly exact: boolean
  readonly method: string
  readonly profile: { readonly memoryBytes: number; readonly vcpus: number; readonly localDiskBytes: number }
  /** Hosts that may be lost at once. */
  readonly losses: number
  /** `room`: with nothing kept for losses; `fits`: of a way to put all that fit. */
  readonly hosts: readonly { readonly host: string; readonly room: number; readonly fits: number }[]
  readonly notBorne: readonly { readonly hosts: readonly string[]; readonly vm: string }[]
  readonly lossesNotBorne: number
  /** Hosts for whose loss no place for all was found before the search was cut; the first few. */
  readonly notShown: readonly (readonly string[])[]
  readonly lossesNotShown: number
  /** VMs that are lost with their host. */
  readonly lostWithHost: readonly string[]
  /** VMs of removed hosts that nothing else can take. */
  readonly withoutPlace: readonly string[]
  /** Hosts that take VMs of lost hosts, and no new ones. */
  readonly reserve: readonly string[]
  /** Of the whole program. */
  readonly cpuSeconds: number
}

export interface Counted {
  readonly fleet: RoomFleet
  readonly rooms: Rooms
  readonly profile: Profile
  readonly losses: number
  readonly withoutPlace: readonly string[]
  readonly reserve: readonly string[]
}

export function roomsView({ fleet, rooms, profile, losses, withoutPlace, reserve }: Counted): RoomsView {
  const { user, system } = process.cpuUsage()
  const nameOf = (host: number): string => fleet.hosts[host] ?? ''
  return {
    fits: rooms.fits,
    atMost: rooms.atMost,
    exact: rooms.exact,
    method: methodOf(rooms, losses),
    profile,
    losses,
    hosts: fleet.hosts.map((host, at) => ({ host, room: rooms.roomByHost[at] ?? 0, fits: rooms.byHost[at] ?? 0 })),
    notBorne: rooms.notBorne.map(({ hosts, vm }) => ({ hosts: hosts.map(nameOf), vm: fleet.vms[vm] ?? '' })),
    lossesNotBorne: rooms.lossesNotBorne,
    notShown: rooms.notShown.map((hosts) => hosts.map(nameOf)),
    lossesNotShown: rooms.lossesNotShown,
    lostWithHost: rooms.lostWithHost.map((vm) => fleet.vms[vm] ?? ''),
    withoutPlace,
    reserve,
    cpuSeconds: (user + system) / 1e6,
  }
}

function methodOf({ exact }: Rooms, losses: number): string {
  if (losses === 0) return 'sum over hosts of what each still takes; exact'
  const what = `every loss of ${losses === 1 ? 'one host' : `${losses} hosts`} packed, no VM moved beforehand`
  return exact ? `${what}; exact: shown to be the most` : `${what}; a lower bound: at most atMost fit`
}

export function renderRooms(view: RoomsView, look: Look): string[] {
  const { hosts, fits, atMost, exact, profile, losses, notBorne, lossesNotBorne, notShown, lossesNotShown } = view
  const { lostWithHost, withoutPlace, reserve } = view
  const vm = `${memory(profile.memoryBytes)} and ${profile.vcpus} virtual CPU${profile.vcpus === 1 ? '' : 's'}`
  const kept = losses === 0 ? '' : `, any ${losses === 1 ? 'host' : `${losses} hosts`} lost`
  return [
    ...renderTable(
      hosts,
      [
        { head: 'HOST', drop: 0, shrinkTo: 12, cell: ({ host }) => host },
        { head: 'ROOM', align: 'right', drop: 1, cell: ({ room }) => String(room) },
        ...(losses === 0
          ? []
          : [
              {
                head: 'WITH LOSSES BORNE',
                align: 'right' as const,
                drop: 0,
                cell: ({ fits }: RoomsView['hosts'][number]) => String(fits),
              },
            ]),
      ],
      look,
    ),
    '',
    line(
      [
        span(`room for ${fits} new VM${fits === 1 ? '' : 's'} of ${vm}${kept}`, 'bold'),
        span(exact ? '' : `, at most ${atMost}`),
      ],
      look,
    ),
    ...notes(
      [
        ...notBorne.map(({ hosts, vm }) => `if ${hosts.join(' and ')} is lost, ${vm} finds no place already`),
        lossesNotBorne > notBorne.length
          ? `and ${lossesNotBorne - notBorne.length} other losses are not borne`
          : undefined,
        ...notShown.map((hosts) => `the loss of ${hosts.join(' and ')} is not shown to be borne: the search was cut`),
        lossesNotShown > notShown.length ? `nor are ${lossesNotShown - notShown.length} other losses` : undefined,
        withoutPlace.length === 0 ? undefined : `nothing takes in ${withoutPlace.join(', ')} of the hosts that go`,
        reserve.length === 0 ? undefined : `kept in reserve, no new VMs are counted there: ${reserve.join(', ')}`,
        lostWithHost.length === 0
          ? undefined
          : `${lostWithHost.length} VMs are lost with their host, on local disk: nothing is kept for them`,
      ],
      look,
    ),
  ]
}
