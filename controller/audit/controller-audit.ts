import { randomBytes } from 'node:crypto'

import {
  brokenAt,
  entryFrom,
  headAfter,
  markFrom,
  nextEntry,
  witnessed,
  wrongHead,
  type ChainEntry,
  type ChainMark,
  type Witnessed,
} from '../../common/hash-chain.js'
import type { StateStore, Tx } from '../store/state-store.js'

/** Beyond so many the oldest go. */
const mostEntries = 100_000
const headKey = 'own'

/** What is known of an agent's log, and what the agent says of ours. */
export interface AgentLog extends Witnessed {
  readonly agentId: string
  readonly wrong: string | undefined
  /** What the agent has seen of our log. With something wrong it stays as it was. */
  readonly ofOurs?: ChainMark | undefined
  /** What is wrong with our log by that. */
  readonly oursWrong?: string | undefined
}

/**
 * The controller's own audit log: who asked for what and what came of it, each entry with the hash of the one before, in the same transaction as
 * what it tells of; and where the logs of the agents stood.
 */
export class ControllerAudit {
  #head: ChainMark
  readonly #agents: Map<string, AgentLog>

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
      const kept = markFrom(await t.get('auditMarks', headKey))
      const head = kept ?? headAfter(randomBytes(16).toString('hex'), undefined)
      if (kept === undefined) await t.put('auditMarks', headKey, head)
      const agents = new Map<string, AgentLog>()
      for (const { key, value } of await t.list('auditMarks')) {
        const known = key === headKey ? undefined : agentLogFrom(key, value)
        if (known !== undefined) agents.set(key, known)
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
    return this.#agents.get(agentId)?.ofOurs
  }

  /** Appends within a transaction; `keep` is to be called once that is durable. */
  async append(t: Tx, atMs: number, what: ChainEntry['what']): Promise<{ readonly keep: () => void }> {
    // In one transaction the head is the store's: another that failed has moved nothing.
    const head = markFrom(await t.get('auditMarks', headKey)) ?? this.#head
    const entry = nextEntry(head, atMs, what)
    const next = headAfter(head.logId, entry)
    await t.put('audit', keyOf(entry.seq), entry)
    await t.put('auditMarks', headKey, next)
    if (entry.seq > mostEntries) await t.delete('audit', keyOf(entry.seq - mostEntries))
    return {
      keep: () => {
        // Two that were durable in order may come here out of it.
        if (next.entries > this.#head.entries) this.#head = next
      },
    }
  }

  /** Appends one entry, and makes a change with it, in one transaction of its own. */
  async record(atMs: number, what: ChainEntry['what'], change?: (t: Tx) => Promise<void>): Promise<void> {
    const entry = await this.state.tx(async (t) => {
      await change?.(t)
      return this.append(t, atMs, what)
    })
    entry.keep()
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
    for (const { agentId, ofOurs, oursWrong } of this.#agents.values()) {
      const wrong = oursWrong ?? (ofOurs && wrongHead(ofOurs, this.#head, await this.at(ofOurs.entries)))
      if (wrong !== undefined) return { ...own, wrong: `by what ${agentId} has seen of it: ${wrong}` }
    }
    return own
  }

  #verifyOwn(): Promise<{ readonly entries: number; readonly wrong: string | undefined }> {
    return this.state.tx(async (t) => {
      const rows = await t.list('audit')
      const entries = rows.flatMap(({ value }) => entryFrom(value) ?? [])
      const head = markFrom(await t.get('auditMarks', headKey))
      const damaged = rows.length - entries.length
      const newest = this.#newer(head)
      const oldest = Math.max(1, newest.entries - mostEntries + 1)
      const [first] = entries
      const isCut = first !== undefined && first.seq > oldest
      const wrong =
        damaged > 0
          ? `${damaged} rows are no entries`
          : (brokenAt(entries, newest) ?? (isCut ? `entries ${oldest} to ${first.seq - 1} are missing` : undefined))
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
   * Takes in where an agent's log stands, and what it has seen of ours. What is wrong is written into our log, once.
   * @returns what is wrong, when that is new; and whether something has moved that the agent has to know to go on
   */
  async heard(
    agentId: string,
    { head, again, seen }: { readonly head?: ChainMark; readonly again?: ChainMark; readonly seen?: ChainMark },
    now: number,
  ): Promise<{ readonly wrong: readonly string[]; readonly hasMoved: boolean }> {
    const before = this.#agents.get(agentId)
    const theirs = head === undefined ? before : witnessed(before, head, again, now)
    if (theirs === undefined) return { wrong: [], hasMoved: false }
    const oursWrong = before?.oursWrong ?? (seen && wrongHead(seen, this.#head, await this.at(seen.entries)))
    const after: AgentLog = {
      agentId,
      seen: theirs.seen,
      wrong: theirs.wrong,
      unprovenSinceMs: theirs.unprovenSinceMs,
      ofOurs: before?.oursWrong === undefined ? (seen ?? before?.ofOurs) : before.ofOurs,
      oursWrong,
    }
    if (before !== undefined && JSON.stringify(after) === JSON.stringify(before)) return { wrong: [], hasMoved: false }
    const events = [
      { event: 'agent-log-wrong', agentId, wrong: before?.wrong === undefined ? after.wrong : undefined },
      { event: 'own-log-wrong', agentId, wrong: before?.oursWrong === undefined ? oursWrong : undefined },
    ].flatMap(({ wrong, ...rest }) => (wrong === undefined ? [] : { ...rest, wrong }))
    const keeps = await this.state.tx(async (t) => {
      const { agentId: _agentId, seen: mark, ...rest } = after
      await t.put('auditMarks', agentId, { ...mark, ...rest })
      const appended: { readonly keep: () => void }[] = []
      for (const what of events) appended.push(await this.append(t, now, what))
      return appended
    })
    for (const { keep } of keeps) keep()
    this.#agents.set(agentId, after)
    const hasMoved =
      before?.seen.entries !== after.seen.entries || (seen !== undefined && before?.ofOurs?.entries !== seen.entries)
    return { wrong: events.map(({ event, wrong }) => `${event}: ${wrong}`), hasMoved }
  }

  /** What this process knows outlives a row that was put back. */
  #newer(kept: ChainMark | undefined): ChainMark {
    return kept === undefined || kept.entries < this.#head.entries ? this.#head : kept
  }
}

function keyOf(seq: number): string {
  return String(seq).padStart(12, '0')
}

function agentLogFrom(agentId: string, value: unknown): AgentLog | undefined {
  const seen = markFrom(value)
  if (seen === undefined || typeof value !== 'object' || value === null) return undefined
  return {
    agentId,
    seen,
    wrong: 'wrong' in value ? textOf(value.wrong) : undefined,
    unprovenSinceMs:
      'unprovenSinceMs' in value && typeof value.unprovenSinceMs === 'number' ? value.unprovenSinceMs : undefined,
    ofOurs: 'ofOurs' in value ? markFrom(value.ofOurs) : undefined,
    oursWrong: 'oursWrong' in value ? textOf(value.oursWrong) : undefined,
  }
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}
