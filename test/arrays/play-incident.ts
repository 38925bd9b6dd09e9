import { newCulprits, step } from '../../controller/arrays/culprits.js'
import { isBlamed } from '../../controller/checks/load/array-culprits.js'
import { steadied } from '../../controller/arrays/steady-suspects.js'
import { rank } from '../../controller/arrays/suspects.js'
import type { ArrayCacheState } from '../../controller/model/array-condition.js'
import { nobodySuspected, type Culprits } from '../../controller/model/culprits.js'
import { Dice } from './dice.js'
import { incidentCase, type IncidentCase, type IncidentKind } from './incident-cases.js'
import { Reports } from './incident-reports.js'
import { loadOf, stepShared, type Got, type SharedState } from './shared-array.js'

export interface Verdict {
  readonly kind: IncidentKind
  readonly timed: boolean
  /** The first suspect is right; a herd: six of ten of those named are in it, and six of ten of it are named. */
  readonly isRight: boolean
  readonly isRightByBytes: boolean
  /** Of those who are named (surely or likely), how many are innocent. */
  readonly namedWrong: number
  /** Of those who clearly wait longer, how many are named; of those named, how many clearly do not. */
  readonly victimsFound: number
  readonly victimsWrong: number
  readonly culprits: Culprits
  readonly fillSeconds: number
  /** How often another was named first after the array was full. */
  readonly firstChanged: number
}

const startMs = Date.UTC(2026, 2, 2)
const judgedAfterSeconds = 10
const mostFillSeconds = 100
const freezesAfterSeconds = 3
const judgedAfterFreezeSeconds = 25

/** The first case of this kind from this seed in which the culprit, and nobody without it, fills the array. */
export function playIncident(kind: IncidentKind, seed: number): Verdict {
  for (let attempt = 0; ; attempt += 1) {
    const purpose = `${kind} ${attempt}`
    const fullAt = fullSecond(incidentCase(kind, new Dice(seed, purpose)))
    if (fullAt === undefined || isFullWithout(incidentCase(kind, new Dice(seed, purpose)))) continue
    return judge(incidentCase(kind, new Dice(seed, purpose)), new Dice(seed, `${purpose} reports`), fullAt)
  }
}

/** When it has been full for most of 2 s. */
function fullSecond(of: IncidentCase): number | undefined {
  const state: SharedState = { fillBytes: 0, fillSeconds: 0 }
  let fullSteps = 0
  for (let second = 0; second < of.startSecond + mostFillSeconds; second += 1) {
    const wants = of.users.map((user) => user.wants(second))
    for (let tenth = 0; tenth < 10; tenth += 1) {
      fullSteps = stepShared(of.spec, state, wants, 0.1).isFull ? fullSteps + 1 : Math.max(0, fullSteps - 1)
      if (fullSteps >= 15) return second < of.startSecond ? undefined : second
    }
  }
  return undefined
}

function isFullWithout(of: IncidentCase): boolean {
  const users = of.users.map((user) =>
    of.culprits.has(user.id) ? { ...user, wants: (second: number) => user.wants(second % of.startSecond) } : user,
  )
  return isEverFull({ ...of, users })
}

function isEverFull(of: IncidentCase): boolean {
  const state: SharedState = { fillBytes: 0, fillSeconds: 0 }
  for (let second = 0; second < of.startSecond + mostFillSeconds; second += 1) {
    const wants = of.users.map((user) => user.wants(second))
    for (let tenth = 0; tenth < 10; tenth += 1) if (stepShared(of.spec, state, wants, 0.1).isFull) return true
  }
  return false
}

function judge(of: IncidentCase, dice: Dice, fullAt: number): Verdict {
  const reports = new Reports(of, dice, startMs)
  const array: SharedState = { fillBytes: 0, fillSeconds: 0 }
  const before = of.users.map(() => new MeanWait())
  const during = of.users.map(() => new MeanWait())
  const freezeAt = of.freezes ? fullAt + freezesAfterSeconds : Infinity
  const until = of.freezes ? freezeAt + judgedAfterFreezeSeconds : fullAt + judgedAfterSeconds
  let state = newCulprits(startMs)
  let culprits = nobodySuspected
  let firstChanged = 0
  let fullSeconds = 0
  for (let second = 0; second < until; second += 1) {
    const wants = of.users.map((user) => user.wants(second))
    let fullSteps = 0
    for (let tenth = 0; tenth < 10; tenth += 1) {
      const isFrozen = second >= freezeAt
      const { got, isFull } = isFrozen
        ? { got: wants.map(() => nothingGot), isFull: false }
        : stepShared(of.spec, array, wants, 0.1)
      if (isFull) fullSteps += 1
      reports.add(second * 10 + tenth, got)
      const means = second < of.startSecond ? before : second >= until - 5 ? during : undefined
      for (const [index, one] of got.entries()) means?.[index]?.add(one)
    }
    fullSeconds = fullSteps > 5 ? fullSeconds + 1 : 0
    const isStalled = second >= freezeAt + 5
    const seen = isStalled
      ? 'stalled'
      : seenState(of, array, { isFull: fullSeconds > 2, load: loadOf(of.spec, wants) }, dice)
    const at = startMs + second * 1000 + 950 + dice.between(-100, 100)
    const stepIndex = Math.floor((at - startMs) / 100)
    state = step(state, { at, state: seen, contributions: reports.told(stepIndex) })
    if (second < of.startSecond) continue
    const first = firstOf(culprits)
    culprits = steadied(
      culprits,
      rank(state, () => []),
    )
    // While the array is full and alerts are written.
    if (second > fullAt && firstOf(culprits) !== first) firstChanged += 1
  }
  return verdictOf(of, culprits, { before, during, fillSeconds: fullAt - of.startSecond, firstChanged })
}

