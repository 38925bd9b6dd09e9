import type { Exchanged } from '../model/snapshot.js'
import type { Interval } from './rates.js'

const names = [
  'readBytes',
  'writeBytes',
  'readRequests',
  'writeRequests',
  'readSeconds',
  'writeSeconds',
] as const satisfies readonly (keyof Exchanged)[]

/** What was exchanged, and what an interval adds to it. */
export function exchangedAfter(before: Exchanged | undefined, { delta, seconds }: Interval): Exchanged {
  const after: { -readonly [Name in keyof Exchanged]: Exchanged[Name] } = { ...before }
  let isActive = false
  for (const name of names) {
    const growth = delta[name]
    if (growth === undefined) continue
    after[name] = (after[name] ?? 0) + growth
    isActive ||= growth > 0
  }
  if (isActive) after.activeSeconds = (after.activeSeconds ?? 0) + seconds
  return after
}
