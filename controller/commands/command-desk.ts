import { CommandTally, type CommandFigures } from '../../common/command-tally.js'
import type { ChainMark } from '../../common/hash-chain.js'
import { LimitedLog } from '../../common/limited-log.js'
import type { Log } from '../../common/log.js'
import { isVerb, verbOf, type Role, type Verdict, type VerbName } from '../../common/verbs.js'
import type { ControllerAudit } from '../audit/controller-audit.js'
import type { UnsettledMove } from '../model/circumstances.js'
import type { Vm } from '../model/snapshot.js'
import type { StateStore } from '../store/state-store.js'
import type { ApprovalRule } from '../model/policy.js'
import { admissions, inOrder, type Admission, type Bulk, type ConditionOf } from './admission.js'
import { approvalVerdict, notSecond, ruleFor, type Approval } from './approval.js'
import { asSent, onceMore, waitsAgain } from './bulk-sending.js'
import {
  aged,
  isOver,
  mayBegin,
  nextToSend,
  over,
  told,
  type Caps,
  type Command,
  type CommandUpdate,
} from './command.js'
import type { Asker } from './permission.js'
import type { CopyElsewhere } from './copies.js'
import { givingWay } from './kept-commands.js'
import { isMaintenance, type Maintenance } from './maintenance.js'
import { afterWord, migrationChanges, pastCancelling, type NewStep } from './migration.js'
import type { Planned } from './plan-move.js'
import { preflight, type AgentRules } from './preflight.js'
import { unsettledMoves } from './unsettled-moves.js'
import type { Effect, RemedyMark } from '../remedies/remedy-mark.js'

/** An agent's open session, as far as commands go through it. */
export interface AgentLink {
  readonly agentId: string
  rules(): AgentRules
  speaksFor(hostId: string): boolean
  send(command: Command, how: { readonly onlyReport: boolean }): void
  cancel(id: string, actor: string): void
  ack(id: string, revision: number): void
  tellHead(marks: {
    readonly head: ChainMark
    readonly again: ChainMark | undefined
    readonly seen: ChainMark | undefined
  }): void
}

export interface CommandDeskOptions {
  readonly state: StateStore
  readonly audit: ControllerAudit
  readonly hostName: (hostId: string) => string
  /** Whose VM it is, by policy or its own metadata; undefined: nobody says. */
  readonly ownerOf: (vm: Vm) => string | undefined
  /** Of the policy in force. */
  readonly approvals: () => readonly ApprovalRule[]
  readonly copies: (vm: Vm) => readonly CopyElsewhere[]
  /** Why one that waits for approval is not to be done any more; undefined: nothing speaks against it. */
  readonly whyNot?: (command: Command) => string | undefined
  /** The boxes that a VM lies on, which a bulk command waits for. Absent: nothing is bulk. */
  readonly boxesOf?: (vm: Vm) => Bulk['boxes']
  /** Absent: nobody watches any box. */
  readonly conditionOf?: ConditionOf
  readonly now: () => number
  readonly newId: () => string
  readonly log: Log
  readonly caps?: Caps
}

export interface Asked {
  readonly verb: string
  readonly args: Readonly<Record<string, string>>
  readonly vm: Vm
  readonly dryRun: boolean
  readonly asker: Asker
  /** Why, in the words of who asks; it goes into the audit log. */
  readonly note?: string | undefined
  /** Of one that moves it: between which hosts, and what speaks against it. */
  readonly planned?: (() => Planned | undefined) | undefined
  /** What the memory ledger of its host has left, negative if its VMs reach into the reserve; undefined: not known. */
  readonly hostSpareBytes?: number | undefined
  /** From now, or from the approval. */
  readonly startWithinMs: number
  /** Of a limit that an alert proposes. */
  readonly remedy?: RemedyMark | undefined
}

export interface Judged {
  readonly verdicts: readonly Verdict[]
  /** The least role of the second person; undefined: none is needed. */
  readonly approval: Role | undefined
}

export type Answered =
  | { readonly status: 'done'; readonly command: Command }
  | { readonly status: 'not-pending' }
  | { readonly status: 'forbidden'; readonly why: string }

export type Moved = { readonly status: 'done'; readonly queue: readonly Queued[] } | { readonly status: 'not-queued' }

/** A bulk command that waits for its turn. */
export interface Queued {
  readonly command: Command
  readonly why: string
}

