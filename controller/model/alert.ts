/**
 * Findings with a life, as plain data. Two clocks: `…AtMs` is wall time, for people; `…ClockMs` is the alerts' own clock, which counts only
 * the time in which the controller watched. It never goes back, whatever is done to the wall clock, and stands still while the controller is down.
 */
import type { Evidence, Finding, Related, Severity, Subject } from './finding.js'

/** What is known of a subject beside its name: whom to tell, and how to group. */
export interface SubjectFacts {
  /** Name of the host that it is on, or is. */
  readonly host?: string | undefined
  /** Group of a VM. */
  readonly group?: string | undefined
  /** Other groups that it concerns: of VMs that cause it, and of those that wait for it. */
  readonly groups?: readonly string[] | undefined
  /** Owners of the subject, and of those who cause it. */
  readonly owners: readonly string[]
}

/** A time that has to last, on the alerts' clock. While it is paused it neither counts nor is lost. */
export interface Hold {
  readonly sinceClockMs: number
  readonly pausedClockMs?: number | undefined
}

export interface Acknowledgement {
  readonly author: string
  readonly atMs: number
  readonly note: string
}

/**
 * What the last look said: raised, less than that but not over (hysteresis), clear; or that nobody could look (`unseen`), because what tells of
 * the subject is silent. By `unseen` no alert begins and none ends.
 */
export type Sighting = 'raised' | 'kept' | 'clear' | 'unseen'

export interface Alert {
  /** `findingKey`: one alert a key at a time. */
  readonly key: string
  /** Given when it fires, counting up from 1; what people call it. */
  readonly number?: number | undefined
  readonly phase: 'pending' | 'firing'
  /** As it was raised last, cut to bounds. */
  readonly finding: Finding
  /** The one in force: it changes only when another has held. */
  readonly severity: Severity
  readonly facts: SubjectFacts
  readonly sighting: Sighting
  /** First seen, and fired. */
  readonly startedAtMs: number
  readonly firedAtMs?: number | undefined
  /** How long a pending one has been raised. */
  readonly raised?: Hold | undefined
  /** How long a firing one has been clear. */
  readonly cleared?: Hold | undefined
  /** Since when findings have been of a higher or a lower severity. */
  readonly severityHold?: { readonly direction: 'up' | 'down'; readonly sinceClockMs: number } | undefined
  /** It has come and gone so often that it now stays until it has been clear for long. */
  readonly flapping: boolean
  readonly acknowledged?: Acknowledgement | undefined
  /** Id of the silence in force that covers it. */
  readonly silencedBy?: string | undefined
  /** It only happened, and under a silence that has ended: nobody is told of it. */
  readonly wasSilenced?: boolean | undefined
  /** Key of the alert that explains it. */
  readonly inhibitedBy?: string | undefined
}

/** An alert that fires, as those who are told of it need it. */
export interface AlertSummary {
  readonly number: number
  readonly check: string
  readonly subject: Subject
  readonly part: string
  readonly severity: Severity
  readonly message: string
  readonly facts: SubjectFacts
  readonly firedAtMs: number
  readonly flapping: boolean
  /** Of the finding; absent: 0. */
  readonly grade?: number | undefined
  readonly evidence: readonly Evidence[]
  readonly related: readonly Related[]
}

/** Nobody is told of what matches while it lasts. Every part of the match that is there has to fit; `*` stands for any characters. */
export interface Silence {
  readonly id: string
  readonly match: SilenceMatch
  readonly createdAtMs: number
  /** Wall time: a silence ends when its author said, also while the controller is down. */
  readonly untilMs: number
  readonly author: string
  readonly reason: string
}

export interface SilenceMatch {
  readonly check?: string | undefined
  /** `host:xenhv0*`, `vm:panda`, `fleet`. */
  readonly subject?: string | undefined
}

/** One line of the history of alerts. */
export interface Transition {
  readonly atMs: number
  readonly number: number
  readonly what: 'fired' | 'severity' | 'acknowledged' | 'silenced' | 'heard' | 'resolved'
  readonly check: string
  readonly subject: Subject
  readonly part: string
  /** After the change. */
  readonly severity: Severity
  readonly message: string
  /** `fired`: it flaps. `resolved`: how that is known: it was seen to be over, or its subject is gone. `acknowledged`: the note. `silenced`: until when, and why; `heard`: no silence covers it any more. */
  readonly detail: string
  /** Who, where it was somebody. */
  readonly author: string
}

/** One thing to tell of one alert. */
export interface Change {
  /** `worse`: of the same severity, and graver than it was told. */
  readonly what: 'fired' | 'severity' | 'worse' | 'resolved' | 'reminder'
  readonly atMs: number
  readonly alert: AlertSummary
  /** The severity before, where that is what changed. */
  readonly before?: Severity | undefined
}

/** What is sent at once by one way: what changed in a group of alerts. */
export interface Message {
  /** The same at every try: those who get it twice can tell. */
  readonly id: string
  /** The queue that it waits in: a target, and the recipients where it has several. */
  readonly lane: string
  readonly target: string
  readonly route: string
  readonly group: Readonly<Record<string, string>>
  readonly recipients: readonly string[]
  /** Id of the first message about this group since nothing of it fired. */
  readonly thread: string
  readonly atMs: number
  readonly changes: readonly Change[]
  /** Changes that did not fit. */
  readonly leftOut: number
  /** Sent because somebody asked for it: nothing is wrong. */
  readonly isTest?: boolean | undefined
  /** Alerts of the group that fire now, these included. */
  readonly firing: number
}
