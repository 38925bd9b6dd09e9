import { z } from 'zod'

import type { Log } from '../../common/log.js'
import { Hello } from '../../proto/gen/headroom/v1/agent.js'
import { Inventory } from '../../proto/gen/headroom/v1/inventory.js'
import type { FleetInput } from '../model/observation.js'
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

/**
 * The last inventory of every host, kept so that a controller that starts knows its fleet before the agents are back.
 * Kept as wire bytes: what comes back passes the same checks as what comes in, and the wire is versioned already.
 */
export class RememberedHosts {
  constructor(
    private readonly state: StateStore,
    private readonly log: Log,
  ) {}

  /** What to apply to an empty fleet: every host as it was, silent until its agent is back. */
  async inputs(): Promise<FleetInput[]> {
    const rows = await this.state.tx(async (tx) => tx.list('inventories'))
    const agents = new Map<string, { name: string; hosts: ReturnType<typeof hostsFromWire> }>()
    const inventories: FleetInput[] = []
    for (const { key, value } of rows) {
      const parsed = rowSchema.safeParse(value)
      if (!parsed.success) {
        this.log.warn(
          { hostId: key },
          'the remembered inventory of a host cannot be read; its agent will send a new one',
        )
        continue
      }
      const { agentId, agentName, at, hello, inventory } = parsed.data
      const check = new FieldCheck()
      const agent = agents.get(agentId) ?? { name: agentName, hosts: [] }
      agent.hosts.push(...hostsFromWire(Hello.decode(Buffer.from(hello, 'base64')), check))
      agents.set(agentId, agent)
      const observed = inventoryFromWire(Inventory.decode(Buffer.from(inventory, 'base64')), check, at)
      if (observed !== undefined) inventories.push({ type: 'inventory', agentId, inventory: observed })
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
    await this.state.tx(async (tx) => tx.put('inventories', inventory.hostId, row))
  }

  /** Forgets the hosts that this agent does not speak for any more. */
  async keepOnly(agentId: string, hostIds: ReadonlySet<string>): Promise<void> {
    await this.state.tx(async (tx) => {
      for (const { key, value } of await tx.list('inventories')) {
        const row = rowSchema.safeParse(value)
        if (row.success && row.data.agentId === agentId && !hostIds.has(key)) await tx.delete('inventories', key)
      }
    })
  }
}