function firstOf({ suspects: [first] }: Culprits): string | undefined {
  return first?.isHerd === true ? 'herd' : first?.members[0]?.id
}

const nothingGot: Got = { writeBytes: 0, writeRequests: 0, readBytes: 0, readRequests: 0, writeMs: 0, readMs: 0 }

/** The state as a model would tell it: 2 s late, and wrong in one of ten seconds. */
function seenState(
  { spec }: IncidentCase,
  { fillBytes }: SharedState,
  { isFull, load }: { readonly isFull: boolean; readonly load: number },
  dice: Dice,
): ArrayCacheState {
  if (dice.happens(0.1)) return dice.pick(['idle', 'filling', 'near-full', 'saturated', 'draining', 'unknown'])
  if (isFull) return 'saturated'
  const level = fillBytes / spec.cacheBytes
  if (load > 1 && level > 0.02) return level > 0.8 ? 'near-full' : 'filling'
  return level > 0.08 ? 'draining' : 'idle'
}

class MeanWait {
  readonly #read = { ms: 0, requests: 0 }
  readonly #write = { ms: 0, requests: 0 }

  add({ readMs, readRequests, writeMs, writeRequests }: Got): void {
    this.#read.ms += readMs * readRequests
    this.#read.requests += readRequests
    this.#write.ms += writeMs * writeRequests
    this.#write.requests += writeRequests
  }

  /** How many times as long as before, of the worse way with a few requests; 0: nothing was asked. */
  times(before: MeanWait): number {
    return Math.max(timesOf(this.#read, before.#read), timesOf(this.#write, before.#write))
  }
}

interface Way {
  readonly ms: number
  readonly requests: number
}

function timesOf(now: Way, before: Way): number {
  if (now.requests < 3 || before.requests < 10) return 0
  const ms = now.ms / now.requests
  const msBefore = before.ms / before.requests
  return ms - msBefore < 2 ? Math.min(1, ms / msBefore) : ms / msBefore
}

function verdictOf(
  of: IncidentCase,
  culprits: Culprits,
  truth: {
    readonly before: readonly MeanWait[]
    readonly during: readonly MeanWait[]
    readonly fillSeconds: number
    readonly firstChanged: number
  },
): Verdict {
  const named = new Set(culprits.victims.map(({ id }) => id))
  const others = of.users
    .map((user, index) => ({ user, index }))
    .filter(({ user }) => !user.isHost && !of.culprits.has(user.id))
  const times = ({ index }: { readonly index: number }): number => {
    const before = truth.before[index]
    return before === undefined ? 0 : (truth.during[index]?.times(before) ?? 0)
  }
  // Between clearly longer and clearly not nobody is judged.
  const clear = others.filter((one) => of.freezes || times(one) >= 2.5)
  const unharmed = others.filter((one) => !of.freezes && times(one) > 0 && times(one) < 1.5)
  return {
    kind: of.kind,
    timed: of.timed,
    isRight: isRight(of, culprits.suspects[0]?.members.map(({ id }) => id) ?? []),
    namedWrong: innocentShare(of, culprits),
    isRightByBytes: isRight(of, culprits.mostBytes === undefined ? [] : [culprits.mostBytes.id]),
    victimsFound: clear.length === 0 ? 1 : clear.filter(({ user }) => named.has(user.id)).length / clear.length,
    victimsWrong: named.size === 0 ? 0 : unharmed.filter(({ user }) => named.has(user.id)).length / named.size,
    culprits,
    fillSeconds: truth.fillSeconds,
    firstChanged: truth.firstChanged,
  }
}

function innocentShare(of: IncidentCase, { suspects }: Culprits): number {
  const ids = suspects.filter(isBlamed).flatMap(({ members }) => members.map(({ id }) => id))
  return ids.length === 0 ? 0 : ids.filter((id) => !of.culprits.has(id)).length / ids.length
}

function isRight({ kind, culprits }: IncidentCase, named: readonly string[]): boolean {
  const right = named.filter((id) => culprits.has(id)).length
  if (kind !== 'cron-herd') return right > 0 && right === named.length
  return right >= 0.6 * named.length && right >= 0.6 * culprits.size
}
