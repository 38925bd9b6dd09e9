import { type AlertTable, keptOf, rowsOf } from '../../../controller/alerts/alert-rows.js'
import { defaultAlertSettings, type AlertSettings } from '../../../controller/alerts/settings.js'
import { emptyAlertState, step, type AlertState, type Step } from '../../../controller/alerts/step.js'
import type { World } from '../../../controller/alerts/world.js'
import type { Change, Transition } from '../../../controller/model/alert.js'
import { finding, type Finding, type Related, type Severity, type Subject } from '../../../controller/model/finding.js'

/** A story of findings in short words, and what has to come of it, second by second. */
export interface Timeline {
  readonly name: string
  /** What is said from a second on, until something else is: words as `saidOf` reads them. */
  readonly say: Readonly<Record<number, string>>
  readonly until: number
  /** Lines of the history about silences as well. */
  readonly tellsSilences?: boolean
  /** `60 fired vm:a`, `65 tell fired vm:a`: in the order in which it happens. */
  readonly expect: readonly string[]
  readonly settings?: Partial<AlertSettings>
  /** What people do, before the step of that second. */
  readonly act?: Readonly<Record<number, (state: AlertState, atMs: number) => AlertState | undefined>>
  /** From that second on the wall clock goes wrong by so many seconds. */
  readonly wallOffBy?: Readonly<Record<number, number>>
  /** Before the steps of these seconds what is kept is read again, as a restart does. */
  readonly restartAt?: readonly number[]
  /** Seconds in which the controller is down: from, and how long. What it watched stands still. */
  readonly down?: Readonly<Record<number, number>>
}

export const beganAtMs = Date.UTC(2026, 0, 5)

/** One minute up, half a minute down, everything told at once to one webhook. */
export const plainSettings: AlertSettings = {
  ...defaultAlertSettings,
  defaultHold: { raiseAfterMs: 60_000, clearAfterMs: 30_000 },
  checks: {},
  routes: [
    {
      name: 'all',
      match: {},
      to: [{ kind: 'webhook', url: 'http://127.0.0.1/', secretFile: 'secret' }],
      groupBy: ['subject'],
      groupWaitMs: 0,
      groupIntervalMs: 0,
      repeatMs: 100 * 3_600_000,
    },
  ],
}

/** Runs a story with a step a second; gives what happened, as `expect` has it. */
export function played(timeline: Timeline): string[] {
  const settings = { ...plainSettings, ...timeline.settings }
  let state = emptyAlertState('t')
  let words = ''
  let offMs = 0
  let isFirst = true
  let downUntil = -1
  const happened: string[] = []
  for (let second = 0; second <= timeline.until; second += 1) {
    words = timeline.say[second] ?? words
    offMs = (timeline.wallOffBy?.[second] ?? offMs / 1000) * 1000
    const atMs = beganAtMs + second * 1000 + offMs
    const downFor = timeline.down?.[second]
    if (downFor !== undefined) downUntil = second + downFor
    if (second < downUntil) continue
    if (timeline.restartAt?.includes(second) === true || second === downUntil) state = restarted(state)
    if (second === downUntil) isFirst = true
    state = timeline.act?.[second]?.(state, atMs) ?? state
    const { findings, world } = saidOf(words)
    const done = step(state, findings, world, settings, { atMs, elapsedMs: isFirst ? 0 : 1000 })
    isFirst = false
    state = done.state
    const told = timeline.tellsSilences === true ? done.transitions : done.transitions.filter(isNotOfSilence)
    happened.push(...wordsOf({ ...done, transitions: told }).map((word) => `${second} ${word}`))
  }
  return happened
}

