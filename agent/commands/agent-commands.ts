import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

import type { AllowRule, LocalTime } from '../../common/allow-rules.js'
import { writeDurably } from '../../common/durable-file.js'
import { wrongHead, type ChainMark } from '../../common/hash-chain.js'
import { LimitedLog } from '../../common/limited-log.js'
import type { Log } from '../../common/log.js'
import type { VmControl } from '../hypervisor/hypervisor.js'
import { AuditLog } from './audit-log.js'
import type { CommandRecord, CommandSpec } from './command-record.js'
import { DiskJournal } from './journal.js'
import { CommandRunner } from './runner.js'

interface AgentCommandsOptions {
  /** The agent's own. */
  readonly dataDir: string
  readonly allow: readonly AllowRule[]
  readonly host: (hostId: string) => { readonly control: VmControl | undefined } | undefined
  /** This machine's wall clock. */
  readonly now: () => number
  /** There is something to tell. */
  readonly wake: () => void
  readonly log: Log
}

interface Marks {
  readonly head: ChainMark | undefined
  readonly again: ChainMark | undefined
  readonly seen: ChainMark | undefined
}

/** What is not acked after a while is told again: the controller could not keep it. */
const tellAgainMs = 15_000
/** Commands that were turned away, and others that wait to be told of. */
const mostToTell = 2048
const oddLines = { most: 2, windowMs: 600_000, mostKeys: 8 } as const

/** Everything of commands that the agent's stream to its controller needs: what runs them, the audit log, and what of both is still to be told. */
export class AgentCommands {
  readonly allow: readonly AllowRule[]
  /** Newest first told of: by id. */
  readonly #toTell = new Map<string, CommandRecord>()
  /** By id: what was told last, and up to which byte of its output it was acked. */
  readonly #told = new Map<string, { revision: number; outputEnd: number; ackedBytes: number }>()
  #clockOffsetMs = 0
  #headIsDue = false
  /** Whether the controller of this session tells of its own log: older ones do not, and would refuse ours. */
  #knowsHeads = false
  #again: ChainMark | undefined
  #ofController: ChainMark | undefined
  readonly #timer: NodeJS.Timeout
  readonly #odd: LimitedLog
  readonly #runner: CommandRunner

  private constructor(
    private readonly options: AgentCommandsOptions,
    private readonly audit: AuditLog,
    ofController: ChainMark | undefined,
  ) {
    const { allow, host, now, log, dataDir } = options
    this.allow = allow
    this.#ofController = ofController
    this.#odd = new LimitedLog(log, oddLines)
    this.#runner = new CommandRunner({
      journal: new DiskJournal(join(dataDir, 'commands'), log),
      audit: async (what) => {
        await audit.append(what)
        this.#headIsDue = true
        options.wake()
      },
      host,
      allow,
      now: () => now() + this.#clockOffsetMs,
      localTime: () => localTimeAt(now()),
      onChange: (record) => this.#tell(record),
      log,
    })
    this.#timer = setInterval(() => this.#tellAgain(), tellAgainMs)
    this.#timer.unref()
  }

  /** Takes up what an earlier life has left. */
  static async open(options: AgentCommandsOptions): Promise<AgentCommands> {
    const { dataDir, now, log } = options
    const audit = await AuditLog.open(join(dataDir, 'audit'), { now, log })
    const commands = new AgentCommands(options, audit, await readMark(join(dataDir, peerFile)))
    await commands.#runner.start()
    return commands
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer)
    await this.#runner.stop()
  }

  begin(clockOffsetMs: number): void {
    this.#clockOffsetMs = clockOffsetMs
    this.#knowsHeads = false
    this.#tellAgain()
  }

  receive(spec: CommandSpec): void {
    this.#guard(this.#runner.receive(spec))
  }

  cancel(id: string, actor: string): void {
    this.#guard(this.#runner.cancel(id, actor))
  }

  acked(id: string, revision: number): void {
    this.#runner.acked(id, revision)
    const told = this.#told.get(id)
    if (told === undefined || revision < told.revision) return
    told.ackedBytes = told.outputEnd
  }

  nextUpdate(): { readonly record: CommandRecord; readonly outputFrom: number } | undefined {
    for (const [id, record] of this.#toTell) {
      this.#toTell.delete(id)
      const ackedBytes = this.#told.get(id)?.ackedBytes ?? 0
      const outputEnd = record.outputStart + Buffer.byteLength(record.output)
      if (this.#told.size >= 2 * mostToTell) this.#told.clear()
      this.#told.set(id, { revision: record.revision, outputEnd, ackedBytes })
      return { record, outputFrom: ackedBytes }
    }
    return undefined
  }

  nextHead():
    | { readonly head: ChainMark; readonly again: ChainMark | undefined; readonly seen: ChainMark | undefined }
    | undefined {
    if (!this.#headIsDue || !this.#knowsHeads) return undefined
    this.#headIsDue = false
    return { head: this.audit.head, again: this.#again, seen: this.#ofController }
  }

  /** Compares what the controller says of its log with what it said before, and looks up in ours what it has seen of it. */
  heard(marks: Marks): void {
    this.#guard(this.#heard(marks))
  }

  async #heard({ head, again, seen }: Marks): Promise<void> {
    const { dataDir } = this.options
    if (!this.#knowsHeads) {
      this.#knowsHeads = true
      this.#headIsDue = true
      this.options.wake()
    }
    if (seen !== undefined && seen.logId === this.audit.head.logId && seen.entries !== this.#again?.entries) {
      this.#again = await this.audit.at(seen.entries)
      this.#headIsDue = true
      this.options.wake()
    }
    if (head === undefined) return
    const wrong = wrongHead(this.#ofController, head, again)
    if (wrong !== undefined)
      this.#odd.warn('head', performance.now(), { wrong }, 'the audit log of the controller is not what it was')
    // What was seen stays, so that it is said again, until a person has looked: removing the file forgets it.
    if (wrong !== undefined || head.entries === this.#ofController?.entries) return
    this.#ofController = head
    await writeDurably(join(dataDir, peerFile), JSON.stringify(head))
  }

  #tell(record: CommandRecord): void {
    const { id } = record.spec
    if (this.#toTell.size < mostToTell || this.#toTell.has(id)) this.#toTell.set(id, record)
    this.options.wake()
  }

  #tellAgain(): void {
    for (const record of this.#runner.untold()) this.#tell(record)
  }

  #guard(work: Promise<void>): void {
    work.catch((error: unknown) => {
      this.#odd.warn('fault', performance.now(), { err: error }, 'a message about commands could not be handled')
    })
  }
}

/** Where the controller's audit log stood when it was last heard of. */
const peerFile = 'audit-of-controller.json'

async function readMark(path: string): Promise<ChainMark | undefined> {
  try {
    const value: unknown = JSON.parse(await readFile(path, 'utf8'))
    return isMark(value) ? value : undefined
  } catch {
    return undefined
  }
}

function isMark(value: unknown): value is ChainMark {
  return (
    typeof value === 'object' &&
    value !== null &&
    'logId' in value &&
    typeof value.logId === 'string' &&
    'entries' in value &&
    Number.isSafeInteger(value.entries) &&
    'hash' in value &&
    typeof value.hash === 'string'
  )
}

function localTimeAt(nowMs: number): LocalTime {
  const local = new Date(nowMs)
  return { weekday: local.getDay(), minute: local.getHours() * 60 + local.getMinutes() }
}
