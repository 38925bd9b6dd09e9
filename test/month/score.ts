import type { EventLabel, Saying } from '../../common/event-labels.js'
import { formatDuration } from '../../common/units.js'
import { subjectText } from '../../controller/model/finding.js'
import type { AlertSummary, Change, Message } from '../../controller/model/alert.js'
import { matchesPattern } from '../../controller/policy/match.js'

/** What became of one label. */
export interface Outcome {
  readonly label: EventLabel
  /** From its beginning to the message that first tells of it; undefined: nobody was told. */
  readonly toldAfterMs: number | undefined
  /** Whom that message named about it: subjects, hosts, owners, those who cause it and those who wait. */
  readonly named: ReadonlySet<string>
  /** From the end of the matter until it was told that it is over; undefined: the label knows no end, or that was never told. */
  readonly resolvedAfterMs: number | undefined
  /** It was told to be over while it was not, be it that it was told anew later. */
  readonly endedEarly: boolean
  /** Messages with something about it. */
  readonly messages: number
}

/** What an operator would complain of. */
export function faultsOf({ label, toldAfterMs, named, resolvedAfterMs, endedEarly }: Outcome): string[] {
  if (toldAfterMs === undefined) return ['nobody was told']
  const unnamed = label.names.filter((name) => !named.has(name))
  return [
    ...(toldAfterMs > label.withinMs ? [`told later than ${formatDuration(label.withinMs)}`] : []),
    ...(unnamed.length > 0 ? [`not named: ${unnamed.join(', ')}`] : []),
    ...(label.overMs !== undefined && resolvedAfterMs === undefined ? ['nobody was told of its end'] : []),
    ...(endedEarly ? ['its end was told too early'] : []),
  ]
}

/** A message with something in it that nobody has to act on. */
export interface Other {
  readonly atMs: number
  readonly changes: readonly string[]
}

export interface Score {
  readonly outcomes: readonly Outcome[]
  readonly messages: number
  readonly others: readonly Other[]
  /** Others in each week from the start; the last may be short. */
  readonly othersByWeek: readonly number[]
}

const weekMs = 7 * 86_400_000

/** What was heard about a label so far. */
interface Heard {
  toldMs: number | undefined
  readonly named: Set<string>
  /** Numbers of alerts of its main matter that were told and not yet told to be over. */
  readonly open: Set<number>
  closedMs: number | undefined
  endedEarly: boolean
  messages: number
}

/** Holds messages against labels: a message counts as other if one of its changes belongs to no label. */
export class Judge {
  /** The label that each alert belongs to, by its number; an alert keeps it to its end. */
  readonly #labelOf = new Map<number, EventLabel | undefined>()
  readonly #heard: ReadonlyMap<EventLabel, Heard>
  readonly #others: Other[] = []
  #messages = 0

  /** @param open labels that nothing is asked of */
  constructor(
    private readonly labels: readonly EventLabel[],
    private readonly open: readonly EventLabel[] = [],
  ) {
    this.#heard = new Map(
      labels.map((label) => [
        label,
        { toldMs: undefined, named: new Set(), open: new Set(), closedMs: undefined, endedEarly: false, messages: 0 },
      ]),
    )
  }

  hear({ atMs, changes }: Message): void {
    this.#messages += 1
    const about = new Set<Heard>()
    const foreign: Change[] = []
    for (const change of changes) {
      const label = this.#labelFor(change)
      if (label === undefined) foreign.push(change)
      const heard = label === undefined ? undefined : this.#heard.get(label)
      if (label === undefined || heard === undefined) continue
      about.add(heard)
      if (isMain(label, change)) hearMain(heard, label, change, atMs)
    }
    for (const heard of about) heard.messages += 1
    if (foreign.length > 0) this.#others.push({ atMs, changes: foreign.map(changeText) })
  }

  score(startMs: number, days: number): Score {
    const weeks = Math.ceil((days * 86_400_000) / weekMs)
    const byWeek = Array.from({ length: weeks }, (_, week) => week).map(
      (week) => this.#others.filter(({ atMs }) => Math.floor((atMs - startMs) / weekMs) === week).length,
    )
    return {
      outcomes: Array.from(this.#heard, ([label, heard]) => outcomeOf(label, heard)),
      messages: this.#messages,
      others: this.#others,
      othersByWeek: byWeek,
    }
  }

  #labelFor({ alert: { number, check, subject, firedAtMs } }: Change): EventLabel | undefined {
    if (!this.#labelOf.has(number)) {
      const saying = { check, subject: subjectText(subject) }
      this.#labelOf.set(number, labelFor([...this.labels, ...this.open], saying, firedAtMs))
    }
    return this.#labelOf.get(number)
  }
}

function isMain({ main }: EventLabel, { alert: { check, subject } }: Change): boolean {
  return fits(main, { check, subject: subjectText(subject) })
}

function hearMain(heard: Heard, { overMs }: EventLabel, { what, alert }: Change, atMs: number): void {
  if (what === 'fired') {
    heard.toldMs ??= atMs
    heard.open.add(alert.number)
    if (heard.toldMs === atMs) for (const name of namesIn(alert)) heard.named.add(name)
  }
  if (what === 'resolved' && heard.open.delete(alert.number)) {
    heard.closedMs = atMs
    // Of several alerts of one matter the last one's end is its end.
    if (heard.open.size === 0 && overMs !== undefined && atMs < overMs) heard.endedEarly = true
  }
}

function namesIn({ subject, facts: { host, owners }, related }: AlertSummary): string[] {
  return [subject.name || subject.kind, host ?? '', ...owners, ...related.map((one) => one.subject.name)].filter(
    (name) => name !== '',
  )
}

function outcomeOf(label: EventLabel, { toldMs, named, open, closedMs, endedEarly, messages }: Heard): Outcome {
  const { fromMs, overMs } = label
  return {
    label,
    toldAfterMs: toldMs === undefined ? undefined : toldMs - fromMs,
    named,
    resolvedAfterMs: open.size > 0 || closedMs === undefined || overMs === undefined ? undefined : closedMs - overMs,
    endedEarly,
    messages,
  }
}

/** The label that something said at a moment belongs to: one whose main matter it is before one that allows it. */
export function labelFor(labels: readonly EventLabel[], saying: Saying, atMs: number): EventLabel | undefined {
  const then = labels.filter(({ fromMs, untilMs }) => fromMs <= atMs && atMs <= untilMs)
  return then.find(({ main }) => fits(main, saying)) ?? then.find(({ also }) => also.some((one) => fits(one, saying)))
}

function fits(pattern: Saying, { check, subject }: Saying): boolean {
  return matchesPattern(pattern.check, check) && matchesPattern(pattern.subject, subject)
}

function changeText({ what, alert }: Change): string {
  const { number, check, subject, severity, message } = alert
  return `${what} ${number} ${severity} ${check} ${subjectText(subject)}: ${message}`
}
