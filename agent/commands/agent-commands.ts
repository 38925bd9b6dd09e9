import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

import type { AllowRule, LocalTime } from '../../common/allow-rules.js'
import type { CommandFigures } from '../../common/command-tally.js'
import { writeDurably } from '../../common/durable-file.js'
import { errorCode } from '../../common/error-code.js'
import { markFrom, witnessed, type ChainMark, type Witnessed } from '../../common/hash-chain.js'
import { LimitedLog } from '../../common/limited-log.js'
import type { Log } from '../../common/log.js'
import { TokenBucket } from '../../common/token-bucket.js'
import type { VmControl } from '../hypervisor/hypervisor.js'
import { AuditLog } from './audit-log.js'
import type { CommandRecord, CommandSpec } from './command-record.js'
import { DefinitionArchive } from './definition-archive.js'
import type { ExecEntry } from './exec-entry.js'
import { DiskJournal } from './journal.js'
import { LimitFile, LimitKeeper, limitsFile } from './limit-keeper.js'
import { MoveMarks, movesFile } from './move-marks.js'
import { CommandRunner } from './runner.js'

interface AgentCommandsOptions {
  /** The agent's own. */
  readonly dataDir: string
  readonly allow: readonly AllowRule[]
  /** That may be run for VMs. */
  readonly programs: readonly ExecEntry[]
  readonly host: (hostId: string) => { readonly control: VmControl | undefined } | undefined
  /** Whether an entry of the configuration that is not open yet may have that host. */
  readonly mayCome: (hostId: string) => boolean
  /** This machine's wall clock. */
  readonly now: () => number
  readonly monotonicMs: () => number
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
/** Entries of the audit log about what did nothing: so many at once, and one a minute. */
const nothingDoneRate = { perSecond: 1 / 60, burst: 500 } as const
const oddLines = { most: 2, windowMs: 600_000, mostKeys: 8 } as const

/** Everything of commands that the agent's stream to its controller needs: what runs them, the audit log, and what of both is still to be told. */
export class AgentCommands {
  readonly allow: readonly AllowRule[]
  readonly bulkPrograms: readonly string[]
  /** Newest first told of: by id. */
  readonly #toTell = new Map<string, CommandRecord>()
  /** By id: what was told last, and up to which byte of its output it was acked. */
  readonly #told = new Map<string, { revision: number; outputEnd: number; ackedBytes: number }>()
  /** The controller's clock minus our monotonic one: whoever sets this machine's clock moves it not. */
  #controllerClockMs: number
  #headIsDue = false
  /** Whether the controller of this session tells of its own log: older ones do not, and would refuse ours. */
  #knowsHeads = false
  #again: ChainMark | undefined
  #ofController: Witnessed | undefined
  /** What was heard of the controller's log and is not looked at yet; only the last counts. */
  #unheard: Marks | undefined
  #hearing: Promise<void> = Promise.resolve()
  readonly #nothingDone = new TokenBucket(nothingDoneRate, performance.now())
  #leftOut = 0
  readonly #timer: NodeJS.Timeout
  readonly #odd: LimitedLog
  readonly #runner: CommandRunner
  readonly #limits: LimitKeeper
  readonly #marks: MoveMarks

