import { readFileSync } from 'node:fs'

import { parse, stringify } from 'yaml'
import { z } from 'zod'

import { parseFleet } from '../../common/fleet-file/fleet-file.js'
import type { FleetSpec } from '../../common/fleet-file/fleet-spec.js'
import { duration, loadConfig, share } from '../../common/config.js'
import { eventLabel, type EventLabel } from '../../common/event-labels.js'
import type { Policy } from '../../controller/model/policy.js'
import { loadPolicy } from '../../controller/policy/policy-file.js'

/**
 * A stretch of a fleet's life as data: what happens, what people do, and, said beforehand, which events somebody must act on.
 * Moments are `day 5 14:30`: local time of the fleet's users, the first day is day 1.
 */
export interface Scenario {
  /** With what happens as its timeline. */
  readonly fleet: FleetSpec
  readonly policy: Policy
  readonly startMs: number
  readonly days: number
  /** Agents that are away: nothing is heard of their hosts. */
  readonly away: readonly { readonly host: string; readonly fromMs: number; readonly untilMs: number }[]
  /** What is left of the disk of the controller's data, 0 to 1, from a moment on. */
  readonly disk: readonly { readonly atMs: number; readonly freeShare: number }[]
  /** Certificates of agents that are not renewed by themselves. */
  readonly certificates: readonly { readonly host: string; readonly endsMs: number; readonly renewedMs: number }[]
  readonly acts: readonly OperatorAct[]
  readonly labels: readonly EventLabel[]
  /** Those that are still open at the end: nothing is asked of them, and what is told of them is nothing else. */
  readonly open: readonly EventLabel[]
}

/** What an operator does, as far as it decides what is told. */
export type OperatorAct =
  /** Of all that fires then. */
  | { readonly atMs: number; readonly does: 'acknowledge'; readonly why: string }
  | {
      readonly atMs: number
      readonly does: 'silence'
      readonly check: string | undefined
      readonly subject: string | undefined
      readonly forMs: number
      readonly why: string
    }

const dayMs = 86_400_000
const momentPattern = /^day ([1-9]\d{0,2}) ([01]\d|2[0-3]):([0-5]\d)$/

/** Milliseconds since the start. */
const moment = z.string().transform((text, context) => {
  const [, day, hour, minute] = momentPattern.exec(text) ?? []
  if (day === undefined) {
    context.addIssue({ code: 'custom', message: 'a moment such as "day 5 14:30"' })
    return z.NEVER
  }
  return (Number(day) - 1) * dayMs + Number(hour) * 3_600_000 + Number(minute) * 60_000
})

const text = z.string().min(1).max(300)

const file = z.strictObject({
  fleet: text,
  policy: text,
  start: z.iso.datetime({ offset: true }),
  days: z.int().min(1).max(366),
  timeline: z.array(z.looseObject({ at: moment })),
  away: z.array(z.strictObject({ host: text, at: moment, until: moment })).default([]),
  disk: z.array(z.strictObject({ at: moment, free: share })).default([]),
  certificates: z.array(z.strictObject({ host: text, ends: moment, renewed: moment })).default([]),
  operator: z
    .array(
      z.discriminatedUnion('does', [
        z.strictObject({ at: moment, does: z.literal('acknowledge'), why: text }),
        z
          .strictObject({
            at: moment,
            does: z.literal('silence'),
            check: text.optional(),
            subject: text.optional(),
            for: duration,
            why: text,
          })
          .refine(({ check, subject }) => check !== undefined || subject !== undefined, 'check, subject or both'),
      ]),
    )
    .default([]),
  labels: z.array(eventLabel(moment)),
})

/**
 * Reads a scenario. Fleet and policy are named from the working directory.
 * @throws ConfigError naming key, expectation and value of every problem
 */
export function loadScenario(path: string): Scenario {
  const { fleet, policy, start, days, timeline, away, disk, certificates, operator, labels } = loadConfig(path, file)
  const startMs = Date.parse(start)
  return {
    fleet: withTimeline(fleet, timeline),
    policy: loadPolicy(policy).policy,
    startMs,
    days,
    away: away.map(({ host, at, until }) => ({ host, fromMs: startMs + at, untilMs: startMs + until })),
    disk: disk.map(({ at, free }) => ({ atMs: startMs + at, freeShare: free })),
    certificates: certificates.map(({ host, ends, renewed }) => {
      return { host, endsMs: startMs + ends, renewedMs: startMs + renewed }
    }),
    acts: operator
      .map(({ at, ...act }): OperatorAct => {
        if (act.does === 'acknowledge') return { atMs: startMs + at, ...act }
        const { for: forMs, check, subject, does, why } = act
        return { atMs: startMs + at, forMs, check, subject, does, why }
      })
      .toSorted((a, b) => a.atMs - b.atMs),
    labels: labels.map((label) => labelAt(label, startMs)),
    open: [],
  }
}

/** A label that counts from the start, in the time of the epoch. */
export function labelAt(label: EventLabel, startMs: number): EventLabel {
  const { fromMs, untilMs, overMs } = label
  return {
    ...label,
    fromMs: startMs + fromMs,
    untilMs: startMs + untilMs,
    overMs: overMs === undefined ? undefined : startMs + overMs,
  }
}

/** The scenario up to the end of a day. */
export function firstDays(scenario: Scenario, days: number): Scenario {
  const endMs = scenario.startMs + days * dayMs
  const begun = scenario.labels.filter(({ fromMs }) => fromMs < endMs)
  const isOver = ({ untilMs }: EventLabel): boolean => untilMs <= endMs
  return { ...scenario, days, labels: begun.filter(isOver), open: begun.filter((label) => !isOver(label)) }
}

/** The fleet of a file with another timeline, under the checks that a fleet file gets. */
function withTimeline(path: string, timeline: readonly { readonly at: number }[]): FleetSpec {
  const fleet: unknown = parse(readFileSync(path, 'utf8'))
  const events = timeline.map((event) => ({ ...event, at: `${event.at}ms` }))
  return parseFleet(stringify({ ...Object(fleet), timeline: events, labels: [] }), path)
}
