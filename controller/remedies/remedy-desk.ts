import { quantityOf } from '../../common/verbs.js'
import { LimitedLog } from '../../common/limited-log.js'
import type { Log } from '../../common/log.js'
import type { AlertDesk } from '../alerts/desk/alert-desk.js'
import type { CommandDesk } from '../commands/command-desk.js'
import { isOver, type Command } from '../commands/command.js'
import type { Asker } from '../commands/permission.js'
import type { Alert } from '../model/alert.js'
import { effectOf, measureOf, meanOf, type Allowed } from './effect.js'
import { boxOfAlert, proposalsFor, targetsOn, type Proposal, type Sight } from './proposals.js'
import type { Effect, Measure } from './remedy-mark.js'

export interface RemedyDeskOptions {
  readonly alerts: Pick<AlertDesk, 'alert' | 'alerts'>
  readonly commands: Pick<CommandDesk, 'ask' | 'list' | 'withdraw' | 'noteEffect'>
  readonly sight: () => Sight
  readonly now: () => number
  readonly log: Log
}

export type CarriedOut =
  | { readonly status: 'done'; readonly command: Command }
  /** The alert is over, or does not propose it (any more). */
  | { readonly status: 'not-proposed'; readonly why: string }
  | { readonly status: 'under-way'; readonly command: Command }
  | { readonly status: 'too-many-commands' }

/** So much before and after is compared: `windowMs` up to the limit, and as much that ends `lookAfterMs` after it. */
export const windowMs = 10_000
export const lookAfterMs = 20_000
/** A controller that could not look for so long says so. The shortest limit that is proposed lasts a minute. */
const giveUpAfterMs = 45_000
const leastMeasures = 5
/** Longer than from the first of a window to the look at it. */
const keepMs = 90_000
/** Pairs of a box and a VM that are measured at once. */
const mostMeasured = 64
const startWithinMs = 120_000
const oddLines = { most: 5, windowMs: 60_000, mostKeys: 4 } as const

/**
 * Remedies of alerts that are carried out: a limit is asked for as a command like any other, once for a VM and only while its alert proposes it, and
 * what came of it is looked at afterwards. What is kept of it is the command's. To be told each second.
 */
export class RemedyDesk {
  /** By box and VM, the newest last. */
  readonly #measures = new Map<string, Measure[]>()
  readonly #odd: LimitedLog
  #turn: Promise<unknown> = Promise.resolve()
  #beating: Promise<void> | undefined

  constructor(private readonly options: RemedyDeskOptions) {
    this.#odd = new LimitedLog(options.log, oddLines)
  }

  async stop(): Promise<void> {
    await this.#beating
    await this.#turn
  }

  /** What can be carried out for an alert as things are now. */
  proposals(alert: Alert): readonly Proposal[] {
    return alert.phase === 'firing' ? proposalsFor(alert.finding, this.options.sight()) : []
  }

  /** What was asked for by an alert, the newest first. */
  ofAlert(number: number): readonly Command[] {
    return this.options.commands.list().filter(({ remedy }) => remedy?.alert === number)
  }

  /** Asks for what the alert proposes now for that VM, with the figures of now. @param vm UUID or name */
  carryOut(
    number: number,
    vm: string,
    { asker, dryRun }: { readonly asker: Asker; readonly dryRun: boolean },
  ): Promise<CarriedOut> {
    const work = async (): Promise<CarriedOut> => {
      const { commands, sight, now } = this.options
      const alert = this.options.alerts.alert(number)
      if (alert === undefined) return { status: 'not-proposed', why: `alert ${number} is over` }
      const proposal = this.proposals(alert).find(({ vmUuid, vmName }) => vmUuid === vm || vmName === vm)
      const seen = sight()
      const subject = seen.snapshot.vms.get(proposal?.vmUuid ?? '')
      if (proposal === undefined || subject === undefined)
        return { status: 'not-proposed', why: `alert ${number} proposes no limit of ${vm} now` }
      const standing = commands.list().find((one) => standsFor(one, proposal, commands.list(), now()))
      if (standing !== undefined) return { status: 'under-way', command: standing }
      const { boxId, text, args, vmUuid } = proposal
      const before = meanOf(this.#within(boxId, vmUuid, now() - windowMs, now()))
      const command = await commands.ask({
        verb: 'limit',
        args,
        vm: subject,
        dryRun,
        asker,
        startWithinMs,
        ...(!dryRun && { remedy: { alert: number, boxId, text, before } }),
      })
      return command === undefined ? { status: 'too-many-commands' } : { status: 'done', command }
    }
    const turn = this.#turn.then(work)
    this.#turn = turn.catch(() => undefined)
    return turn
  }

  /** Why a remedy that waits is not to be done any more; undefined: its alert still proposes it. */
  whyNot({ remedy, vmUuid, vmName }: Pick<Command, 'remedy' | 'vmUuid' | 'vmName'>): string | undefined {
    if (remedy === undefined) return undefined
    const alert = this.options.alerts.alert(remedy.alert)
    if (alert === undefined) return `alert ${remedy.alert} is over`
    const isProposed = this.proposals(alert).some((one) => one.vmUuid === vmUuid)
    return isProposed ? undefined : `alert ${remedy.alert} proposes no limit of ${vmName} any more`
  }

  /** To be called each second: what it finds under way is left out. */
  beat(): void {
    this.#beating ??= this.#beat()
      .catch((error: unknown) => {
        this.#odd.warn('beat', performance.now(), { err: error }, 'remedies of alerts could not be looked at')
      })
      .finally(() => {
        this.#beating = undefined
      })
  }

  async #beat(): Promise<void> {
    const { commands, alerts, now } = this.options
    const marked = commands.list().filter(({ remedy, dryRun }) => remedy !== undefined && !dryRun)
    const waiting = marked.filter((one) => one.sentAt === undefined && !isOver(one))
    const unseen = marked.filter(({ state, remedy }) => state === 'succeeded' && remedy?.effect === undefined)
    this.#measure([...marked.filter((one) => !isOver(one)), ...unseen])
    for (const { id, remedy } of waiting) {
      const number = remedy?.alert ?? 0
      if (alerts.alert(number) === undefined) await commands.withdraw(id, `alert ${number} is over`)
    }
    for (const command of unseen) {
      const effect = this.#effect(command, now())
      if (effect !== undefined) await commands.noteEffect(command.id, effect)
    }
  }

