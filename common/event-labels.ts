import { z } from 'zod'

import { duration } from './config.js'
import { formatDuration } from './units.js'

/**
 * What a scenario of a fleet says beforehand: which of the events in it somebody must act on. Everything that is told is held against that;
 * nobody has to act on anything else. Times are milliseconds from wherever the scenario counts.
 */
export interface EventLabel {
  readonly fromMs: number
  /** What is told of it later is about something else. */
  readonly untilMs: number
  readonly main: Saying
  readonly why: string
  /** From its beginning: somebody must have been told by then. */
  readonly withinMs: number
  /** When the matter is over, if it ends: then that has to be told too. */
  readonly overMs: number | undefined
  /** Hosts, VMs, arrays and owners that the first message about it must name. */
  readonly names: readonly string[]
  /** What else may be told of the same matter, and need not be. */
  readonly also: readonly Saying[]
}

/** An alert of some check about some subject (`vm:kure`, `host:xenhv0*`). In patterns `*` stands for any characters. */
export interface Saying {
  readonly check: string
  readonly subject: string
}

const text = z.string().min(1).max(300)
const saying = z.strictObject({ check: text, subject: text })

/** A label in a file. @param moment how the scenario writes moments */
export function eventLabel(moment: z.ZodType<number>): z.ZodType<EventLabel> {
  return z
    .strictObject({
      at: moment,
      until: moment,
      over: moment.optional(),
      within: duration,
      names: z.array(text).min(1).max(100),
      ...saying.shape,
      why: text,
      also: z.array(saying).max(100).default([]),
    })
    .refine(({ at, until, over = at }) => at < until && at <= over, {
      path: ['until'],
      message: 'moments in this order: at, until; at, over',
    })
    .transform(({ at, until, over, within, names, check, subject, why, also }) => ({
      fromMs: at,
      untilMs: until,
      overMs: over,
      withinMs: within,
      names,
      main: { check, subject },
      why,
      also,
    }))
}

/** What a scenario says beforehand, for people. @param moment writes one */
export function labelLines(labels: readonly EventLabel[], moment: (atMs: number) => string): string[] {
  return [
    'Events that somebody must act on, said beforehand: when; until when somebody must have been told; by which check, about what; whom that must name; why:',
    ...labels.map((label) => {
      const cells = [
        moment(label.fromMs),
        `within ${formatDuration(label.withinMs)}`.padEnd(14),
        labelText(label).padEnd(36),
        `names ${label.names.join(', ')}:`,
        label.why,
      ]
      return `  ${cells.join('  ')}`
    }),
    'Nobody has to act on anything else that happens in it.',
  ]
}

export function labelText({ main }: EventLabel): string {
  return `${main.check} ${main.subject}`
}