/** What a restart leaves of it. */
export function restarted(state: AlertState): AlertState {
  const rows = rowsOf({ state, queues: new Map(), refusals: new Map() })
  const onDisk = (table: AlertTable): [string, unknown][] =>
    [...rows[table]].map(([key, value]) => [key, JSON.parse(JSON.stringify(value))])
  const kept = keptOf(
    {
      alerts: onDisk('alerts'),
      alertGroups: onDisk('alertGroups'),
      alertQueue: onDisk('alertQueue'),
      alertRefusals: onDisk('alertRefusals'),
      alertSilences: onDisk('alertSilences'),
      alertFirings: onDisk('alertFirings'),
      alertMeta: onDisk('alertMeta'),
    },
    state.startId,
    (table, key) => {
      throw new Error(`${table} ${key} cannot be read again`)
    },
  )
  if (kept === undefined) throw new Error('nothing was kept')
  return kept.state
}

function isNotOfSilence({ what }: Transition): boolean {
  return what !== 'silenced' && what !== 'heard'
}

export function wordsOf({ transitions, messages }: Pick<Step, 'transitions' | 'messages'>): string[] {
  return [
    ...transitions.map(({ what, subject, severity, detail }) =>
      [what, `${subject.kind}:${subject.id}`, what === 'severity' ? severity : '', detail && `(${detail})`]
        .filter((word) => word !== '')
        .join(' '),
    ),
    ...messages.map(({ changes }) => `tell ${changes.map(changeWords).join(', ')}`),
  ]
}

function changeWords({ what, alert, before }: Change): string {
  const severity = before === undefined ? '' : ` ${before} to ${alert.severity}`
  return `${what} ${alert.subject.kind}:${alert.subject.id}${severity}`
}

const kinds: Readonly<Record<string, Subject['kind']>> = { h: 'host', a: 'array', g: 'agent' }

/**
 * Findings in words: `x` is one about the VM x (`h1` a host, `a1` an array, `g1` an agent), `x!` a critical one, `~x` one that only keeps,
 * `?x` says that nobody can look at x, `-x` that it is gone, `#x` that the policy excepts it; `a1>x` names x as a victim; `x@h1` puts x on a host.
 */
export function saidOf(words: string): { readonly findings: Finding[]; readonly world: World } {
  const findings: Finding[] = []
  const unseen = new Set<string>()
  const gone = new Set<string>()
  const excepted = new Set<string>()
  const inside = new Map<string, string>()
  for (const word of words.split(' ').filter((one) => one !== '')) {
    const [, sign = '', id = '', bang = '', victim, host] =
      /^([~?#-]?)(\w+)(!?)(?:>(\w+))?(?:@(\w+))?$/.exec(word) ?? []
    if (id === '') throw new Error(`no such word: ${word}`)
    const subject = subjectOf(id)
    if (host !== undefined) inside.set(keyOf(subject), keyOf(subjectOf(host)))
    if (sign === '?') unseen.add(keyOf(subject))
    else if (sign === '-') gone.add(keyOf(subject))
    else if (sign === '#') excepted.add(keyOf(subject))
    else
      findings.push(findingOf(subject, sign === '~' ? 'keep' : 'raise', bang === '!' ? 'critical' : 'warning', victim))
  }
  return {
    findings,
    world: {
      sight: ({ subject }) => {
        const key = keyOf(subject)
        if (excepted.has(key)) return 'excepted'
        return unseen.has(key) ? 'unseen' : gone.has(key) ? 'gone' : 'seen'
      },
      facts: () => ({ owners: [] }),
      around: (subject) => {
        const host = inside.get(keyOf(subject))
        return host === undefined ? [] : [host]
      },
      hasLeft: () => false,
    },
  }
}

function findingOf(subject: Subject, strength: Finding['strength'], severity: Severity, victim?: string): Finding {
  const check = { host: 'host-silent', array: 'array-saturated', agent: 'agent-silent', vm: 'slow', fleet: 'fleet' }[
    subject.kind
  ]
  const related: Related[] = victim === undefined ? [] : [{ role: 'victim', subject: subjectOf(victim) }]
  return finding({ check, severity, subject, strength, related, message: `${check} ${subject.id}` })
}

function subjectOf(id: string): Subject {
  return { kind: kinds[id[0] ?? ''] ?? 'vm', id, name: id }
}

function keyOf({ kind, id }: Subject): string {
  return `${kind}:${id}`
}
