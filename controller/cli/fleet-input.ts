import { readFileSync } from 'node:fs'

import type { FleetSpec } from '../../common/fleet-file/fleet-spec.js'
import type { Profile, RoomFleet } from '../planner/capacity/room-fleet.js'
import type { GanetiCluster } from '../planner/ganeti/ganeti-text.js'
import { CliError } from './cli-error.js'

/** How a file that tells of a fleet is written: as `npm start` and the simulated fleet read it, or as Ganeti's tools write it. */
export const fleetFormats = ['fleet', 'ganeti'] as const
export type FleetFormat = (typeof fleetFormats)[number]

export type FleetInput =
  | { readonly format: 'fleet'; readonly spec: FleetSpec }
  | { readonly format: 'ganeti'; readonly cluster: GanetiCluster }

/** @throws ConfigError: every problem of the file · CliError: it cannot be read */
export async function readFleet(file: string, format: FleetFormat): Promise<FleetInput> {
  const text = readText(file)
  if (format === 'ganeti') {
    const { parseGanetiText } = await import('../planner/ganeti/ganeti-text.js')
    return { format, cluster: parseGanetiText(text, file) }
  }
  const { parseFleet } = await import('../../common/fleet-file/fleet-file.js')
  return { format, spec: parseFleet(text, file) }
}

/** The fleet for the count of rooms of one kind of VM. */
export async function roomFleetOf(
  input: FleetInput,
  profile: Profile,
  vcpusPerCore: number | undefined,
): Promise<RoomFleet> {
  if (input.format === 'ganeti') {
    const { ganetiRooms } = await import('../planner/ganeti/ganeti-rooms.js')
    return ganetiRooms(input.cluster, profile)
  }
  const { fleetRooms } = await import('../planner/fleet-file/fleet-rooms.js')
  return fleetRooms(input.spec, profile, { vcpusPerCore })
}

/** What one new VM takes if nobody says: what the file's policy says, else 1 GiB and one virtual CPU. */
export function usualProfile(input: FleetInput): Profile {
  const memoryBytes = input.format === 'fleet' ? input.spec.policy.vmMemoryBytes : 2 ** 30
  return { memoryBytes, vcpus: 1, localDiskBytes: 0 }
}

/** @throws CliError */
export function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new CliError('error', `${file} cannot be read: ${reason}`, '', { cause: error })
  }
}
