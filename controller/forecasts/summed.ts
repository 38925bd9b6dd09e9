import type { History } from '../planner/forecast/history.js'

/** Days for which a part that is silent counts as it was before. */
const carriedDays = 7

/**
 * The sum of some daily histories. Before its first figure a part was not there and adds nothing; where one has a gap later, it counts
 * as it was for a week, and then the sum is not known: a host whose agent was away did not become empty. Ends with the latest end.
 */
export function summed(parts: readonly History[]): History | undefined {
  const told = parts.filter(({ values }) => values.length > 0)
  const [one] = told
  if (one === undefined) return undefined
  const { stepMs, seasonSteps } = one
  const startAt = Math.min(...told.map((part) => part.startAt))
  const endAt = Math.max(...told.map((part) => part.startAt + part.values.length * stepMs))
  const values = Array.from({ length: (endAt - startAt) / stepMs }, (_, day) => {
    let sum = 0
    for (const part of told) {
      const at = day - (part.startAt - startAt) / stepMs
      if (at < 0) continue
      const value = carried(part.values, at)
      if (value === undefined) return undefined
      sum += value
    }
    return sum
  })
  return { startAt, stepMs, seasonSteps, values }
}

function carried(values: readonly (number | undefined)[], at: number): number | undefined {
  for (let back = 0; back <= Math.min(carriedDays, at); back += 1) {
    const value = values[at - back]
    if (value !== undefined) return value
  }
  return undefined
}
