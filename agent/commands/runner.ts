import type { AllowRule, LocalTime } from '../../common/allow-rules.js'
import { CommandTally, type CommandFigures } from '../../common/command-tally.js'
import { withDeadline } from '../../common/deadline.js'
import { LimitedLog } from '../../common/limited-log.js'
import type { Log } from '../../common/log.js'
import { TokenBucket, type Rate } from '../../common/token-bucket.js'
import { isVerb, verbOf, type VerbName, type Verdict } from '../../common/verbs.js'
import { pause } from '../../common/lifecycle.js'
import { ActionRefused, type VmControl, type VmNow } from '../hypervisor/hypervisor.js'
import { carryOut, lookAtIt, type BrokenOff, type Run } from './carry-out.js'
import { agentVerdicts, changedBetween, firstRefusal, verbsHere } from './command-checks.js'
import {
  acked,
  advanced,
  begun,
  ended,
  found,
  isForgettable,
  isOver,
  notAdmitted,
  queued,
  said,
  type CommandRecord,
  type CommandSpec,
  type RecordState,
} from './command-record.js'
import type { ExecEntry } from './exec-entry.js'
import { commandId, type Journal } from './journal.js'
import type { LimitKeeper } from './limit-keeper.js'
import type { MoveMark } from './move-marks.js'
import { allVerbs } from './verbs/all-verbs.js'
import type { Outcome } from './verbs/verb-work.js'

export interface RunnerOptions {
  readonly journal: Journal
  /**
   * Written down durably before it resolves.
   * @param nothingDone it tells of a command that did nothing: too many of those may be left out, so that they do not push out the rest
   */
  readonly audit: (what: Readonly<Record<string, unknown>>, nothingDone?: boolean) => Promise<void>
  /** A host of this agent; undefined: it has none of that id, or not yet. */
  readonly host: (hostId: string) => { readonly control: VmControl | undefined } | undefined
  readonly limits: LimitKeeper
  readonly programs: readonly ExecEntry[]
  readonly archive: Run['archive']
  readonly marks: Run['marks']
  readonly allow: readonly AllowRule[]
  /** The controller's clock. */
  readonly now: () => number
  readonly localTime: () => LocalTime
  /** Something is to be told of it. */
  readonly onChange: (record: CommandRecord) => void
  /** How many commands may begin. */
  readonly beginRate?: Rate
  readonly log: Log
}

/** Commands that are known at once, those included that have ended and could still come again. */
const mostKnown = 1024
const mostWaiting = 64
const mostAtOnce = 8
/** Messages that have come and are not taken in yet. An honest controller has fewer commands open at all. */
const mostToTakeIn = 512
/** xend answers one after the other, and slowly. */
const lookWithinMs = 30_000
/** Commands that begin: each leaves two entries in the audit log, in which old ones give way to new ones. */
const defaultBeginRate = { perSecond: 0.05, burst: 2000 } as const
/** Steps of moves that were allowed before: others must not use up their places. */
const promisedRate = { perSecond: 0.05, burst: 200 } as const
/** Of what came from outside, in the audit log. */
const longestAudited = 64
const longestReason = 512
const heldWithinMs = 30_000
const heldLookMs = 100
const refusedLines = { most: 5, windowMs: 60_000, mostKeys: 16 } as const

interface Running {
  readonly vmUuid: string
  readonly abort: AbortController
  done: Promise<void>
  /** Set when the work has begun. */
  begun: boolean
  /** Somebody wanted it cancelled: that is written down once. */
  isCancelAsked: boolean
}

/**
 * Runs commands: each id once, whatever happens to connections and to this process; one at a time for a VM. What has begun is on disk before
 * anything is done, so that after a crash it is looked at and not done again.
 */
export class CommandRunner {
  readonly #records = new Map<string, CommandRecord>()
  readonly #running = new Map<string, Running>()
  readonly #stop = new AbortController()
  readonly #toBegin: TokenBucket
  readonly #promisedToBegin = new TokenBucket(promisedRate, performance.now())
  readonly #refused: LimitedLog
  readonly #tally = new CommandTally()
  #refusedCount = 0
  /** What has come is taken in one after the other: a command, and what cancels it, never meet halfway. */
  #turn: Promise<unknown> = Promise.resolve()
  #toTakeIn = 0

