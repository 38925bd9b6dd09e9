import { readFileSync } from 'node:fs'
import { readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'

import { z } from 'zod'

import { withDeadline } from '../../common/deadline.js'
import { writeDurably } from '../../common/durable-file.js'
import { errorCode } from '../../common/error-code.js'
import { LimitedLog } from '../../common/limited-log.js'
import type { Log } from '../../common/log.js'
import type { DiskLimits, VmControl } from '../hypervisor/hypervisor.js'
import { areSameLimits } from './disk-limits.js'
import { needed } from './verbs/needed.js'

const diskLimits = z.record(z.string(), z.number().nonnegative())
const limitRecord = z.object({
  hostId: z.string(),
  vmUuid: z.string(),
  vmName: z.string(),
  /** The run that was limited: another one began with its own values. */
  runId: z.string(),
  setAtMs: z.number(),
  disks: z.record(
    z.string(),
    z.object({
      /** What was in force before the first limit, and is put back. */
      old: diskLimits,
      limited: diskLimits,
      untilMs: z.number(),
    }),
  ),
})

/** Limits that this agent has set on the disks of one VM, and what was there before. Times are of this machine's wall clock. */
export interface LimitRecord {
  readonly hostId: string
  readonly vmUuid: string
  readonly vmName: string
  readonly runId: string
  readonly setAtMs: number
  readonly disks: Readonly<
    Record<string, { readonly old: DiskLimits; readonly limited: DiskLimits; readonly untilMs: number }>
  >
}

/** Where the records are between two lives of the agent. */
export interface LimitStore {
  load(): Promise<readonly LimitRecord[]>
  /** Durable when it resolves. */
  save(records: readonly LimitRecord[]): Promise<void>
}

export interface LimitKeeperOptions {
  readonly store: LimitStore
  readonly control: (hostId: string) => VmControl | undefined
  /** Whether an entry of the configuration has that host, or may turn out to have it once it can be opened. */
  readonly mayHave: (hostId: string) => boolean
  /** This machine's wall clock. */
  readonly now: () => number
  readonly monotonicMs: () => number
  readonly audit: (what: Readonly<Record<string, unknown>>) => Promise<void>
  readonly log: Log
}

const lookEveryMs = 1000
const restoreWithinMs = 30_000
const mostRecords = 1024
/** So long after the end of a limit, and after this start, the record of a host that the configuration does not have is given up. */
const forgetAfterMs = 86_400_000
/** A host that is not there by then is told of. */
const openedWithinMs = 60_000
/** A clock that stands so far before the setting of a limit cannot tell when it ends: it ends at once. */
const clockBackMs = 60_000
const troubleLines = { most: 2, windowMs: 600_000, mostKeys: 64 } as const

/**
 * Owner of all limits that the agent has set: what was in force before is durable before anything is set, and is put back when the time is over,
 * by whatever life of the agent comes to it.
 */
export class LimitKeeper {
  readonly #records = new Map<string, LimitRecord>()
  /** By VM: what sets its limits, or puts them back. */
  readonly #turns = new Map<string, Promise<unknown>>()
  readonly #stop = new AbortController()
  readonly #trouble: LimitedLog
  #saving: Promise<unknown> = Promise.resolve()
  #timer: NodeJS.Timeout | undefined
  #startedAtMs = 0

  constructor(private readonly options: LimitKeeperOptions) {
    this.#trouble = new LimitedLog(options.log, troubleLines)
  }

  async start(): Promise<void> {
    this.#startedAtMs = this.options.monotonicMs()
    for (const record of await this.options.store.load()) this.#records.set(keyOf(record), record)
    this.#timer = setInterval(() => this.endDue(), lookEveryMs)
  }

  /** Limits stay: the next life of the agent ends them. */
  async stop(): Promise<void> {
    clearInterval(this.#timer)
    this.#stop.abort()
    await Promise.allSettled(this.#turns.values())
  }

  /** VMs that are limited now. */
  get count(): number {
    return this.#records.size
  }

  now(): number {
    return this.options.now()
  }

  of(hostId: string, vmUuid: string): LimitRecord | undefined {
    return this.#records.get(keyOf({ hostId, vmUuid }))
  }

  /** Durable when it resolves. Only in a turn of its VM. */
  async put(record: LimitRecord): Promise<void> {
    const key = keyOf(record)
    if (!this.#records.has(key) && this.#records.size >= mostRecords)
      throw new Error(`${mostRecords} VMs are limited already`)
    await this.#change(key, record)
  }

  /** Durable when it resolves. Only in a turn of its VM. */
  async remove(record: Pick<LimitRecord, 'hostId' | 'vmUuid'>): Promise<void> {
    await this.#change(keyOf(record), undefined)
  }

  /** One thing after the other with the limits of a VM. */
  inTurn<T>({ hostId, vmUuid }: Pick<LimitRecord, 'hostId' | 'vmUuid'>, work: () => Promise<T>): Promise<T> {
    const key = keyOf({ hostId, vmUuid })
    const turn = (this.#turns.get(key) ?? Promise.resolve()).then(work)
    const settled = turn
      .catch(() => undefined)
      .finally(() => {
        if (this.#turns.get(key) === settled) this.#turns.delete(key)
      })
    this.#turns.set(key, settled)
    return turn
  }

  /** Puts back what was before. Only in a turn of its VM. @returns what came of it @throws Error if that is not known: the record stays */
  async putBack(record: LimitRecord, targets: readonly string[], signal: AbortSignal, why: string): Promise<string> {
    const { hostId, vmUuid, vmName } = record
    const control = this.options.control(hostId)
    if (control === undefined) throw new Error('its host is not open')
    const { left, says } = await putBackOn(control, record, targets, signal)
    if (left === undefined) await this.remove(record)
    else await this.put(left)
    const what = { event: 'limit-ended', vm: vmName, vmUuid, hostId, disks: targets, why, came: says }
    await this.options.audit(what).catch((error: unknown) => {
      this.options.log.error({ err: error, vmUuid }, 'the end of a limit could not be written down')
    })
    return says
  }

  /** Ends those whose time is over; what cannot be ended now is tried again. */
  endDue(): void {
    const now = this.now()
    for (const record of this.#records.values()) {
      if (this.#turns.has(keyOf(record)) || due(record, now).length === 0) continue
      if (this.options.control(record.hostId) === undefined) {
        this.#withoutHost(record, now)
        continue
      }
      this.inTurn(record, async () => {
        const current = this.of(record.hostId, record.vmUuid)
        const targets = current === undefined ? [] : due(current, this.now())
        if (current === undefined || targets.length === 0) return
        await withDeadline(restoreWithinMs, this.#stop.signal, (signal) =>
          this.putBack(current, targets, signal, 'its time is over'),
        )
      }).catch((error: unknown) => {
        const { vmUuid } = record
        if (this.#stop.signal.aborted) return
        this.#trouble.warn(vmUuid, performance.now(), { err: error, vmUuid }, 'a limit whose time is over stays as yet')
      })
    }
  }

  /**
   * Its host is being opened, is away or can only be read: it is waited for as long as the configuration has it. How long this life has lasted counts too:
   * the wall clock may have been set, and an agent that was off for days has not looked yet.
   */
  #withoutHost(record: LimitRecord, now: number): void {
    const { hostId, vmUuid } = record
    const forMs = this.options.monotonicMs() - this.#startedAtMs
    if (!this.options.mayHave(hostId) && forMs > forgetAfterMs && isLongOver(record, now)) this.#forget(record)
    else if (forMs > openedWithinMs)
      this.#trouble.warn(vmUuid, performance.now(), { hostId, vmUuid }, 'a limit is over, and its host is not open')
  }

  /** Of a host that this agent has no more: nobody can end it from here, nor is it known to be in force. */
  #forget(record: LimitRecord): void {
    const { hostId, vmUuid, vmName, disks } = record
    this.inTurn(record, async () => {
      const why = 'its time is over since a day, and this agent has no such host any more'
      const what = { event: 'limit-ended', vm: vmName, vmUuid, hostId, disks: Object.keys(disks), why }
      await this.options.audit({ ...what, came: 'it was left as it is' })
      await this.remove(record)
    }).catch((error: unknown) => {
      this.#trouble.warn(vmUuid, performance.now(), { err: error, vmUuid }, 'the record of a limit stays as yet')
    })
  }

  #change(key: string, record: LimitRecord | undefined): Promise<void> {
    const change = this.#saving.then(async () => {
      const next = new Map(this.#records)
      if (record === undefined) next.delete(key)
      else next.set(key, record)
      await this.options.store.save([...next.values()])
      if (record === undefined) this.#records.delete(key)
      else this.#records.set(key, record)
    })
    this.#saving = change.catch(() => undefined)
    return change
  }
}

/**
 * What of a record is in force in a run, given the limits that are there: all in the run that was limited. Another one begins as its definition
 * says, unless it goes on from a saved state, which has the limits in it.
 */
export function inForce(
  { runId, disks }: Pick<LimitRecord, 'runId' | 'disks'>,
  runNow: string,
  there: ReadonlyMap<string, DiskLimits>,
): LimitRecord['disks'] {
  if (runId === runNow) return disks
  return Object.fromEntries(
    Object.entries(disks).filter(([target, { limited }]) => areSameLimits(there.get(target) ?? {}, limited)),
  )
}

/** @returns what is still to be ended later; undefined: nothing */
async function putBackOn(
  control: VmControl,
  record: LimitRecord,
  targets: readonly string[],
  signal: AbortSignal,
): Promise<{ readonly left: LimitRecord | undefined; readonly says: string }> {
  const { vmUuid, runId } = record
  const vm = await control.look(vmUuid, signal)
  if (vm === undefined) return { left: undefined, says: 'the VM is not on this host any more' }
  const ended = 'that run of the VM has ended: a limit does not outlive it'
  if (vm.runId === '') {
    if ((await control.saving?.hasSaved(vmUuid, signal)) === true)
      throw new Error('the VM is saved with its limits: they are ended when it goes on')
    return { left: undefined, says: ended }
  }
  const parts = needed(control.disks)
  const there = await parts.limits(vmUuid, signal)
  const own = inForce(record, vm.runId, there)
  for (const target of targets) {
    const old = own[target]?.old
    // A disk that was taken away took its limit with it.
    if (old !== undefined && there.has(target)) await parts.setLimits(vmUuid, target, old, signal)
  }
  const left = Object.fromEntries(Object.entries(own).filter(([target]) => !targets.includes(target)))
  return {
    left: Object.keys(left).length === 0 ? undefined : { ...record, runId: vm.runId, disks: left },
    says: vm.runId === runId || Object.keys(own).length > 0 ? 'what was in force before is back' : ended,
  }
}

/** Of the agent's data directory. */
export const limitsFile = 'limits.json'

/** Whether an earlier life of the agent has left limits that are to be ended. Synchronous: for starts. */
export function limitsStand(dataDir: string): boolean {
  try {
    return readFileSync(join(dataDir, limitsFile), 'utf8').trim() !== '[]'
  } catch {
    return false
  }
}

/** All records in one file, replaced whole. */
export class LimitFile implements LimitStore {
  constructor(
    private readonly path: string,
    private readonly log: Log,
  ) {}

  /** What cannot be read is set aside. */
  async load(): Promise<readonly LimitRecord[]> {
    let content: string
    try {
      content = await readFile(this.path, 'utf8')
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return []
      throw error
    }
    const records = z.array(limitRecord).safeParse(parsed(content))
    if (records.success) return records.data
    this.log.error({ file: this.path }, 'the record of limits is damaged, and is set aside: limits stay as they are')
    await rename(this.path, `${this.path}.damaged`)
    return []
  }

  save(records: readonly LimitRecord[]): Promise<void> {
    return writeDurably(this.path, JSON.stringify(records))
  }
}

function parsed(content: string): unknown {
  try {
    return JSON.parse(content)
  } catch {
    return undefined
  }
}

/** Disks whose limit is over. */
function due({ disks, setAtMs }: LimitRecord, now: number): readonly string[] {
  const isLost = now < setAtMs - clockBackMs
  return Object.entries(disks).flatMap(([target, { untilMs }]) => (isLost || untilMs <= now ? [target] : []))
}

function isLongOver({ disks }: LimitRecord, now: number): boolean {
  return Object.values(disks).every(({ untilMs }) => now > untilMs + forgetAfterMs)
}

function keyOf({ hostId, vmUuid }: Pick<LimitRecord, 'hostId' | 'vmUuid'>): string {
  return `${hostId} ${vmUuid}`
}
