import { withDeadline } from '../../../common/deadline.js'
import type { Log } from '../../../common/log.js'
import { waitAtMost } from '../../host/wait-at-most.js'
import { HypervisorDenied, HypervisorUnavailable, type Capability, type HypervisorEvent } from '../hypervisor.js'
import { FreeMemory } from './free-memory.js'
import { ListEvents } from './list-events.js'
import { ToolDefinitions } from './tool-definitions.js'
import { describe } from './tool-domain.js'
import { parseToolDomains } from './tool-domains.js'
import { parseToolInfo, type ToolInfo } from './tool-info.js'
import { parseToolList } from './tool-list.js'
import { toDomainList } from './tool-domain-list.js'
import type { DefinedVm, DomainList, Missed, SeenState, Toolstack, ToolstackHost } from './toolstack.js'
import type { XenToolOutput, XenToolWord } from './xen-tools.js'

export interface ToolToolstackOptions {
  readonly output: XenToolOutput
  readonly onEvent: (event: HypervisorEvent) => void
  readonly now: () => number
  readonly log: Log
}

/** xend answers one client after the other, and slowly. */
const deadlinesMs = { list: 8000, 'list-long': 30_000, info: 8000 } as const satisfies Record<XenToolWord, number>

/** The text of xl or xm: one list tells of all domains at once, events come of comparing lists. */
export class ToolToolstack implements Toolstack {
  readonly name = 'the text of xl and xm'
  readonly #options: ToolToolstackOptions
  readonly #closing = new AbortController()
  readonly #definitions: ToolDefinitions
  readonly #events = new ListEvents()
  readonly #free = new FreeMemory()
  #asking: Promise<ToolInfo> | undefined
  #isAway = false

  constructor(options: ToolToolstackOptions) {
    this.#options = options
    this.#definitions = new ToolDefinitions({
      read: async () => parseToolDomains(await this.#text('list-long', this.#closing.signal)),
      deadlineMs: deadlinesMs['list-long'],
      log: options.log,
    })
  }

  async start(): Promise<ToolstackHost> {
    const { signal } = this.#closing
    try {
      // In this order: a list alone would bear it if the definitions cannot be read.
      await this.#definitions.refresh(signal)
      await this.list(signal)
      return await this.host(signal)
    } catch (error) {
      throw asUnavailable(error)
    }
  }

  /** There is none to lose: each text is a call of its own. */
  connection(): object {
    return this
  }

  async host(signal: AbortSignal): Promise<ToolstackHost> {
    return (await this.#info(signal)).host
  }

  /** Once closed it tells of no domains: what their numbers mean is known of one life of the host. */
  async list(signal: AbortSignal): Promise<DomainList> {
    this.#refuseIfClosed()
    const rows = parseToolList(await this.#listText(signal))
    this.#free.listed(rows)
    await this.#definitions.complete(rows, signal)
    this.#refuseIfClosed()
    return toDomainList(rows, (row) => this.#definitions.of(row))
  }

  seen(states: readonly SeenState[]): void {
    for (const event of this.#events.compare(states, this.#options.now())) this.#options.onEvent(event)
  }

  async definitions(signal: AbortSignal): Promise<readonly DefinedVm[]> {
    await this.#definitions.refresh(signal)
    // A VM that moves within this host is there twice; both are the same.
    const byUuid = new Map(this.#definitions.all.toReversed().map((domain) => [domain.uuid, domain]))
    return [...byUuid.values()].reverse().map((domain) => {
      const { id = -1, name, uuid } = domain
      return { domain: { id, name, uuid }, ...describe(domain) }
    })
  }

  async freeBytes(signal: AbortSignal): Promise<number | Missed> {
    const { now } = this.#options
    try {
      return this.#free.still(now()) ?? (await this.#info(signal)).freeBytes
    } catch (error) {
      if (signal.aborted) throw error
      return { reason: 'failed', message: messageOf(error) }
    }
  }

  capabilities(): readonly Capability[] {
    return [
      {
        name: 'events',
        support: 'degraded',
        reason: 'starts, stops and pauses show when two lists differ; why is not told',
      },
      { name: 'cpu', support: 'degraded', reason: 'to a tenth of a second: xl and xm print no more' },
      { name: 'memory-size', support: 'degraded', reason: 'in whole MiB: xl and xm print no more' },
      {
        name: 'host-memory',
        support: 'degraded',
        reason: "in whole MiB; what is free is asked when domains' memory changes, else once a minute",
      },
    ]
  }

  close(): Promise<void> {
    this.#closing.abort()
    return Promise.resolve()
  }

  #refuseIfClosed(): void {
    if (this.#closing.signal.aborted) throw new HypervisorUnavailable('its domains are not read any more')
  }

  /** Who asks while it is being read waits for that. */
  #info(signal: AbortSignal): Promise<ToolInfo> {
    this.#asking ??= this.#readInfo().finally(() => {
      this.#asking = undefined
    })
    return waitAtMost(this.#asking, deadlinesMs.info, 'info', signal)
  }

  async #readInfo(): Promise<ToolInfo> {
    const info = parseToolInfo(await this.#text('info', this.#closing.signal))
    this.#free.told(info.freeBytes, this.#options.now())
    return info
  }

  /** Whether the host can be read shows here: this is what each pass begins with. */
  async #listText(signal: AbortSignal): Promise<string> {
    const { log } = this.#options
    try {
      const text = await this.#text('list', signal)
      if (this.#isAway) {
        this.#isAway = false
        log.info('xl or xm answers again')
        this.#tell('hypervisor-back', 'xl or xm answers again')
      }
      return text
    } catch (error) {
      const unavailable = asUnavailable(error)
      if (!this.#isAway && !signal.aborted) {
        this.#isAway = true
        log.warn({ err: unavailable }, 'xl or xm does not answer')
        this.#tell('hypervisor-lost', unavailable.message)
      }
      throw unavailable
    }
  }

  #text(what: XenToolWord, signal: AbortSignal): Promise<string> {
    return withDeadline(deadlinesMs[what], signal, (bounded) => this.#options.output.text(what, bounded))
  }

  #tell(kind: 'hypervisor-lost' | 'hypervisor-back', message: string): void {
    this.#options.onEvent({ atMs: this.#options.now(), kind, reason: 'unknown', message })
  }
}

function asUnavailable(error: unknown): Error {
  if (error instanceof HypervisorUnavailable || error instanceof HypervisorDenied) return error
  return new HypervisorUnavailable(messageOf(error), { cause: error })
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
