import { patternTest } from './pattern.js'
import { allowedAs, isVerb, type VerbName } from './verbs.js'

/** Days as the agent's machine counts them. */
export const weekdays = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const
export type Weekday = (typeof weekdays)[number]

/** A line of an agent's `allow`: what it lets a controller do. What no line allows is refused. */
export interface AllowRule {
  readonly verbs: readonly VerbName[]
  /** Patterns of names of VMs, `*` for any characters. */
  readonly vms: readonly string[]
  /** Only then; always if absent. */
  readonly window?: AllowWindow | undefined
}

/** In the local time of the agent's machine. One that ends before it begins goes past midnight, and belongs to the day on which it begins. */
export interface AllowWindow {
  readonly days: readonly Weekday[]
  /** Minutes of the day; the end does not belong to it. Equal: the whole day. */
  readonly fromMinute: number
  readonly toMinute: number
}

/** A moment in the agent's local time. */
export interface LocalTime {
  readonly weekday: number
  readonly minute: number
}

const minutesOfDay = 1440

/** Why the rules do not allow it; undefined if one of them does. */
export function notAllowed(
  rules: readonly AllowRule[],
  verb: string,
  vmName: string,
  at: LocalTime,
): string | undefined {
  if (rules.length === 0) return 'the agent only observes: its configuration allows nothing'
  const permission = isVerb(verb) ? allowedAs(verb) : undefined
  const ofVerb = rules.filter(({ verbs }) => permission !== undefined && verbs.includes(permission))
  if (ofVerb.length === 0) return `the agent's configuration does not allow ${permission ?? verb}`
  const ofVm = ofVerb.filter(({ vms }) => vms.some((pattern) => patternTest(pattern)(vmName)))
  if (ofVm.length === 0) return `the agent's configuration does not allow ${verb} for a VM of this name`
  if (ofVm.some(({ window }) => window === undefined || isOpen(window, at))) return undefined
  const windows = ofVm.flatMap(({ window }) => (window === undefined ? [] : [windowText(window)]))
  return `the agent's configuration allows ${verb} only ${windows.join('; ')}`
}

export function isOpen({ days, fromMinute, toMinute }: AllowWindow, { weekday, minute }: LocalTime): boolean {
  const isDay = (day: number): boolean => days.some((one) => weekdays.indexOf(one) === (day + 7) % 7)
  if (fromMinute < toMinute) return isDay(weekday) && minute >= fromMinute && minute < toMinute
  return (isDay(weekday) && minute >= fromMinute) || (isDay(weekday - 1) && minute < toMinute)
}

export function windowText({ days, fromMinute, toMinute }: AllowWindow): string {
  const when = `from ${clock(fromMinute)} to ${clock(toMinute)} of its local time`
  return days.length === weekdays.length ? when : `on ${days.join(', ')} ${when}`
}

/** The local time of a machine whose clock is so many minutes ahead of UTC. */
export function localTime(atMs: number, utcOffsetMinutes: number): LocalTime {
  const local = new Date(atMs + utcOffsetMinutes * 60_000)
  return { weekday: local.getUTCDay(), minute: local.getUTCHours() * 60 + local.getUTCMinutes() }
}

/** Minutes of `22:30`; undefined if it is no time of day. */
export function minuteOf(text: string): number | undefined {
  const match = /^([01]\d|2[0-3]):([0-5]\d)$/.exec(text)
  return match === null ? undefined : Number(match[1]) * 60 + Number(match[2])
}

/** `22:30`. */
export function clock(minute: number): string {
  const of = minute % minutesOfDay
  return `${String(Math.floor(of / 60)).padStart(2, '0')}:${String(of % 60).padStart(2, '0')}`
}
