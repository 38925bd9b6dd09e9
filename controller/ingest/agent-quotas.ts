import { KeyedBuckets } from '../../common/token-bucket.js'
import { EntityBudget } from './entity-budget.js'

/** What one agent may say. */
export interface AgentLimits {
  /** Reports; a hello or an inventory costs as much as `costOfFacts` of them. */
  readonly reportsPerSecond: number
  readonly bytesPerSecond: number
  /** VMs, disks, interfaces, arrays and file systems that it tells of within an hour. */
  readonly entities: number
  /** New ones of these, beyond as many at once as it may have. */
  readonly newEntitiesPerHour: number
}

/**
 * Bytes cost about 0.3 s of CPU a MiB. An agent with a host of 50 VMs says about 6 KiB a second; what waited for ten minutes of
 * outage, 4 MiB, comes at once, and more of it as fast as this.
 */
export const defaultAgentLimits: AgentLimits = {
  reportsPerSecond: 500,
  bytesPerSecond: 1024 * 1024,
  entities: 50_000,
  newEntitiesPerHour: 2000,
}

/** What may come at once after a quiet time: as many reports as in so many seconds, as many bytes. */
const reportsBurstSeconds = 10
const bytesBurstSeconds = 8
/** A hello or an inventory is written to the state store. */
const costOfFacts = 20
/** Things that happen to VMs: a host that starts all of its VMs, and then a busy day. */
const eventRate = { perSecond: 1, burst: 5000 } as const
/** An agent has a new spool in each life, and after each long outage. */
const spoolRate = { perSecond: 60 / 3600, burst: 512 } as const
/** More agents than one controller serves. */
const mostAgents = 100_000

/** How much each agent has said lately, over all of its sessions. */
export class AgentQuotas {
  readonly #reports: KeyedBuckets
  readonly #bytes: KeyedBuckets
  readonly #events = new KeyedBuckets(eventRate, mostAgents)
  readonly #spools = new KeyedBuckets(spoolRate, mostAgents)
  readonly #entities = new Map<string, EntityBudget>()

  /** @param clock monotonic, milliseconds */
  constructor(
    private readonly limits: AgentLimits,
    private readonly clock: () => number,
  ) {
    const { reportsPerSecond, bytesPerSecond } = limits
    this.#reports = new KeyedBuckets(
      { perSecond: reportsPerSecond, burst: Math.max(reportsPerSecond * reportsBurstSeconds, costOfFacts) },
      mostAgents,
    )
    this.#bytes = new KeyedBuckets({ perSecond: bytesPerSecond, burst: bytesPerSecond * bytesBurstSeconds }, mostAgents)
  }

  /** Counts a message. Milliseconds for which the agent is not to be read then. */
  said(agentId: string, kind: 'report' | 'facts', bytes: number): number {
    const now = this.clock()
    return Math.max(
      this.#reports.spend(agentId, kind === 'report' ? 1 : costOfFacts, now),
      this.#bytes.spend(agentId, bytes, now),
    )
  }

  /** Whether it may tell of so many events more. */
  mayTell(agentId: string, events: number): boolean {
    return events === 0 || this.#events.take(agentId, events, this.clock())
  }

  /** Whether it may begin another spool. */
  mayBeginSpool(agentId: string): boolean {
    return this.#spools.take(agentId, 1, this.clock())
  }

  /** Which things it may tell of. */
  admitted(agentId: string): (name: string) => boolean {
    const now = this.clock()
    let budget = this.#entities.get(agentId)
    if (budget === undefined) {
      budget = new EntityBudget(this.limits, now)
      this.#entities.set(agentId, budget)
    }
    const found = budget
    return (name) => found.admits(name, now)
  }
}
