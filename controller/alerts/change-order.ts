import { groupBy } from '../../common/group-by.js'
import type { Change } from '../model/alert.js'
import { severityRank } from '../model/finding.js'

/** How each alert stands: what is told of it last. */
export function lastOfEach(changes: readonly Change[]): Change[] {
  return [...new Map(changes.map((change) => [change.alert.number, change])).values()]
}

/** What stands before what is over, and the worse before the less bad. */
export function byWeight(a: Change, b: Change): number {
  return weightOrder(a, b) || a.alert.number - b.alert.number
}

/** All changes, those of the alert first that stands worst now; the changes of one alert stay in their order. */
export function weightiestFirst(changes: readonly Change[]): Change[] {
  const byNumber = groupBy(changes, ({ alert }) => alert.number)
  return lastOfEach(changes)
    .toSorted(byWeight)
    .flatMap(({ alert }) => byNumber.get(alert.number) ?? [])
}

/** As many changes as fit, in their order: how the worst and newest alerts stand goes before how they came to it. */
export function weightiest(changes: readonly Change[], most: number): readonly Change[] {
  if (changes.length <= most) return changes
  const last = new Set(lastOfEach(changes))
  return changes
    .map((change, index) => ({ change, index }))
    .sort(
      (a, b) =>
        Number(last.has(b.change)) - Number(last.has(a.change)) || weightOrder(a.change, b.change) || b.index - a.index,
    )
    .slice(0, most)
    .sort((a, b) => a.index - b.index)
    .map(({ change }) => change)
}

function weightOrder(a: Change, b: Change): number {
  return (
    Number(a.what === 'resolved') - Number(b.what === 'resolved') ||
    severityRank[b.alert.severity] - severityRank[a.alert.severity]
  )
}