export type Cancelled =
  | { readonly status: 'done'; readonly command: Command }
  | { readonly status: 'over' }
  | { readonly status: 'past-cancelling'; readonly why: string }

const mostOpen = 1000
/** Bulk commands that wait, of one box. */
const mostQueued = 100
/** A bulk command may wait for its turn so long. */
const bulkWithinMs = 86_400_000
const defaultCaps: Caps = { perHost: 4, fleet: 64 }
const oddLines = { most: 5, windowMs: 60_000, mostKeys: 64 } as const
const tickEveryMs = 1000
/** How soon an agent hears of entries of the audit log that are about no command of its hosts. */
const tellHeadsEveryMs = 15_000
const mostAtOnce = 4

/** Owner of all commands: takes them in, sends them, and keeps what becomes of them. Each change is durable, with its line of the audit log, before it counts. */
export class CommandDesk {
  readonly #commands: Map<string, Command>
  readonly #links = new Map<string, AgentLink>()
  /** By host id. */
  readonly #maintenance: Map<string, Maintenance>
  readonly #odd: LimitedLog
  readonly #tally = new CommandTally()
  #turnedAway = 0
  #turn: Promise<unknown> = Promise.resolve()
  #timer: NodeJS.Timeout | undefined
  #headsTold = { at: 0, entries: 0 }
  #unsettled: readonly UnsettledMove[] = []

  private constructor(
    private readonly options: CommandDeskOptions,
    commands: readonly Command[],
    maintenance: ReadonlyMap<string, Maintenance>,
  ) {
    this.#commands = new Map(commands.map((command) => [command.id, command]))
    this.#maintenance = new Map(maintenance)
    this.#odd = new LimitedLog(options.log, oddLines)
    this.#unsettled = unsettledMoves(commands)
  }

  static async open(options: CommandDeskOptions): Promise<CommandDesk> {
    const [rows, hosts] = await options.state.tx(
      async (t) => [await t.list('commands'), await t.list('hostMaintenance')] as const,
    )
    return new CommandDesk(
      options,
      rows.flatMap(({ value }) => (isCommand(value) ? value : [])),
      new Map(hosts.flatMap(({ key, value }) => (isMaintenance(value) ? [[key, value] as const] : []))),
    )
  }

