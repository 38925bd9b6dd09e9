import { readFleetList } from '../leave/fleet-list.js'
import { allEvents } from '../store/transfer/all-events.js'
import type { HistorySource } from '../store/transfer/read-history.js'
import { CliError } from './cli-error.js'
import { similarNames } from './similar-names.js'

/** Ids by name of what was ever heard of. */
export interface KnownNames {
  readonly hosts: ReadonlyMap<string, ReadonlySet<string>>
  readonly vms: ReadonlyMap<string, ReadonlySet<string>>
}

/**
 * Names of hosts and VMs from what a controller that does not run remembers of its fleet, if its directory is known, and of VMs from
 * events: those may be gone.
 */
export async function knownNames(directory: string | undefined, source: HistorySource): Promise<KnownNames> {
  const names = { hosts: new Map<string, Set<string>>(), vms: new Map<string, Set<string>>() }
  const add = (to: Map<string, Set<string>>, name: string, id: string): void => {
    if (name !== '' && id !== '') to.set(name, (to.get(name) ?? new Set<string>()).add(id))
  }
  for await (const events of allEvents(source, { fromMs: 0, toMs: Number.MAX_SAFE_INTEGER }))
    for (const { vmName, vmUuid } of events) add(names.vms, vmName, vmUuid)
  const { hosts } = directory === undefined ? { hosts: [] } : await readFleetList(directory)
  for (const { inventory } of hosts) {
    add(names.hosts, inventory.host.name, inventory.hostId)
    for (const { name, uuid } of inventory.vms) add(names.vms, name, uuid)
  }
  return names
}

/**
 * The ids that are meant by ids and names.
 * @throws CliError: nothing of that name
 */
export function idsOf(
  asked: readonly string[],
  what: 'host' | 'VM',
  ids: ReadonlySet<string>,
  names: ReadonlyMap<string, ReadonlySet<string>>,
): Set<string> {
  const found = new Set<string>()
  for (const one of asked) {
    const meant = ids.has(one) ? new Set([one]) : names.get(one)
    if (meant === undefined) {
      const near = similarNames(one, [...ids, ...names.keys()])
      throw new CliError(
        'error',
        `no ${what} has the id or name ${one}`,
        near.length === 0 ? '' : `near it: ${near.join(', ')}`,
      )
    }
    for (const id of meant) found.add(id)
  }
  return found
}
