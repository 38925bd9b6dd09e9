import { type Command, Option } from 'commander'

import {
  addHostArgument,
  addMemoryArgument,
  growArgument,
  hostsArgument,
  profileArgument,
} from '../amounts-argument.js'
import { countArgument } from '../argument.js'
import { CliError } from '../cli-error.js'
import type { CommandContext } from '../context.js'
import {
  type FleetFormat,
  fleetFormats,
  type FleetInput,
  readFleet,
  roomFleetOf,
  usualProfile,
} from '../fleet-input.js'
import { offline } from '../offline.js'
import { renderRooms, type RoomsView } from '../render/rooms.js'
import type { Profile } from '../../planner/capacity/room-fleet.js'
import type { AddedHost, WhatIf } from '../../planner/capacity/what-if.js'

/** Options of what counts rooms in a fleet file. */
export interface RoomOptions {
  readonly from?: string
  readonly format: FleetFormat
  readonly profile?: Profile
  readonly n1?: boolean
  readonly fail?: number
  readonly addHost?: readonly AddedHost[]
  readonly addMemory?: WhatIf['addMemory']
  readonly removeHost?: readonly string[]
  readonly grow?: number
  readonly vcpusPerCore?: number
}

export function addRoomOptions(command: Command): Command {
  return command
    .option('--from <file>', 'count in a fleet file in place of the fleet that is watched')
    .addOption(new Option('--format <format>', 'how that file is written').choices(fleetFormats).default('fleet'))
    .option(
      '--profile <amounts>',
      'what a new VM takes: memory=4GiB,vcpus=2, and disk=40GB if it is on local disk',
      profileArgument,
    )
    .option('--n1', 'rooms that are left when any one host may be lost, and all that can start elsewhere has its place')
    .option('--fail <hosts>', 'the same for so many hosts at once', countArgument(8))
    .option(
      '--add-host <amounts>',
      'what if there were a host more: memory=64GiB,cores=16; may be repeated',
      addHostArgument,
    )
    .option(
      '--add-memory <host=size>',
      'what if a host had more memory: xenhv01=8GiB; may be repeated',
      addMemoryArgument,
    )
    .option('--remove-host <names>', 'what if hosts went and their VMs moved to the others', hostsArgument)
    .option('--grow <share>', 'what if all VMs took so much more: 20%', growArgument)
    .option(
      '--vcpus-per-core <count>',
      'most virtual CPUs for each core, where the file tells none',
      countArgument(1000),
    )
}

/** Options of `capacity` by what they bear on: a fleet file, or the fleet that is watched. */
export const ofFile = [
  'from',
  'format',
  'profile',
  'n1',
  'fail',
  'addHost',
  'addMemory',
  'removeHost',
  'grow',
  'vcpusPerCore',
]
export const ofWatched = ['reserve', 'vmMemory', 'check']

/**
 * @param command the one that has the options
 * @throws CliError (usage) naming options that were given and would not count
 */
export function refuseIgnored(command: Command | null, names: readonly string[], why: string): void {
  const given = names.filter((name) => command?.getOptionValueSource(name) === 'cli')
  if (given.length === 0) return
  const flags = given.map((name) => command?.options.find((one) => one.attributeName() === name)?.long ?? name)
  throw new CliError('usage', `${flags.join(', ')} would not count: ${why}`, '')
}

/** Counts rooms in a file and shows them. */
export async function roomsFromFile(context: CommandContext, file: string, options: RoomOptions): Promise<void> {
  const view = await offline({ end: () => undefined, show: () => undefined }, () => roomsOf(file, options))
  if (context.json) context.printJson(view)
  else context.print(renderRooms(view, context.look()))
}

/** @throws ConfigError: what is wrong with the file · CliError (usage): a host that there is not */
async function roomsOf(file: string, options: RoomOptions): Promise<RoomsView> {
  const [{ countRooms }, { changed, nothingChanged }, { roomsView }] = await Promise.all([
    import('../../planner/capacity/rooms.js'),
    import('../../planner/capacity/what-if.js'),
    import('../render/rooms.js'),
  ])
  const input = await readFleet(file, options.format)
  const profile = options.profile ?? usualProfile(input)
  const losses = options.fail ?? (options.n1 === true ? 1 : 0)
  const { addHost, addMemory, removeHost, grow } = options
  const whatIf = {
    addHosts: addHost ?? nothingChanged.addHosts,
    addMemory: addMemory ?? nothingChanged.addMemory,
    removeHosts: removeHost ?? nothingChanged.removeHosts,
    growShare: grow ?? nothingChanged.growShare,
  }
  const before = await roomFleetOf(input, profile, options.vcpusPerCore)
  const reserve = reserveOf(input).filter((host) => !whatIf.removeHosts.includes(host))
  return asUsage(() => {
    const { fleet, withoutPlace } = changed(before, whatIf)
    return roomsView({ fleet, rooms: countRooms(fleet, losses), profile, losses, withoutPlace, reserve })
  })
}

function reserveOf(input: FleetInput): string[] {
  if (input.format === 'ganeti') return []
  return input.spec.hosts.flatMap(({ name, role }) => (role === 'reserve' ? name : []))
}

/** What was asked for and cannot be counted is told as a person's slip. */
export function asUsage<Result>(work: () => Result): Result {
  try {
    return work()
  } catch (error) {
    if (error instanceof RangeError) throw new CliError('usage', error.message, '', { cause: error })
    throw error
  }
}
