import { z } from 'zod'

import type { Log } from '../../common/log.js'
import { Hello } from '../../proto/gen/headroom/v1/agent.js'
import { Inventory } from '../../proto/gen/headroom/v1/inventory.js'
import type { FleetInput, HostHello, InventoryObservation } from '../model/observation.js'
import type { StateStore } from '../store/state-store.js'
import { FieldCheck } from './field-check.js'
import { hostsFromWire, inventoryFromWire } from './from-wire.js'

const rowSchema = z.object({
  agentId: z.string(),
  agentName: z.string(),
  at: z.number(),
  /** A hello with this one host, and its inventory: wire bytes, base64. */
  hello: z.string(),
  inventory: z.string(),
})

/** Base64 characters. A thousand VMs take about a quarter of it. */
const maxRowLength = 2 ** 20

/**
 * The last inventory of every host, kept so that a controller that starts knows its fleet before the agents are back.
 * Kept as wire bytes: what comes back passes the same checks as what comes in, and the wire is versioned already.
 */
export class RememberedHosts {
  /** Which agent's row each host's is, once known: a hello must not read all rows of a large fleet. */
  #agentOf: Promise<Map<string, string>> | undefined

  constructor(
    private readonly state: StateStore,
    private readonly log: Log,
  ) {}

  /** What to apply to an empty fleet: every host as it was, silent until its agent is back, if that is let in still. */
  async inputs(isLetIn: (agentId: string) => boolean = () => true): Promise<FleetInput[]> {
    const rows = await this.state.tx(async (tx) => tx.list('inventories'))
    const agents = new Map<string, { name: string; hosts: HostHello[] }>()
    const inventories: FleetInput[] = []
    for (const { key, value } of rows) {
      const row = decoded(value)
      if (row === undefined) {
        this.log.warn(
          { hostId: key },
          'the remembered inventory of a host cannot be read; its agent will send a new one',
        )
        continue
      }
      const { agentId, agentName, hosts, inventory } = row
      if (!isLetIn(agentId)) continue
      const agent = agents.get(agentId) ?? { name: agentName, hosts: [] }
      agent.hosts.push(...hosts)
      agents.set(agentId, agent)
      if (inventory !== undefined) inventories.push({ type: 'inventory', agentId, inventory })
    }
    return [
      ...[...agents].map(([agentId, { name, hosts }]): FleetInput => ({
        type: 'agent-connected',
        agentId,
        name,
        version: '',
        hosts,
        clockOffsetMs: 0,
      })),
      ...inventories,
      ...[...agents.keys()].map((agentId): FleetInput => ({ type: 'agent-disconnected', agentId })),
    ]
  }

  /** Keeps a host's inventory in place of the one before. */
  async remember(
    agent: { readonly id: string; readonly name: string },
    hello: Hello,
    inventory: Inventory,
    at: number,
  ): Promise<void> {
    const hosts = hello.hosts.filter((host) => host.hostId === inventory.hostId)
    const row: z.input<typeof rowSchema> = {
      agentId: agent.id,
      agentName: agent.name,
      at,
      hello: Buffer.from(Hello.encode({ ...hello, hosts }).finish()).toString('base64'),
      inventory: Buffer.from(Inventory.encode(inventory).finish()).toString('base64'),
    }
    if (row.hello.length + row.inventory.length > maxRowLength) {
      this.log.warn({ hostId: inventory.hostId, length: row.inventory.length }, 'inventory too large to be remembered')
      return
    }
    const agentOf = await this.#owners()
    await this.state.tx(async (tx) => tx.put('inventories', inventory.hostId, row))
    agentOf.set(inventory.hostId, agent.id)
  }

  /** Forgets the hosts that this agent does not speak for any more. */
  async keepOnly(agentId: string, hostIds: ReadonlySet<string>): Promise<void> {
    const agentOf = await this.#owners()
    const gone = [...agentOf].filter(([hostId, owner]) => owner === agentId && !hostIds.has(hostId))
    if (gone.length === 0) return
    await this.state.tx(async (tx) => {
      for (const [hostId] of gone) await tx.delete('inventories', hostId)
    })
    for (const [hostId] of gone) agentOf.delete(hostId)
  }

  #owners(): Promise<Map<string, string>> {
    this.#agentOf ??= this.#readOwners()
    return this.#agentOf
  }

  async #readOwners(): Promise<Map<string, string>> {
    try {
      const rows = await this.state.tx(async (tx) => tx.list('inventories'))
      return new Map(
        rows.flatMap(({ key, value }) => {
          const row = rowSchema.safeParse(value)
          return row.success ? [[key, row.data.agentId] as const] : []
        }),
      )
    } catch (error) {
      this.#agentOf = undefined
      throw error
    }
  }
}

/** A row as it was told; undefined if it is damaged. */
function decoded(
  value: unknown,
): { agentId: string; agentName: string; hosts: HostHello[]; inventory: InventoryObservation | undefined } | undefined {
  const row = rowSchema.safeParse(value)
  if (!row.success) return undefined
  const { agentId, agentName, at, hello, inventory } = row.data
  const check = new FieldCheck()
  try {
    return {
      agentId,
      agentName,
      hosts: hostsFromWire(Hello.decode(Buffer.from(hello, 'base64')), check),
      inventory: inventoryFromWire(Inventory.decode(Buffer.from(inventory, 'base64')), check, at),
    }
  } catch {
    return undefined
  }
}