  constructor(private readonly options: RunnerOptions) {
    this.#refused = new LimitedLog(options.log, refusedLines)
    this.#toBegin = new TokenBucket(options.beginRate ?? defaultBeginRate, performance.now())
  }

  /** Takes up what another life of the agent has left: what had begun is looked at. */
  async start(): Promise<void> {
    for (const record of await this.options.journal.load()) {
      const { id } = record.spec
      this.#records.set(id, found(record))
      if (!isOver(record)) this.#launch(record.spec, (run) => this.#lookAtLeft(id, run))
    }
  }

  /** Ends the looking after commands, not what they have begun: the next life of the agent looks at it. */
  async stop(): Promise<void> {
    this.#stop.abort('stopping' satisfies BrokenOff)
    for (const { abort } of this.#running.values()) abort.abort('stopping' satisfies BrokenOff)
    await this.#turn
    await Promise.all([...this.#running.values()].map(({ done }) => done))
  }

  /** Since the start. */
  figures(): CommandFigures {
    const waiting = [...this.#records.values()].filter(({ state }) => state === 'queued').length
    const running = [...this.#records.values()].filter(({ state }) => state === 'running').length
    return { ended: this.#tally.rows(), waiting, running, turnedAway: this.#refusedCount }
  }

  /** What the controller has not acked. */
  untold(): readonly CommandRecord[] {
    return [...this.#records.values()].filter(({ revision, ackedRevision }) => ackedRevision < revision)
  }

  /** One that is known is only told of again. */
  receive(spec: CommandSpec): Promise<void> {
    return this.#inTurn(spec.id, () => this.#receive(spec))
  }

  /** One that has not begun is cancelled; one that runs only if its verb can be. */
  cancel(id: string, actor: string): Promise<void> {
    return this.#inTurn(id, () => this.#cancel(id, actor))
  }

  /** Nothing begins while something is still to be taken in: it may cancel what came just before. */
  #inTurn(id: string, work: () => Promise<void>): Promise<void> {
    if (!commandId.test(id)) return Promise.resolve()
    if (this.#toTakeIn >= mostToTakeIn) {
      // Not answered either: an earlier message in the row may be of the same command.
      this.#refusedCount += 1
      this.#refused.warn('flood', performance.now(), { id }, 'messages about commands come too fast: one is dropped')
      return Promise.resolve()
    }
    this.#toTakeIn += 1
    const turn = this.#turn
      .then(() => (this.#stop.signal.aborted ? undefined : work()))
      .finally(() => {
        this.#toTakeIn -= 1
        this.#pump()
      })
    this.#turn = turn.catch(() => undefined)
    return turn
  }

  async #receive(spec: CommandSpec): Promise<void> {
    const known = this.#records.get(spec.id)
    if (known !== undefined) return this.options.onChange(known)
    const now = this.options.now()
    await this.#forget(now)
    const fresh = queued(spec, now)
    const waiting = [...this.#records.values()].filter(({ state }) => state === 'queued').length
    if (this.#records.size >= mostKnown || waiting >= mostWaiting) return this.#turnAway(fresh)
    const refusal = notAdmitted(spec, now)
    if (refusal !== undefined) return this.#end(fresh, refusal)
    this.#put(fresh)
  }

  async #cancel(id: string, actor: string): Promise<void> {
    const record = this.#records.get(id)
    if (record === undefined || isOver(record)) return
    const running = this.#running.get(id)
    if (running?.isCancelAsked === true) return
    const { verb } = record.spec
    const canBreakOff = isVerb(verb) && verbOf(verb).cancel === 'while-running'
    // At once: it must not begin while this is written down.
    if (running === undefined) {
      this.#tally.add(verb, 'cancelled', undefined)
      this.#put(ended(record, { state: 'cancelled', reason: `by ${actor}, before it began` }, this.options.now()))
    } else if (!running.begun || canBreakOff) running.abort.abort('cancelled' satisfies BrokenOff)
    else this.#put(said(record, `${actor} wanted it cancelled: ${verb} cannot be once it has begun`))
    if (running !== undefined) running.isCancelAsked = true
    await this.options.audit({ event: 'cancel', id, actor }, running?.begun !== true)
  }

  acked(id: string, revision: number): void {
    const record = this.#records.get(id)
    if (record !== undefined) this.#records.set(id, acked(record, revision))
  }

  /** Kept nowhere: it may come again when there is room. */
  #turnAway(record: CommandRecord): void {
    this.#refusedCount += 1
    const reason = 'too many commands wait at this agent'
    this.#refused.warn('full', performance.now(), { id: record.spec.id }, reason)
    this.options.onChange(ended(record, { state: 'refused', reason }, this.options.now()))
  }

  #put(record: CommandRecord): void {
    this.#records.set(record.spec.id, record)
    this.options.onChange(record)
  }

  /** The newest record of a command that is known. */
  #at(id: string): CommandRecord {
    const record = this.#records.get(id)
    if (record === undefined) throw new Error(`command ${id} is gone`)
    return record
  }

  #pump(): void {
    if (this.#toTakeIn > 0 || this.#stop.signal.aborted) return
    for (const { spec, state } of this.#records.values()) {
      if (this.#running.size >= mostAtOnce) return
      if (state !== 'queued' || this.#running.has(spec.id) || this.#isBusy(spec.vmUuid)) continue
      this.#launch(spec, (run) => this.#runOne(spec, run))
    }
  }

  #isBusy(vmUuid: string): boolean {
    return [...this.#running.values()].some((running) => running.vmUuid === vmUuid)
  }

  #launch({ id, vmUuid }: CommandSpec, work: (run: Running) => Promise<void>): void {
    const start = async (): Promise<void> => {
      // After it is among those that run.
      await Promise.resolve()
      try {
        await work(running)
      } catch (error) {
        this.options.log.error({ err: error, id }, 'a command failed by a fault of the agent')
        const record = this.#records.get(id)
        if (record !== undefined && !isOver(record)) {
          const state = running.begun ? 'unknown' : 'refused'
          await this.#end(record, { state, reason: `a fault of the agent: ${messageOf(error)}` })
        }
      } finally {
        this.#running.delete(id)
        this.#pump()
      }
    }
    const running: Running = {
      vmUuid,
      abort: new AbortController(),
      done: Promise.resolve(),
      begun: false,
      isCancelAsked: false,
    }
    this.#running.set(id, running)
    running.done = start()
  }

  async #runOne(spec: CommandSpec, running: Running): Promise<void> {
    const { host, journal, audit, now } = this.options
    const { id, verb, vmUuid, args, dryRun } = spec
    const { verdicts, vm, control, isPromised } = await this.#examine(spec)
    const { signal } = running.abort
    if (signal.aborted) return this.#brokenOffBefore(this.#at(id), signal)
    const refusal = firstRefusal(verdicts)
    if (refusal !== undefined) return this.#end(this.#at(id), { state: 'refused', reason: refusal, verdicts })
    if (dryRun) return this.#end(this.#at(id), { state: 'succeeded', verdicts })
    if (now() >= spec.startBeforeMs)
      return this.#end(this.#at(id), { state: 'expired', reason: 'its time to begin passed while it waited' })
    // The checks have passed: all of these are there.
    if (!isVerb(verb) || vm === undefined || control === undefined) throw new Error('a command passed without its VM')
    if (!(isPromised ? this.#promisedToBegin : this.#toBegin).take(1, performance.now()))
      return this.#end(this.#at(id), { state: 'refused', reason: 'too many commands have begun here lately', verdicts })
    const record = begun({ ...this.#at(id), verdicts }, vm, now())
    await audit({
      event: 'begin',
      id,
      verb,
      args,
      vm: vm.name,
      vmUuid,
      hostId: spec.hostId,
      actor: spec.actor,
      was: vm.state,
    })
    await journal.put(record)
    // While that was written, the VM may have become another one, and somebody may have cancelled this.
    const changed = await this.#changedSince(spec, vm, control)
    if (signal.aborted) return this.#brokenOffBefore(record, signal)
    if (changed !== undefined) return this.#end(record, { state: 'refused', reason: changed, verdicts })
    running.begun = true
    this.#put(record)
    const timer = setTimeout(() => running.abort.abort('timeout' satisfies BrokenOff), mostMsOf(spec, verb))
    try {
      const run = this.#runOf(spec, vm, running, () => host(spec.hostId)?.control)
      const outcome = await carryOut(run, control)
      await this.#settle(id, outcome, signal)
    } finally {
      clearTimeout(timer)
    }
  }

  /** A command that another life of the agent had begun. */
  async #lookAtLeft(id: string, running: Running): Promise<void> {
    running.begun = true
    const { spec, before, atMs } = this.#at(id)
    const { hostId, verb } = spec
    if (!isVerb(verb) || before === undefined)
      return this.#settle(id, {
        state: 'unknown',
        reason: `the agent ended while it ran, and this one knows no ${verb}`,
      })
    const run = this.#runOf(spec, before, running, () => this.options.host(hostId)?.control)
    const restMs = Math.max(0, atMs + mostMsOf(spec, verb) - this.options.now())
    const timer = setTimeout(() => running.abort.abort('timeout' satisfies BrokenOff), restMs)
    try {
      await this.#settle(id, await lookAtIt(run, 'the agent ended while it ran'), running.abort.signal)
    } finally {
      clearTimeout(timer)
    }
  }

  #runOf(spec: CommandSpec, before: VmNow, { abort }: Running, control: Run['control']): Run {
    if (!isVerb(spec.verb)) throw new Error('no verb')
    return {
      commandId: spec.id,
      work: allVerbs[spec.verb],
      hostId: spec.hostId,
      vmUuid: spec.vmUuid,
      args: spec.args,
      before,
      limits: this.options.limits,
      programs: this.options.programs,
      archive: this.options.archive,
      marks: this.options.marks,
      definition: spec.definition,
      held: () => this.#held(spec.id),
      say: (line) => this.#put(said(this.#at(spec.id), line)),
      progress: (done) => this.#put(advanced(this.#at(spec.id), done)),
      signal: abort.signal,
      stopping: this.#stop.signal,
      control,
    }
  }

  /** Until the controller keeps what was told of it so far. */
  async #held(id: string): Promise<void> {
    const { revision } = this.#at(id)
    for (let waitedMs = 0; waitedMs < heldWithinMs; waitedMs += heldLookMs) {
      if (this.#at(id).ackedRevision >= revision) return
      await pause(heldLookMs, this.#stop.signal)
      if (this.#stop.signal.aborted) throw new Error('the agent ends')
    }
    throw new ActionRefused('the controller has not said that it keeps what it was told')
  }

  /** Undefined: the agent ends, and leaves it as it is written down. */
  async #settle(id: string, outcome: Outcome | undefined, signal?: AbortSignal): Promise<void> {
    if (outcome === undefined || this.#stop.signal.aborted) return
    const why: unknown = signal?.aborted === true ? signal.reason : undefined
    const isCancelled = why === 'cancelled' && outcome.state === 'failed'
    await this.#end(this.#at(id), isCancelled ? { state: 'cancelled', reason: outcome.reason } : outcome)
  }

  async #brokenOffBefore(record: CommandRecord, signal: AbortSignal): Promise<void> {
    if (signal.reason === 'stopping') return
    await this.#end(record, { state: 'cancelled', reason: 'before it began' })
  }

  /** What has begun is written down once more; what has not leaves only a line of the audit log. */
  async #end(
    record: CommandRecord,
    end: { readonly state: RecordState; readonly reason?: string; readonly verdicts?: readonly Verdict[] },
  ): Promise<void> {
    const { journal, audit, now, log } = this.options
    const over = ended(record, end, now())
    const { id, verb, vmUuid, hostId, actor, dryRun } = record.spec
    try {
      if (record.state === 'running') await journal.put(over)
      const what = {
        event: over.state,
        id,
        verb: verb.slice(0, longestAudited),
        vmUuid,
        hostId: hostId.slice(0, longestAudited),
        actor,
        ...(dryRun && { dryRun }),
        reason: over.reason.slice(0, longestReason),
      }
      await audit(what, record.before === undefined)
    } catch (error) {
      // What has happened is told in any case; another life of the agent will look at it once more.
      log.error({ err: error, id, state: over.state }, 'the end of a command could not be written down')
    }
    if (!dryRun) this.#tally.add(verb, over.state, record.state === 'running' ? over.atMs - record.atMs : undefined)
    this.#put(over)
  }

  /** Why it is not to begin any more, as it was to a moment ago; undefined if it is. */
  async #changedSince({ verb, vmUuid }: CommandSpec, before: VmNow, control: VmControl): Promise<string | undefined> {
    try {
      const vm = await withDeadline(lookWithinMs, this.#stop.signal, (signal) => control.look(vmUuid, signal))
      return changedBetween(verb, before, vm)
    } catch (error) {
      return `the VM could not be looked at: ${messageOf(error)}`
    }
  }

  async #examine(spec: CommandSpec): Promise<{
    readonly verdicts: readonly Verdict[]
    readonly vm: VmNow | undefined
    readonly control: VmControl | undefined
    readonly isPromised: boolean
  }> {
    const { allow, host, localTime, programs, marks } = this.options
    const served = host(spec.hostId)
    const control = served?.control
    const verbs = control && verbsHere(control, programs)
    const lacks = control?.lacks
    const circumstances = {
      isServed: served !== undefined,
      verbs,
      ...(lacks !== undefined && { lacks }),
      allow,
      at: localTime(),
    }
    let vm: VmNow | undefined
    try {
      if (control !== undefined)
        vm = await withDeadline(lookWithinMs, this.#stop.signal, (signal) => control.look(spec.vmUuid, signal))
    } catch (error) {
      const says = `the VM could not be looked at: ${messageOf(error)}`
      const before = agentVerdicts(spec, { ...circumstances, vm: undefined }).filter(({ check }) => check !== 'vm')
      return { verdicts: [...before, { check: 'look', ok: false, says }], vm, control, isPromised: false }
    }
    const isPromised = isOfKnownMove(spec, vm, marks.of(spec.hostId, spec.vmUuid))
    vm ??= absent(spec)
    const verdicts = agentVerdicts(spec, { ...circumstances, isPromised, vm })
    if (firstRefusal(verdicts) !== undefined || vm === undefined || control === undefined)
      return { verdicts, vm, control, isPromised }
    return { verdicts: [...verdicts, ...(await this.#checkFurther(spec, vm, control))], vm, control, isPromised }
  }

  /** What the verb itself looks at before. */
  async #checkFurther(spec: CommandSpec, before: VmNow, control: VmControl): Promise<readonly Verdict[]> {
    const { hostId, verb, vmUuid, args, definition } = spec
    const checks = isVerb(verb) ? allVerbs[verb].checks : undefined
    if (checks === undefined) return []
    const { limits, programs, archive, marks } = this.options
    try {
      return await withDeadline(lookWithinMs, this.#stop.signal, (signal) =>
        checks({ hostId, vmUuid, args, before, control, limits, programs, archive, marks, definition, signal }),
      )
    } catch (error) {
      return [{ check: verb, ok: false, says: `it could not be looked at: ${messageOf(error)}` }]
    }
  }

  async #forget(now: number): Promise<void> {
    for (const record of this.#records.values()) {
      if (!isForgettable(record, now)) continue
      this.#records.delete(record.spec.id)
      // Of others there is no file.
      if (record.before !== undefined || record.state === 'unknown') await this.options.journal.remove(record.spec.id)
    }
  }
}

/**
 * Whether it is what a move that this agent takes part in still needs. That was allowed for a name, which a controller may have made up: if the VM turns
 * out to have another one, nothing was promised of it. One that is not here has nothing to lose.
 */
function isOfKnownMove({ verb, args }: CommandSpec, vm: VmNow | undefined, mark: MoveMark | undefined): boolean {
  if ((verb !== 'arrive' && verb !== 'discard') || mark === undefined) return false
  return mark.moveId === args['move'] && (vm === undefined || vm.name === mark.vmName)
}

/** From its beginning. */
function mostMsOf(spec: CommandSpec, verb: VerbName): number {
  const { timeoutMs } = verbOf(verb)
  return spec.timeoutMs === 0 ? timeoutMs : Math.min(spec.timeoutMs, timeoutMs)
}

/** A VM that is not here, of a verb that is about its coming or its being gone. */
function absent({ verb, vmUuid, args }: CommandSpec): VmNow | undefined {
  if (!isVerb(verb) || verbOf(verb).mayBeAbsent !== true) return undefined
  const none = { state: 'shutoff', stateReason: 'unknown', runId: '', autostart: false } as const
  return { uuid: vmUuid, name: args['name'] ?? '', ...none }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
