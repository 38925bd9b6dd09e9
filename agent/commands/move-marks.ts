import { readFileSync } from 'node:fs'
import { readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'

import { z } from 'zod'

import { withDeadline } from '../../common/deadline.js'
import { writeDurably } from '../../common/durable-file.js'
import { errorCode } from '../../common/error-code.js'
import { LimitedLog } from '../../common/limited-log.js'
import type { Log } from '../../common/log.js'
import type { VmControl, VmNow } from '../hypervisor/hypervisor.js'
import { isOff, isRunning } from './verbs/verb-work.js'

/**
 * - `leaving`: this agent has begun to move it to another host
 * - `left`: this agent has moved it, and it is off here
 * - `expected`: it was announced as one that comes here, and did not run here then
 * - `arrived`: it was, and runs here
 */
export const markKinds = ['leaving', 'left', 'expected', 'arrived'] as const

const moveMark = z.object({
  hostId: z.string(),
  vmUuid: z.string(),
  // Earlier versions wrote none.
  vmName: z.string().default(''),
  kind: z.enum(markKinds),
  moveId: z.string(),
  runId: z.string(),
  wasDefined: z.boolean(),
  isEnding: z.literal(true).optional(),
  atMs: z.number(),
})

/** What this agent itself did, or let be announced, of a VM's move. */
export interface MoveMark {
  readonly hostId: string
  readonly vmUuid: string
  /** As which `allow` let it move; empty: an earlier version has not written it down. */
  readonly vmName: string
  readonly kind: (typeof markKinds)[number]
  /** Id of the command that moves it. */
  readonly moveId: string
  /** The run that leaves; of one that is expected the run that was seen to come in, empty before that. */
  readonly runId: string
  /** Of one that is expected: the host had a copy that was off, and not one that a move had left. That one is never taken away. */
  readonly wasDefined: boolean
  /** Of one that leaves: this agent ends the halted run, or has ended it. Written before it is done. */
  readonly isEnding?: true | undefined
  /** This machine's wall clock, milliseconds since the epoch. */
  readonly atMs: number
}

export interface MoveMarksOptions {
  readonly path: string
  readonly control: (hostId: string) => VmControl | undefined
  /** This machine's wall clock. */
  readonly now: () => number
  readonly log: Log
}

const mostMarks = 256
/** A VM that comes in is halted for its move for a second or more, and only then is seen to be that. */
const lookEveryMs = 1000
/** At others, each so many looks. */
const lookAtAllEvery = 5
const lookWithinMs = 10_000
/** A person may need that long to say where a VM goes on. */
const keptForMs = 7 * 86_400_000
/** What was announced and has not come: a move takes two hours at most. */
const expectedForMs = 3 * 3_600_000
const troubleLines = { most: 2, windowMs: 600_000, mostKeys: 16 } as const

/** Owner of all marks: durable before they count, and void once the VM is seen to do what they do not tell of. */
export class MoveMarks {
  readonly #marks = new Map<string, MoveMark>()
  readonly #stop = new AbortController()
  readonly #trouble: LimitedLog
  #saving: Promise<unknown> = Promise.resolve()
  #looking: Promise<void> | undefined
  #timer: NodeJS.Timeout | undefined
  #looks = 0

  constructor(private readonly options: MoveMarksOptions) {
    this.#trouble = new LimitedLog(options.log, troubleLines)
  }

  async start(): Promise<void> {
    for (const mark of await load(this.options)) this.#marks.set(keyOf(mark), mark)
    this.#timer = setInterval(() => this.#lookSoon(), lookEveryMs)
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer)
    this.#stop.abort()
    await this.#looking
    await this.#saving
  }

  of(hostId: string, vmUuid: string): MoveMark | undefined {
    const mark = this.#marks.get(keyOf({ hostId, vmUuid }))
    return mark === undefined || this.#isOld(mark) ? undefined : mark
  }

  /** Durable when it resolves. @throws Error if there are too many, or of the file system */
  async put(mark: Omit<MoveMark, 'atMs'>): Promise<void> {
    const key = keyOf(mark)
    await this.#change((marks) => {
      for (const [other, old] of marks) if (this.#isOld(old)) marks.delete(other)
      if (!marks.has(key) && marks.size >= mostMarks) throw new Error(`${mostMarks} moves are known here already`)
      marks.set(key, { ...mark, atMs: this.options.now() })
    })
  }

  /** Durable when it resolves. */
  async remove(mark: Pick<MoveMark, 'hostId' | 'vmUuid'>): Promise<void> {
    if (!this.#marks.has(keyOf(mark))) return
    await this.#change((marks) => marks.delete(keyOf(mark)))
  }

  /** Looks at every VM with a mark: one that runs here has not left, nor is it still to come. @param all not only at those that may be coming in just now */
  async look(all = true): Promise<void> {
    const changed = new Map<MoveMark, MoveMark | undefined>()
    for (const mark of this.#marks.values()) {
      if (this.#stop.signal.aborted) return
      const control = this.options.control(mark.hostId)
      if (control === undefined || mark.kind === 'arrived' || (mark.kind === 'leaving' && mark.isEnding !== true))
        continue
      const isLate = this.options.now() > mark.atMs + expectedForMs
      if (!all && (mark.kind !== 'expected' || mark.runId !== '' || isLate)) continue
      const vm = await withDeadline(lookWithinMs, this.#stop.signal, (signal) => control.look(mark.vmUuid, signal))
      if (mark.kind === 'left' && (vm === undefined || !isOff(vm))) changed.set(mark, undefined)
      else if (mark.kind === 'leaving' && (vm === undefined || (!isOff(vm) && vm.runId !== mark.runId)))
        changed.set(mark, undefined)
      else if (mark.kind === 'expected' && vm !== undefined && isRunning(vm))
        changed.set(mark, { ...mark, kind: 'arrived' })
      else if (mark.kind === 'expected' && vm !== undefined && comesIn(vm) && mark.runId !== vm.runId)
        changed.set(mark, { ...mark, runId: vm.runId })
      else if (mark.kind === 'expected' && vm === undefined && isLate) changed.set(mark, undefined)
    }
    if (changed.size === 0) return
    await this.#change((marks) => {
      for (const [mark, next] of changed) {
        // It may have become another one meanwhile.
        if (marks.get(keyOf(mark)) !== mark) continue
        if (next === undefined) marks.delete(keyOf(mark))
        else marks.set(keyOf(mark), next)
      }
    })
  }

  #lookSoon(): void {
    if (this.#marks.size === 0 || this.#looking !== undefined) return
    this.#looks += 1
    this.#looking = this.look(this.#looks % lookAtAllEvery === 0)
      .catch((error: unknown) => {
        if (this.#stop.signal.aborted) return
        this.#trouble.warn('look', performance.now(), { err: error }, 'VMs that move could not be looked at')
      })
      .finally(() => {
        this.#looking = undefined
      })
  }

  #isOld(mark: MoveMark): boolean {
    return isOld(mark, this.options.now())
  }

  #change(alter: (marks: Map<string, MoveMark>) => void): Promise<void> {
    const done = this.#saving.then(() => this.#altered(alter))
    this.#saving = done.catch(() => undefined)
    return done
  }

  async #altered(alter: (marks: Map<string, MoveMark>) => void): Promise<void> {
    const next = new Map(this.#marks)
    alter(next)
    await writeDurably(this.options.path, JSON.stringify([...next.values()]))
    this.#marks.clear()
    for (const [key, mark] of next) this.#marks.set(key, mark)
  }
}

