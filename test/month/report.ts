import { formatDuration } from '../../common/units.js'
import type { Label } from './scenario.js'
import type { Score } from './score.js'
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
    score.outcomes.every(({ toldAfterMs }) => toldAfterMs !== undefined) &&
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
    'What somebody must act on, and how long it took until somebody was told:',
    ...score.outcomes.map(
      ({ label, toldAfterMs }) =>
        `  ${moment(label.fromMs)}  ${(toldAfterMs === undefined ? 'MISSED' : formatDuration(toldAfterMs)).padStart(8)}  ${labelText(label)}`,
    ),
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
    delaysSeconds: score.outcomes.map(({ toldAfterMs }) => (toldAfterMs === undefined ? null : toldAfterMs / 1000)),
    messages: score.messages,
    others: score.others.length,
    othersByWeek: score.othersByWeek,
    threshold,
  }
}

function labelText({ main }: Label): string {
  return `${main.check} ${main.subject}`
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
