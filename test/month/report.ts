import { labelLines, labelText } from '../../common/event-labels.js'
import { formatDuration } from '../../common/units.js'
import type { Scenario } from './scenario.js'
import { faultsOf, type Outcome, type Score } from './score.js'
import type { ThresholdRule } from './threshold-rule.js'

/** All that comes of a run. */
export interface Result {
  readonly seed: number
  readonly days: number
  readonly looks: number
  readonly score: Score
  readonly threshold: ThresholdRule['result']
}

/** At most so many notifications a week that nobody has to act on. */
export const mostOthersAWeek = 2

export function isGood({ score }: Result): boolean {
  return (
    score.outcomes.every((outcome) => faultsOf(outcome).length === 0) &&
    score.othersByWeek.every((count) => count <= mostOthersAWeek)
  )
}

/** The result as lines for people. */
export function reportLines(
  { score, threshold, looks, days }: Result,
  startMs: number,
  utcOffsetHours: number,
): string[] {
  const moment = (atMs: number): string => localMoment(atMs, startMs, utcOffsetHours)
  const weeks = days / 7
  return [
    'What somebody must act on; how long it took until somebody was told, and when that had to be; until its end was told, counted from its end;',
    'messages about it, and those of plain thresholds:',
    ...score.outcomes.map((outcome, index) => outcomeLine(outcome, threshold.byLabel[index] ?? 0, moment)),
    '',
    `Other notifications, by week: ${score.othersByWeek.join(', ')} (at most ${mostOthersAWeek})`,
    ...score.others.flatMap(({ atMs, changes }) => changes.map((change) => `  ${moment(atMs)}  ${change}`)),
    '',
    row('', 'messages', 'others', 'others a week', 'events told'),
    row(
      'checks and alerts',
      String(score.messages),
      String(score.others.length),
      (score.others.length / weeks).toFixed(1),
      `${score.outcomes.filter(({ toldAfterMs }) => toldAfterMs !== undefined).length} of ${score.outcomes.length}`,
    ),
    row(
      'plain thresholds',
      String(threshold.messages),
      String(threshold.others),
      (threshold.others / weeks).toFixed(1),
      `${threshold.labelsTold} of ${score.outcomes.length}`,
    ),
    ...Object.entries(threshold.byKind).map(([kind, count]) => `    ${kind}: ${count}`),
    `${looks} looks`,
  ]
}

/** What a scenario says beforehand, in the time of its users. */
export function scenarioLines({ labels, startMs, fleet: { utcOffsetHours } }: LabelledScenario): string[] {
  return labelLines(labels, (atMs) => localMoment(atMs, startMs, utcOffsetHours))
}

/** The part of a scenario that says it. */
export type LabelledScenario = Pick<Scenario, 'labels' | 'startMs'> & {
  readonly fleet: Pick<Scenario['fleet'], 'utcOffsetHours'>
}

/** The result for programs. */
export function resultDocument(result: Result): unknown {
  const { seed, days, looks, score, threshold } = result
  return {
    good: isGood(result),
    seed,
    days,
    looks,
    events: score.outcomes.length,
    missed: score.outcomes.filter(({ toldAfterMs }) => toldAfterMs === undefined).map(({ label }) => labelText(label)),
    faults: score.outcomes.flatMap((outcome) =>
      faultsOf(outcome).map((fault) => `${labelText(outcome.label)}: ${fault}`),
    ),
    resolvedSeconds: score.outcomes.map(({ resolvedAfterMs }) =>
      resolvedAfterMs === undefined ? null : resolvedAfterMs / 1000,
    ),
    delaysSeconds: score.outcomes.map(({ toldAfterMs }) => (toldAfterMs === undefined ? null : toldAfterMs / 1000)),
    messages: score.messages,
    others: score.others.length,
    othersByWeek: score.othersByWeek,
    threshold,
  }
}

function outcomeLine(outcome: Outcome, plainMessages: number, moment: (atMs: number) => string): string {
  const { label, toldAfterMs, resolvedAfterMs, named, messages } = outcome
  const faults = faultsOf(outcome)
  const cells = [
    `  ${moment(label.fromMs)}`,
    (toldAfterMs === undefined ? 'MISSED' : formatDuration(toldAfterMs)).padStart(8),
    `of ${formatDuration(label.withinMs)}`.padStart(9),
    (label.overMs === undefined
      ? ''
      : resolvedAfterMs === undefined
        ? 'NOT OVER'
        : formatDuration(resolvedAfterMs)
    ).padStart(8),
    `${messages} : ${plainMessages}`.padStart(7),
    labelText(label),
    `(${[...named].join(', ')})`,
  ]
  return `${cells.join('  ')}${faults.map((fault) => `; ${fault.toUpperCase()}`).join('')}`
}

function row(...cells: readonly string[]): string {
  return cells.map((cell, index) => (index === 0 ? cell.padEnd(18) : cell.padStart(14))).join('')
}

/** `day 5 14:00:10`, as the scenario has it. */
function localMoment(atMs: number, startMs: number, utcOffsetHours: number): string {
  const days = Math.floor((atMs - startMs) / 86_400_000)
  const clock = new Date(atMs + utcOffsetHours * 3_600_000).toISOString().slice(11, 19)
  return `day ${String(days + 1).padStart(2)} ${clock}`
}