  /** Undefined: it is too soon to say. */
  #effect({ vmUuid, args, begunAt, endedAt = 0, remedy }: Command, at: number): Effect | undefined {
    if (remedy === undefined || at - endedAt < lookAfterMs) return undefined
    const began = begunAt ?? endedAt
    const after = this.#within(remedy.boxId, vmUuid, Math.max(endedAt, at - windowMs), at)
    if (after.length < leastMeasures && at - endedAt < giveUpAfterMs) return undefined
    const before = meanOf(this.#within(remedy.boxId, vmUuid, began - windowMs, began)) ?? remedy.before
    const isKnown = after.length >= leastMeasures && at - endedAt < giveUpAfterMs + windowMs
    return effectOf(before, isKnown ? meanOf(after) : undefined, this.#allowed({ args, vmUuid, remedy }), at)
  }

  #allowed({ args, vmUuid, remedy }: Pick<Command, 'args' | 'vmUuid' | 'remedy'>): Allowed {
    const { snapshot, circumstances } = this.options.sight()
    const watched = circumstances.arrays?.get(remedy?.boxId ?? '')
    const disks = watched === undefined ? 1 : Math.max(1, targetsOn(watched, vmUuid, snapshot).length)
    const all = (key: string): number | undefined => {
      const each = quantityOf('limit', args, key)
      return each === undefined ? undefined : each * (args['disk'] === undefined ? disks : 1)
    }
    return { bytesPerSecond: all('write'), requestsPerSecond: all('writeRequests') }
  }

  /** Of what was asked for, and of what could be. */
  #measure(commands: readonly Command[]): void {
    const { alerts, sight, now } = this.options
    const { snapshot, circumstances } = sight()
    const pairs = new Map<string, { readonly boxId: string; readonly vmUuid: string }>()
    const add = (boxId: string, vmUuid: string): void => {
      if (pairs.size < mostMeasured) pairs.set(pairKey(boxId, vmUuid), { boxId, vmUuid })
    }
    for (const { remedy, vmUuid } of commands) add(remedy?.boxId ?? '', vmUuid)
    for (const alert of alerts.alerts.values()) {
      if (alert.phase !== 'firing' || boxOfAlert(alert.finding) === undefined) continue
      for (const { boxId, vmUuid } of this.proposals(alert)) add(boxId, vmUuid)
    }
    const at = now()
    for (const [key, { boxId, vmUuid }] of pairs) {
      const watched = circumstances.arrays?.get(boxId)
      if (watched === undefined) continue
      const known = this.#measures.get(key) ?? []
      known.push({ ...measureOf(watched, vmUuid, snapshot), at })
      this.#measures.set(key, known)
    }
    for (const [key, known] of this.#measures) {
      const kept = known.filter((one) => at - one.at <= keepMs)
      if (kept.length === 0) this.#measures.delete(key)
      else this.#measures.set(key, kept)
    }
  }

  #within(boxId: string, vmUuid: string, fromMs: number, toMs: number): readonly Measure[] {
    const known = this.#measures.get(pairKey(boxId, vmUuid)) ?? []
    return known.filter(({ at }) => at >= fromMs && at <= toMs)
  }
}

function pairKey(boxId: string, vmUuid: string): string {
  return `${vmUuid} ${boxId}`
}

/** Whether it carries out that remedy already: it waits, it is under way, or its limit has not ended. */
function standsFor(command: Command, { vmUuid, boxId }: Proposal, all: readonly Command[], now: number): boolean {
  if (command.remedy?.boxId !== boxId || command.vmUuid !== vmUuid || command.dryRun) return false
  if (!isOver(command)) return true
  const lasts = (command.endedAt ?? 0) + (quantityOf('limit', command.args, 'for') ?? 0)
  if (command.state !== 'succeeded' || lasts <= now) return false
  return !all.some(
    (one) =>
      one.verb === 'unlimit' && one.vmUuid === vmUuid && one.state === 'succeeded' && one.number > command.number,
  )
}