  start(): void {
    this.#timer = setInterval(() => void this.#tick(), tickEveryMs)
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer)
    await this.#turn
  }

  /** Newest first. */
  list(): readonly Command[] {
    return [...this.#commands.values()].toSorted((a, b) => b.number - a.number)
  }

  /** Since the start. */
  figures(): CommandFigures {
    const open = this.list().filter((command) => !isOver(command))
    const running = open.filter(({ state }) => state === 'running').length
    return { ended: this.#tally.rows(), waiting: open.length - running, running, turnedAway: this.#turnedAway }
  }

  /** The same object as long as nothing of it changes. */
  get unsettledMoves(): readonly UnsettledMove[] {
    return this.#unsettled
  }

  /** Undefined: the host takes VMs. */
  maintenanceOf(hostId: string): Maintenance | undefined {
    return this.#maintenance.get(hostId)
  }

  /** Durable, with its line of the audit log, when it resolves. What waits already is not looked at again. */
  setMaintenance(
    hostId: string,
    on: boolean,
    { actor, reason }: { readonly actor: string; readonly reason: string },
  ): Promise<void> {
    return this.#inTurn(async () => {
      const { state, audit, now, hostName } = this.options
      const set: Maintenance = { since: this.#maintenance.get(hostId)?.since ?? now(), by: actor, reason }
      const entry = await state.tx(async (t) => {
        if (on) await t.put('hostMaintenance', hostId, set)
        else await t.delete('hostMaintenance', hostId)
        const event = on ? 'maintenance-on' : 'maintenance-off'
        return audit.append(t, now(), { event, hostId, host: hostName(hostId), actor, reason })
      })
      entry.keep()
      if (on) this.#maintenance.set(hostId, set)
      else this.#maintenance.delete(hostId)
      for (const link of this.#links.values()) await this.#tellHead(link)
    })
  }

  /** By its id or its number. */
  find(idOrNumber: string): Command | undefined {
    const byId = this.#commands.get(idOrNumber)
    return byId ?? [...this.#commands.values()].find(({ number }) => String(number) === idOrNumber)
  }

  /** What would speak against a verb now, apart from its arguments, and whether a second person would be needed. Nothing is kept of it. */
  judge(verb: VerbName, vm: Vm, asker: Asker): Judged {
    const open = this.list().filter((command) => !isOver(command))
    const verdicts = this.#verdicts({ verb, args: undefined }, vm, asker, open, this.options.now())
    return { verdicts, approval: ruleFor(this.options.approvals(), verb, vm.name)?.rule.role }
  }

  /** Takes a command in, or refuses it, with every verdict; undefined: too many are open. */
  ask(asked: Asked): Promise<Command | undefined> {
    return this.#inTurn(async () => {
      const { now, newId, hostName } = this.options
      const { verb, args, vm, dryRun, asker, startWithinMs, note = '' } = asked
      const open = this.list().filter((command) => !isOver(command))
      if (open.length >= mostOpen) {
        this.#turnedAway += 1
        return undefined
      }
      const at = now()
      // In this turn: what was asked for just before counts.
      const planned = asked.planned?.()
      const needed = isVerb(verb) ? ruleFor(this.options.approvals(), verb, vm.name) : undefined
      const bulk = this.#bulkOf(asked, vm)
      const withinMs = bulk === undefined ? startWithinMs : Math.max(startWithinMs, bulkWithinMs)
      const verdicts = [
        ...this.#verdicts(asked, vm, asker, open, at),
        ...(planned?.verdicts ?? []),
        ...(needed === undefined ? [] : [approvalVerdict(needed)]),
        ...queueVerdicts(bulk, open),
      ]
      const refusal = verdicts.find(({ ok }) => !ok)
      const waits = refusal === undefined && !dryRun ? needed : undefined
      const command: Command = {
        id: newId(),
        number: this.#nextNumber(),
        verb,
        args,
        hostId: vm.hostId,
        hostName: hostName(vm.hostId),
        vmUuid: vm.uuid,
        vmName: vm.name,
        dryRun,
        actor: asker.name,
        ...(note !== '' && { note }),
        state: refusal !== undefined ? 'refused' : waits === undefined ? 'queued' : 'pending-approval',
        reason: refusal?.says ?? '',
        createdAt: at,
        startBefore: at + (waits?.rule.withinMs ?? withinMs),
        timeoutMs: isVerb(verb) ? verbOf(verb).timeoutMs : 0,
        revision: 0,
        verdicts,
        output: '',
        outputEnd: 0,
        ...(refusal === undefined && planned?.move !== undefined && { move: planned.move }),
        ...(refusal !== undefined && { endedAt: at }),
        ...(waits !== undefined && { approval: newApproval(waits, { asker, startWithinMs: withinMs }) }),
        ...(asked.remedy !== undefined && { remedy: asked.remedy }),
        ...(bulk !== undefined && refusal === undefined && !dryRun && { bulk }),
      }
      await this.#keep(command, 'asked')
      await this.#goOn()
      return this.#commands.get(command.id) ?? command
    })
  }

  /**
   * Another person lets a command go on. It is checked once more: the agent, the VM and the policy may have changed.
   * @param vm as it is now; undefined: it is gone
   */
  approve(
    id: string,
    second: Asker,
    vm: Vm | undefined,
    { hostSpareBytes, planned }: Pick<Asked, 'hostSpareBytes' | 'planned'> = {},
  ): Promise<Answered> {
    return this.#inTurn(async () => {
      const pending = this.#pending(id, second)
      if ('status' in pending) return pending
      const { command, approval } = pending
      const now = this.options.now()
      const approved = { ...command, approval: { ...approval, by: second.name, at: now } }
      const isThere = vm?.hostId === command.hostId
      const open = this.list().filter((one) => !isOver(one) && one.id !== id)
      const asker = { ...approval.askedAs, name: command.actor }
      const plan = isThere ? planned?.() : undefined
      const verdicts = isThere
        ? [...this.#verdicts({ ...command, hostSpareBytes }, vm, asker, open, now), ...(plan?.verdicts ?? [])]
        : []
      const refusal = isThere
        ? (this.options.whyNot?.(command) ?? verdicts.find(({ ok }) => !ok)?.says)
        : 'the VM is not on that host any more: ask again'
      const next: Command =
        refusal === undefined
          ? {
              ...approved,
              state: 'queued',
              startBefore: now + approval.startWithinMs,
              ...(plan?.move !== undefined && { move: plan.move }),
            }
          : over(approved, 'refused', refusal, now)
      await this.#keep(next, 'approved', second.name)
      await this.#sendWaiting()
      return { status: 'done', command: this.#commands.get(id) ?? next }
    })
  }

  reject(id: string, second: Asker, reason: string): Promise<Answered> {
    return this.#inTurn(async () => {
      const pending = this.#pending(id, second)
      if ('status' in pending) return pending
      const now = this.options.now()
      const { command, approval } = pending
      const says = `${second.name} rejected it${reason === '' ? '' : `: ${reason}`}`
      const rejected = { ...command, approval: { ...approval, by: second.name, at: now } }
      const next = over(rejected, 'refused', says, now)
      await this.#keep(next, 'rejected', second.name)
      return { status: 'done', command: next }
    })
  }

  /** Bulk commands that wait, in their order, and what each waits for. */
  queue(): readonly Queued[] {
    const admitted = this.#admissions()
    const waiting = this.list().filter(({ state, bulk }) => bulk !== undefined && state === 'queued')
    return inOrder(waiting).map((command) => {
      const admission = admitted.get(command.id)
      const why = admission?.admitted === false ? admission.why : this.#whyHeld(command)
      return { command, why }
    })
  }

  /** Puts one that waits before or behind others. @param to its place from then on, from 1; beyond the last is the last */
  moveInQueue(id: string, to: number, actor: string): Promise<Moved> {
    return this.#inTurn(async () => {
      const before = this.queue().map(({ command }) => command)
      const moved = before.find((command) => command.id === id)
      if (moved?.bulk === undefined) return { status: 'not-queued' }
      const others = before.filter((command) => command !== moved)
      const behind = others[Math.min(to, others.length + 1) - 2]?.bulk?.place
      const ahead = others[Math.min(to, others.length + 1) - 1]?.bulk?.place
      const place = behind === undefined ? (ahead ?? 1) - 1 : ahead === undefined ? behind + 1 : (behind + ahead) / 2
      await this.#keep({ ...moved, bulk: { ...moved.bulk, place } }, 'queue-moved', actor)
      await this.#sendWaiting()
      return { status: 'done', queue: this.queue() }
    })
  }

  /** Ends what waits, as what it was for is over. */
  withdraw(id: string, why: string): Promise<void> {
    return this.#inTurn(async () => {
      const command = this.#commands.get(id)
      if (command === undefined || isOver(command) || command.sentAt !== undefined) return
      await this.#keep(over(command, 'expired', why, this.options.now()), 'expired')
    })
  }

  /** Keeps once what came of a remedy. */
  noteEffect(id: string, effect: Effect): Promise<void> {
    return this.#inTurn(async () => {
      const command = this.#commands.get(id)
      if (command?.remedy === undefined || command.remedy.effect !== undefined) return
      await this.#keep({ ...command, remedy: { ...command.remedy, effect } }, 'effect')
    })
  }

  /** What somebody asked for who may no more, as far as it was not sent. A move that is past cancelling goes on to its end. */
  dropWaiting(actor: string, why: string): Promise<void> {
    return this.#inTurn(async () => {
      for (const command of this.list()) {
        if (command.actor !== actor || isOver(command)) continue
        if (command.sentAt !== undefined) {
          // It does not wait again where its agent has not begun it.
          if (command.bulk !== undefined)
            await this.#keep({ ...command, bulk: { ...command.bulk, until: 0 } }, undefined)
          continue
        }
        if (pastCancelling(command, this.list()) !== undefined) continue
        await this.#keep(over(command, 'cancelled', why, this.options.now()), 'cancelled')
        await this.#dropSteps(command.id, why)
      }
    })
  }

  /** Cancels what was not sent; asks the agent to cancel what was. */
  cancel(id: string, actor: string): Promise<Cancelled> {
    return this.#inTurn(async () => {
      const command = this.#commands.get(id)
      if (command === undefined || isOver(command)) return { status: 'over' }
      const why = pastCancelling(command, this.list())
      if (why !== undefined) return { status: 'past-cancelling', why }
      const wasSent = command.sentAt !== undefined
      if (wasSent && command.cancelledBy !== undefined) {
        // Said again: the agent may have lost it. That is no news for the audit log.
        this.#linkOf(command.hostId)?.cancel(id, command.cancelledBy)
        return { status: 'done', command }
      }
      const cancelled = { ...command, cancelledBy: actor }
      const next = wasSent
        ? cancelled
        : over(cancelled, 'cancelled', `by ${actor}, before it was sent`, this.options.now())
      await this.#keep(next, 'cancel', actor)
      if (wasSent) this.#linkOf(command.hostId)?.cancel(id, actor)
      else await this.#dropSteps(id, `by ${actor}, before it was sent`)
      return { status: 'done', command: next }
    })
  }

  /** Steps that are not sent yet, of a command that has ended. */
  async #dropSteps(id: string, why: string): Promise<void> {
    for (const step of this.list()) {
      if (step.stepOf !== id || step.state !== 'queued') continue
      await this.#keep(over(step, 'cancelled', why, this.options.now()), 'cancelled')
    }
  }

  /** A session is open. What was sent before is asked about: it may have been lost, begun or ended. */
  attach(link: AgentLink): void {
    this.#links.set(link.agentId, link)
    void this.#inTurn(async () => {
      await this.#tellHead(link)
      for (const command of this.#commands.values()) {
        const isOpen = !isOver(command) || command.gaveUp === true
        if (!isOpen || command.sentAt === undefined || !link.speaksFor(command.hostId)) continue
        link.send(command, { onlyReport: !mayBegin(command, link.agentId) })
        if (command.cancelledBy !== undefined) link.cancel(command.id, command.cancelledBy)
      }
      await this.#sendWaiting()
    })
  }

  detach(link: AgentLink): void {
    if (this.#links.get(link.agentId) === link) this.#links.delete(link.agentId)
  }

  /** What an agent tells of a command. Acked when it is durable; also what says nothing new, or is of a command that is not known any more. */
  update(link: AgentLink, update: CommandUpdate): Promise<void> {
    return this.#inTurn(async () => {
      const command = this.#commands.get(update.id)
      if (command !== undefined && !link.speaksFor(command.hostId)) {
        const { agentId } = link
        this.#odd.warn(
          agentId,
          performance.now(),
          { agentId, id: update.id },
          'an agent tells of a command of another host',
        )
        return
      }
      const word = command && told(command, update, this.options.now())
      const next = word && afterWord(word, this.options.now())
      const isNews = next !== undefined && next.state !== command?.state && next.state !== 'sent'
      if (next !== undefined) await this.#keep(await this.#waitingAgain(next), isNews ? next.state : undefined)
      link.ack(update.id, update.revision)
      if (next !== undefined && (isOver(next) || next.move?.hasLeft === true)) await this.#goOn()
    })
  }

  /** Puts another in the queue where a bulk command was not begun in time. @returns the command, which then says so */
  async #waitingAgain(command: Command): Promise<Command> {
    const { now, newId } = this.options
    if (!waitsAgain(command, now())) return command
    // A crash may have come between the two.
    const before = this.list().find(({ bulk }) => bulk?.insteadOf === command.id)
    const next = before ?? onceMore(command, { id: newId(), number: this.#nextNumber(), now: now() })
    if (before === undefined) await this.#keep(next, 'asked')
    return { ...command, reason: `its agent did not begin it in time: it waits again, as command ${next.number}` }
  }

  /** Where the agent's audit log stands, and what it has seen of ours. */
  auditHead(
    link: AgentLink,
    {
      head,
      again,
      seen,
    }: {
      readonly head?: ChainMark | undefined
      readonly again?: ChainMark | undefined
      readonly seen?: ChainMark | undefined
    },
  ): Promise<void> {
    return this.#inTurn(async () => {
      const { audit, log, now } = this.options
      const { agentId } = link
      const marks = { ...(head && { head }), ...(again && { again }), ...(seen && { seen }) }
      const { wrong, hasMoved } = await audit.heard(agentId, marks, now())
      for (const what of wrong) log.error({ agentId, wrong: what }, 'an audit log is not what it was')
      // The agent has to know it to show of its own log what was seen, and to be shown of ours what it has seen.
      if (hasMoved) await this.#tellHead(link)
    })
  }

  /** Undefined: it is none. Only the agent of a host says which of its programs read or write much. */
  #bulkOf({ verb, args }: Pick<Asked, 'verb' | 'args'>, vm: Vm): Bulk | undefined {
    const programs = verb === 'exec' ? this.#linkOf(vm.hostId)?.rules().bulkPrograms : undefined
    if (programs?.has(args['entry'] ?? '') !== true) return undefined
    return { boxes: this.options.boxesOf?.(vm) ?? [], place: this.#nextNumber() }
  }

  #admissions(): ReadonlyMap<string, Admission> {
    const bulk = this.list().filter((command) => command.bulk !== undefined && !isOver(command))
    const waiting = bulk.filter(({ state }) => state === 'queued')
    const active = bulk.filter(({ state }) => state === 'sent' || state === 'running')
    return admissions(waiting, active, (id) => this.options.conditionOf?.(id), this.options.now())
  }

  /** Of one whose turn it is. */
  #whyHeld({ hostId }: Command): string {
    return this.#linkOf(hostId) === undefined
      ? 'it is its turn; the agent of its host is not connected'
      : 'it is its turn; other commands of its VM or host are under way'
  }

  #verdicts(
    asked: Pick<Asked, 'verb' | 'hostSpareBytes'> & { readonly args: Asked['args'] | undefined },
    vm: Vm,
    asker: Asker,
    open: readonly Command[],
    now: number,
  ): readonly Verdict[] {
    const rules = this.#linkOf(vm.hostId)?.rules()
    return preflight(asked, vm, {
      asker,
      owner: this.options.ownerOf(vm),
      rules,
      open,
      copies: this.options.copies(vm),
      maintenance: this.#maintenance.get(vm.hostId),
      hostSpareBytes: asked.hostSpareBytes,
      now,
    })
  }

  #pending(
    id: string,
    second: Asker,
  ): { readonly command: Command; readonly approval: Approval } | Exclude<Answered, { readonly status: 'done' }> {
    const command = this.#commands.get(id)
    if (command?.state !== 'pending-approval' || command.approval === undefined) return { status: 'not-pending' }
    const { actor, approval } = command
    const why = notSecond(second, { actor, approval })
    return why === undefined ? { command, approval } : { status: 'forbidden', why }
  }

  async #tick(): Promise<void> {
    await this.#inTurn(async () => {
      const now = this.options.now()
      for (const command of this.#commands.values()) {
        const next = aged(command, now)
        if (next === undefined) continue
        await this.#keep(next, next.state)
        await this.#dropSteps(next.id, 'its command is over')
      }
      await this.#goOn()
      await this.#tellHeads(now)
    })
  }

  /** So that a cut tail shows also where nothing was commanded. */
  async #tellHeads(now: number): Promise<void> {
    const { entries } = this.options.audit.head
    const { at, entries: told } = this.#headsTold
    if (entries === told || Math.abs(now - at) < tellHeadsEveryMs) return
    this.#headsTold = { at: now, entries }
    for (const link of this.#links.values()) await this.#tellHead(link)
  }

  /** Makes the next steps of what goes by steps, and sends what waits. */
  async #goOn(): Promise<void> {
    // What a step leads to at once leads on: a bounded number of times.
    for (let left = mostAtOnce; left > 0; left -= 1) {
      const changes = migrationChanges(this.list(), this.options.now())
      for (const change of changes) {
        if (change.change === 'step') await this.#keep(this.#newStep(change.of, change.step), 'asked')
        else await this.#keep(change.command, change.event)
      }
      if (changes.length === 0) break
    }
    await this.#sendWaiting()
  }

  #newStep(of: Command, { startWithinMs, verb, ...step }: NewStep): Command {
    const { now, newId } = this.options
    const at = now()
    const { vmUuid, vmName, actor } = of
    return {
      dryRun: false,
      ...step,
      id: newId(),
      number: this.#nextNumber(),
      stepOf: of.id,
      verb,
      vmUuid,
      vmName,
      actor,
      state: 'queued',
      reason: '',
      createdAt: at,
      startBefore: at + startWithinMs,
      timeoutMs: verbOf(verb).timeoutMs,
      revision: 0,
      verdicts: [],
      output: '',
      outputEnd: 0,
    }
  }

  #nextNumber(): number {
    return Math.max(0, ...[...this.#commands.values()].map(({ number }) => number)) + 1
  }

  async #sendWaiting(): Promise<void> {
    const caps = this.options.caps ?? defaultCaps
    const isReachable = (hostId: string): boolean => this.#linkOf(hostId) !== undefined
    const now = this.options.now()
    const admitted = this.#admissions()
    const isAdmitted = ({ id, bulk }: Command): boolean => bulk === undefined || admitted.get(id)?.admitted === true
    for (const command of nextToSend(this.#commands.values(), isReachable, caps, isAdmitted)) {
      const link = this.#linkOf(command.hostId)
      if (link === undefined) continue
      // Written down first: after a crash it counts as one that may have come to the agent.
      const sent: Command = {
        ...asSent(command, admitted.get(command.id), now),
        state: 'sent',
        sentAt: now,
        sentTo: link.agentId,
      }
      await this.#keep(sent, undefined)
      link.send(sent, { onlyReport: false })
    }
  }

  #linkOf(hostId: string): AgentLink | undefined {
    return [...this.#links.values()].find((link) => link.speaksFor(hostId))
  }

  /** Makes a change durable, with its line of the audit log if it has one, and lets it count. */
  async #keep(command: Command, event: string | undefined, actor = command.actor): Promise<void> {
    const { state, audit, now } = this.options
    const { id, number, verb, args, vmUuid, vmName, hostId, dryRun, reason, note, remedy } = command
    const surplus = givingWay(this.list(), this.#unsettled, now())
    const entry = await state.tx(async (t) => {
      await t.put('commands', keyOf(command), command)
      for (const old of surplus) await t.delete('commands', keyOf(old))
      if (event === undefined) return undefined
      const what = { event, id, number, verb, args, vmUuid, vm: vmName, hostId, actor, state: command.state, reason }
      const ofAlert = remedy && { alert: remedy.alert }
      const effect = event === 'effect' && remedy?.effect
      return audit.append(t, now(), {
        ...what,
        ...(note !== undefined && { note }),
        ...(dryRun && { dryRun }),
        ...ofAlert,
        ...(effect && { effect: effect.outcome, says: effect.says }),
      })
    })
    entry?.keep()
    this.#count(command)
    this.#commands.set(id, command)
    for (const old of surplus) this.#commands.delete(old.id)
    if (command.move !== undefined) this.#lookAtMoves()
    const link = entry === undefined ? undefined : this.#linkOf(hostId)
    if (link !== undefined) await this.#tellHead(link)
  }

  #lookAtMoves(): void {
    const now = unsettledMoves(this.list())
    // Most changes are of how far one is.
    if (JSON.stringify(now) !== JSON.stringify(this.#unsettled)) this.#unsettled = now
  }

  /** Once, when it comes to its end. */
  #count(command: Command): void {
    const before = this.#commands.get(command.id)
    if (!isOver(command) || command.dryRun || (before !== undefined && isOver(before))) return
    const { verb, state, begunAt, endedAt } = command
    this.#tally.add(verb, state, begunAt === undefined ? undefined : (endedAt ?? begunAt) - begunAt)
  }

  async #tellHead(link: AgentLink): Promise<void> {
    const { audit } = this.options
    const seenByIt = audit.seenBy(link.agentId)
    const again = seenByIt && (await audit.at(seenByIt.entries))
    const seen = audit.agents().find(({ agentId }) => agentId === link.agentId)?.seen
    link.tellHead({ head: audit.head, again, seen })
  }

  /** One change after the other. What fails is logged where nobody waits for it. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work)
    this.#turn = turn.catch((error: unknown) => {
      this.#odd.warn('fault', performance.now(), { err: error }, 'a change of a command could not be kept')
    })
    return turn
  }
}

/** Places are bounded, so that nobody fills them for others. */
function queueVerdicts(bulk: Bulk | undefined, open: readonly Command[]): readonly Verdict[] {
  return (bulk?.boxes ?? []).map(({ id, name }) => {
    const waiting = open.filter((one) => one.bulk?.boxes.some((box) => box.id === id) === true).length
    return waiting < mostQueued
      ? { check: 'queue', ok: true, says: `${waiting} bulk commands wait or run at ${name}` }
      : { check: 'queue', ok: false, says: `${waiting} bulk commands wait at ${name}, as many as may` }
  })
}

function newApproval(
  { key, rule }: { readonly key: string; readonly rule: ApprovalRule },
  { asker: { role, scope }, startWithinMs }: Pick<Asked, 'asker' | 'startWithinMs'>,
): Approval {
  return { rule: key, role: rule.role, startWithinMs, askedAs: { role, scope } }
}

function keyOf({ number }: Pick<Command, 'number'>): string {
  return String(number).padStart(12, '0')
}

/** Written by this program whole: its form is looked at, not each of its values. */
function isCommand(value: unknown): value is Command {
  return (
    typeof value === 'object' &&
    value !== null &&
    'id' in value &&
    'number' in value &&
    'state' in value &&
    'verdicts' in value
  )
}
