import type { Stat } from '../server/summary.js'

const functions = {
  count: 'count_over_time',
  mean: 'avg_over_time',
  min: 'min_over_time',
  max: 'max_over_time',
  last: 'last_over_time',
} as const satisfies Partial<Record<Stat, string>>

/**
 * MetricsQL for several figures of each series over the time before a moment, told apart by the label `rollup` (see statOf).
 * @param durationMs the time is (moment - duration, moment]
 */
export function statsOverTime(stats: readonly Stat[], selector: string, durationMs: number): string {
  const names = stats.flatMap((stat) => (stat === 'p95' ? [] : [`"${functions[stat]}"`]))
  const window = `${selector}[${durationMs}ms]`
  const several = `aggr_over_time((${names.join(',')}), ${window})`
  if (!stats.includes('p95')) return several
  return `union(${several}, label_set(quantile_over_time(0.95, ${window}), "rollup", "p95"))`
}

/** Which figure a series of such an answer is. */
export function statOf(labels: Readonly<Record<string, string>>): Stat | undefined {
  const { rollup } = labels
  if (rollup === 'p95') return 'p95'
  return statNames.find((stat) => functions[stat] === rollup)
}

const statNames = ['count', 'mean', 'min', 'max', 'last'] as const