  private constructor(
    private readonly options: AgentCommandsOptions,
    private readonly audit: AuditLog,
    ofController: Witnessed | undefined,
  ) {
    const { allow, programs, host, mayCome, now, monotonicMs, log, dataDir } = options
    this.allow = allow
    this.bulkPrograms = programs.filter(({ isBulk }) => isBulk).map(({ name }) => name)
    this.#ofController = ofController
    this.#controllerClockMs = now() - monotonicMs()
    this.#odd = new LimitedLog(log, oddLines)
    this.#limits = new LimitKeeper({
      store: new LimitFile(join(dataDir, limitsFile), log),
      control: (hostId) => host(hostId)?.control,
      mayHave: (hostId) => host(hostId) !== undefined || mayCome(hostId),
      now,
      monotonicMs,
      audit: (what) => this.#write(what, false),
      log,
    })
    this.#marks = new MoveMarks({
      path: join(dataDir, movesFile),
      control: (hostId) => host(hostId)?.control,
      now,
      log,
    })
    this.#runner = new CommandRunner({
      journal: new DiskJournal(join(dataDir, 'commands'), log),
      audit: (what, nothingDone = false) => this.#write(what, nothingDone),
      limits: this.#limits,
      programs: options.programs,
      archive: new DefinitionArchive(join(dataDir, 'definitions'), now),
      marks: this.#marks,
      host,
      allow,
      now: () => monotonicMs() + this.#controllerClockMs,
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
    const commands = new AgentCommands(options, audit, await readWitnessed(join(dataDir, peerFile)))
    await commands.#limits.start()
    await commands.#marks.start()
    await commands.#runner.start()
    return commands
  }

  figures(): CommandFigures & { readonly limitedVms: number } {
    return { ...this.#runner.figures(), limitedVms: this.#limits.count }
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer)
    await this.#hearing
    await this.#runner.stop()
    await this.#limits.stop()
    await this.#marks.stop()
  }

  begin(clockOffsetMs: number): void {
    const { now, monotonicMs } = this.options
    this.#controllerClockMs = now() + clockOffsetMs - monotonicMs()
    this.#knowsHeads = false
    this.#tellAgain()
  }

  receive(spec: CommandSpec): void {
    void this.#guard(this.#runner.receive(spec))
  }

  /** Something came as a command whose form is wrong. Of what it says nothing is kept. */
  malformed(): void {
    void this.#guard(this.#write({ event: 'refused', reason: 'what came as a command was none' }, true))
  }

  cancel(id: string, actor: string): void {
    void this.#guard(this.#runner.cancel(id, actor))
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
    return { head: this.audit.head, again: this.#again, seen: this.#ofController?.seen }
  }

  /** Compares what the controller says of its log with what it said before, and looks up in ours what it has seen of it. */
  heard(marks: Marks): void {
    const isUnderWay = this.#unheard !== undefined
    this.#unheard = marks
    if (isUnderWay) return
    this.#hearing = this.#hearing.then(() => this.#guard(this.#hear()))
  }

  /** Old entries give way to new ones: whoever only asks must not push out what was done. */
  async #write(what: Readonly<Record<string, unknown>>, nothingDone: boolean): Promise<void> {
    if (nothingDone && !this.#nothingDone.take(1, performance.now())) {
      this.#leftOut += 1
      return
    }
    const leftOut = this.#leftOut
    this.#leftOut = 0
    await this.audit.append({ ...what, ...(leftOut > 0 && { leftOutBefore: leftOut }) })
    this.#headIsDue = true
    this.options.wake()
  }

  async #hear(): Promise<void> {
    const marks = this.#unheard
    this.#unheard = undefined
    if (marks === undefined) return
    const { head, again, seen } = marks
    const { dataDir, now } = this.options
    if (seen !== undefined && seen.logId === this.audit.head.logId && seen.entries !== this.#again?.entries) {
      this.#again = await this.audit.at(seen.entries)
      this.#headIsDue = true
    }
    // Not before: a head that does not show what the controller has seen proves nothing to it.
    if (!this.#knowsHeads) {
      this.#knowsHeads = true
      this.#headIsDue = true
    }
    if (head !== undefined) {
      const before = this.#ofController
      const after = witnessed(before, head, again, now())
      if (JSON.stringify(after) !== JSON.stringify(before)) {
        // Kept with what was seen, so that it is known, until a person has looked: removing the file forgets it.
        await writeDurably(join(dataDir, peerFile), JSON.stringify(after))
        this.#ofController = after
        this.#headIsDue = true
        if (after.wrong !== undefined) await this.audit.append({ event: 'controller-log-wrong', wrong: after.wrong })
      }
      if (after.wrong !== undefined)
        this.#odd.warn(
          'head',
          performance.now(),
          { wrong: after.wrong },
          'the audit log of the controller is not what it was',
        )
    }
    if (this.#headIsDue) this.options.wake()
  }

  #tell(record: CommandRecord): void {
    const { id } = record.spec
    if (this.#toTell.size < mostToTell || this.#toTell.has(id)) this.#toTell.set(id, record)
    this.options.wake()
  }

  #tellAgain(): void {
    for (const record of this.#runner.untold()) this.#tell(record)
  }

  #guard(work: Promise<void>): Promise<void> {
    return work.catch((error: unknown) => {
      this.#odd.warn('fault', performance.now(), { err: error }, 'a message about commands could not be handled')
    })
  }
}

/** Where the controller's audit log stood when it was last heard of. */
const peerFile = 'audit-of-controller.json'

/** @throws Error if it is there and cannot be read: what was seen is not forgotten in silence */
async function readWitnessed(path: string): Promise<Witnessed | undefined> {
  let value: unknown
  try {
    value = JSON.parse(await readFile(path, 'utf8'))
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined
    throw new Error(`${path}: cannot be read; removing it forgets what was seen of the controller's audit log`, {
      cause: error,
    })
  }
  const of = typeof value === 'object' && value !== null ? value : {}
  const seen = 'seen' in of ? markFrom(of.seen) : undefined
  if (seen === undefined)
    throw new Error(`${path}: is damaged; removing it forgets what was seen of the controller's audit log`)
  const wrong = 'wrong' in of && typeof of.wrong === 'string' ? of.wrong : undefined
  return { seen, wrong }
}

function localTimeAt(nowMs: number): LocalTime {
  const local = new Date(nowMs)
  return { weekday: local.getDay(), minute: local.getHours() * 60 + local.getMinutes() }
}
