import { existsSync } from 'node:fs'
import { join } from 'node:path'

import { createLog } from '../../common/log.js'
import { transitionRow } from '../alerts/alert-rows.js'
import { AgentRegistry, type AgentRow } from '../ingest/agent-registry.js'
import { RememberedHosts } from '../ingest/remembered-from-wire.js'
import type { Transition } from '../model/alert.js'
import type { InventoryObservation } from '../model/observation.js'
import { storedVersionSchema, type StoredVersion } from '../policy/policy-version.js'
import { openEmbeddedState } from '../store/embedded-state/embedded-state.js'

/** What a controller remembers of its fleet. */
export interface FleetList {
  /** Also those that were revoked. */
  readonly agents: readonly AgentRow[]
  readonly hosts: readonly FleetHost[]
  /** What happened to alerts, oldest first. */
  readonly alertHistory: readonly Transition[]
  /** Policies that were in force, oldest first. */
  readonly policies: readonly StoredVersion[]
}

export interface FleetHost {
  readonly agentId: string
  readonly inventory: InventoryObservation
}

/**
 * Read from the state of a controller that may run or not.
 * @param directory the controller's own
 * @throws SqlError: the state cannot be read
 */
export async function readFleetList(directory: string): Promise<FleetList> {
  const path = join(directory, 'state.db')
  if (!existsSync(path)) return { agents: [], hosts: [], alertHistory: [], policies: [] }
  const state = openEmbeddedState({ path })
  try {
    const agents = await new AgentRegistry(state, { keyHashes: [] }).all()
    const inputs = await new RememberedHosts(state, createLog('fleet', 'silent')).inputs()
    const hosts = inputs.flatMap((input) =>
      input.type === 'inventory' ? [{ agentId: input.agentId, inventory: input.inventory }] : [],
    )
    // Rows that cannot be read are passed over, as the controller does.
    const [alertRows, policyRows] = await state.tx((t) =>
      Promise.all([t.list('alertHistory'), t.list('policyVersions')]),
    )
    const alertHistory = alertRows.flatMap(({ value }) => transitionRow.safeParse(value).data ?? [])
    const policies = policyRows.flatMap(({ value }) => storedVersionSchema.safeParse(value).data ?? [])
    return { agents, hosts, alertHistory, policies }
  } finally {
    await state.close()
  }
}
