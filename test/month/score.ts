import { subjectText } from '../../controller/model/finding.js'
import type { Change, Message } from '../../controller/model/alert.js'
import { matchesPattern } from '../../controller/policy/match.js'
import type { Label, Saying } from './scenario.js'

/** What became of one label. */
export interface Outcome {
  readonly label: Label
  /** From its beginning to the message that first tells of it; undefined: nobody was told. */
  readonly toldAfterMs: number | undefined
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

/** Holds messages against labels: a message counts as other if one of its changes belongs to no label. */
export class Judge {
  /** The label that each alert belongs to, by its number; an alert keeps it to its end. */
  readonly #labelOf = new Map<number, Label | undefined>()
  readonly #toldAt = new Map<Label, number>()
  readonly #others: Other[] = []
  #messages = 0

  constructor(private readonly labels: readonly Label[]) {}

  hear({ atMs, changes }: Message): void {
    this.#messages += 1
    const foreign = changes.filter((change) => !this.#belongs(change, atMs))
    if (foreign.length > 0) this.#others.push({ atMs, changes: foreign.map(changeText) })
  }

  score(startMs: number, days: number): Score {
    const weeks = Math.ceil((days * 86_400_000) / weekMs)
    const byWeek = Array.from({ length: weeks }, (_, week) => week).map(
      (week) => this.#others.filter(({ atMs }) => Math.floor((atMs - startMs) / weekMs) === week).length,
    )
    return {
      outcomes: this.labels.map((label) => {
        const at = this.#toldAt.get(label)
        return { label, toldAfterMs: at === undefined ? undefined : at - label.fromMs }
      }),
      messages: this.#messages,
      others: this.#others,
      othersByWeek: byWeek,
    }
  }

  #belongs({ what, alert }: Change, atMs: number): boolean {
    const { number, check, subject, firedAtMs } = alert
    if (!this.#labelOf.has(number)) {
      const saying = { check, subject: subjectText(subject) }
      this.#labelOf.set(number, labelFor(this.labels, saying, firedAtMs))
    }
    const label = this.#labelOf.get(number)
    if (label === undefined) return false
    const isMain = fits(label.main, { check, subject: subjectText(subject) })
    if (isMain && what === 'fired' && !this.#toldAt.has(label)) this.#toldAt.set(label, atMs)
    return true
  }
}

/** The label that something said at a moment belongs to: one whose main matter it is before one that allows it. */
export function labelFor(labels: readonly Label[], saying: Saying, atMs: number): Label | undefined {
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