/** Halted as libvirt halts what another host sends it. Once it is all there, it calls it halted by its user. */
function comesIn({ state, stateReason }: VmNow): boolean {
  return state === 'paused' && stateReason === 'migration'
}

/** Of the agent's data directory. */
export const movesFile = 'moves.json'

/** Whether an earlier life of the agent has begun moves that may not have come to their end. Synchronous: for starts. */
export function movesStand(dataDir: string, nowMs: number): boolean {
  try {
    const marks = z.array(moveMark).safeParse(parsed(readFileSync(join(dataDir, movesFile), 'utf8')))
    return marks.success && marks.data.some((mark) => mark.kind !== 'arrived' && !isOld(mark, nowMs))
  } catch {
    return false
  }
}

function isOld({ atMs }: MoveMark, nowMs: number): boolean {
  return Math.abs(nowMs - atMs) > keptForMs
}

/** What cannot be read is set aside: moves that it told of end as far as they are, and a person looks. */
async function load({ path, log }: Pick<MoveMarksOptions, 'path' | 'log'>): Promise<readonly MoveMark[]> {
  let content: string
  try {
    content = await readFile(path, 'utf8')
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return []
    throw error
  }
  const marks = z.array(moveMark).safeParse(parsed(content))
  if (marks.success) return marks.data
  log.error({ file: path }, 'the marks of moves are damaged, and are set aside')
  await rename(path, `${path}.damaged`)
  return []
}

function parsed(content: string): unknown {
  try {
    return JSON.parse(content)
  } catch {
    return undefined
  }
}

function keyOf({ hostId, vmUuid }: Pick<MoveMark, 'hostId' | 'vmUuid'>): string {
  return `${hostId} ${vmUuid}`
}
