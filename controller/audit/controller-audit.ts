import { randomBytes } from 'node:crypto'

import {
  brokenAt,
  entryFrom,
  headAfter,
  nextEntry,
  wrongHead,
  type ChainEntry,
  type ChainMark,
} from '../../common/hash-chain.js'
import type { StateStore, Tx } from '../store/state-store.js'

/** Beyond so many the oldest go. */
const mostEntries = 100_000
const headKey = 'own'

export interface AgentLog {
  readonly agentId: string
  /** Where it stood when it was last heard of. */
  readonly seen: ChainMark
  /** What is wrong with it since; undefined: nothing. */
  readonly wrong: string | undefined
}

/**
 * The controller's own audit log: who asked for what and what came of it, each entry with the hash of the one before, in the same transaction as
 * what it tells of; and where the logs of the agents stood.
 */
export class ControllerAudit {
  #head: ChainMark
  readonly #agents: Map<string, AgentLog>
  /** By agent: what it says that it has seen of this log. */
  readonly #seenElsewhere = new Map<string, ChainMark>()

  private constructor(
    private readonly state: StateStore,
    head: ChainMark,
    agents: Map<string, AgentLog>,
  ) {
    this.#head = head
    this.#agents = agents
  }

  static async open(state: StateStore): Promise<ControllerAudit> {
    return state.tx(async (t) => {
      const kept = markOf(await t.get('auditMarks', headKey))
      const head = kept ?? headAfter(randomBytes(16).toString('hex'), undefined)
      if (kept === undefined) await t.put('auditMarks', headKey, head)
      const agents = new Map<string, AgentLog>()
      for (const { key, value } of await t.list('auditMarks')) {
        const seen = markOf(value)
        if (key === headKey || seen === undefined) continue
        const wrong = typeof value === 'object' && value !== null && 'wrong' in value ? String(value.wrong) : undefined
        agents.set(key, { agentId: key, seen, wrong })
      }
      return new ControllerAudit(state, head, agents)
    })
  }

  get head(): ChainMark {
    return this.#head
  }

  agents(): readonly AgentLog[] {
    return [...this.#agents.values()]
  }

  /** What an agent has seen of this log; undefined: it has not told. */
  seenBy(agentId: string): ChainMark | undefined {
    return this.#seenElsewhere.get(agentId)
  }

  /** An agent has told what it has seen of this log. */
  seenElsewhere(agentId: string, seen: ChainMark): void {
    this.#seenElsewhere.set(agentId, seen)
  }

  /** Appends within a transaction; `keep` is to be called once that is durable. */
  async append(t: Tx, atMs: number, what: ChainEntry['what']): Promise<{ readonly keep: () => void }> {
    // In one transaction the head is the store's: another that failed has moved nothing.
    const head = markOf(await t.get('auditMarks', headKey)) ?? this.#head
    const entry = nextEntry(head, atMs, what)
    const next = headAfter(head.logId, entry)
    await t.put('audit', keyOf(entry.seq), entry)
    await t.put('auditMarks', headKey, next)
    if (entry.seq > mostEntries) await t.delete('audit', keyOf(entry.seq - mostEntries))
    return {
      keep: () => {
        this.#head = next
      },
    }
  }

  /** The newest entries first; with `before` those below that number. */
  async list(limit: number, before?: number): Promise<readonly ChainEntry[]> {
    const rows = await this.state.tx((t) => t.last('audit', limit, before === undefined ? undefined : keyOf(before)))
    return rows.flatMap(({ value }) => entryFrom(value) ?? [])
  }

  /** What is wrong with what is kept; undefined if nothing. */
  async verify(): Promise<{ readonly entries: number; readonly wrong: string | undefined }> {
    const own = await this.#verifyOwn()
    if (own.wrong !== undefined) return own
    for (const [agentId, seen] of this.#seenElsewhere) {
      const wrong = wrongHead(seen, this.#head, await this.at(seen.entries))
      if (wrong !== undefined) return { ...own, wrong: `by what ${agentId} has seen of it: ${wrong}` }
    }
    return own
  }

  #verifyOwn(): Promise<{ readonly entries: number; readonly wrong: string | undefined }> {
    return this.state.tx(async (t) => {
      const rows = await t.list('audit')
      const entries = rows.flatMap(({ value }) => entryFrom(value) ?? [])
      const head = markOf(await t.get('auditMarks', headKey))
      const damaged = rows.length - entries.length
      const wrong = damaged > 0 ? `${damaged} rows are no entries` : brokenAt(entries, this.#newer(head))
      return { entries: entries.length, wrong }
    })
  }

  /** The log as it is now after so many entries; undefined if it does not have them. */
  async at(entries: number): Promise<ChainMark | undefined> {
    const { logId } = this.#head
    if (entries === 0) return headAfter(logId, undefined)
    const entry = entryFrom(await this.state.tx((t) => t.get('audit', keyOf(entries))))
    return entry && headAfter(logId, entry)
  }

  /**
   * Takes in where an agent's log stands.
   * @returns what is wrong with it, when that is new
   */
  async heard(
    agentId: string,
    head: ChainMark,
    again: ChainMark | undefined,
    now: number,
  ): Promise<string | undefined> {
    const before = this.#agents.get(agentId)
    const wrong = wrongHead(before?.seen, head, again)
    if (wrong === undefined && before?.seen.entries === head.entries) return undefined
    // What is wrong stays so, and what was seen before it, until the agent is forgotten.
    const after = wrong === undefined && before?.wrong === undefined ? head : (before?.seen ?? head)
    const isNew = wrong !== undefined && before?.wrong === undefined
    const keep = await this.state.tx(async (t) => {
      const row = { ...after, ...((wrong ?? before?.wrong) !== undefined && { wrong: wrong ?? before?.wrong }) }
      await t.put('auditMarks', agentId, row)
      return isNew ? this.append(t, now, { event: 'agent-log-wrong', agentId, wrong }) : undefined
    })
    keep?.keep()
    this.#agents.set(agentId, { agentId, seen: after, wrong: wrong ?? before?.wrong })
    return isNew ? wrong : undefined
  }

  /** What this process knows outlives a row that was put back. */
  #newer(kept: ChainMark | undefined): ChainMark {
    return kept === undefined || kept.entries < this.#head.entries ? this.#head : kept
  }
}

function keyOf(seq: number): string {
  return String(seq).padStart(12, '0')
}

function markOf(value: unknown): ChainMark | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  if (!('logId' in value && 'entries' in value && 'hash' in value)) return undefined
  const { logId, entries, hash } = value
  return typeof logId === 'string' && typeof entries === 'number' && typeof hash === 'string'
    ? { logId, entries, hash }
    : undefined
}
