import type { Scenario } from './scenario.js'

/** A stretch of time that is looked at at one beat. */
export interface Stretch {
  readonly fromMs: number
  readonly toMs: number
  readonly stepMs: number
}

const beforeMs = 5 * 60_000
const afterMs = 25 * 60_000

/**
 * Looks closely at what is near anything that happens, is done or is labelled, and less often at the time between. Each stretch is a whole
 * number of its own steps long.
 */
export function stretchesOf(
  scenario: Pick<Scenario, Moments | 'days'>,
  { quietMs, closeMs }: { readonly quietMs: number; readonly closeMs: number },
): Stretch[] {
  const endMs = scenario.startMs + scenario.days * 86_400_000
  const stretches: Stretch[] = []
  let atMs = scenario.startMs
  const upTo = (toMs: number, stepMs: number): void => {
    // Rather too early to the next stretch than too late to what happens in it.
    const end = atMs + Math.floor((Math.min(toMs, endMs) - atMs) / stepMs) * stepMs
    if (end <= atMs) return
    stretches.push({ fromMs: atMs, toMs: end, stepMs })
    atMs = end
  }
  for (const pointMs of momentsOf(scenario)) {
    upTo(pointMs - beforeMs, quietMs)
    upTo(pointMs + afterMs, closeMs)
  }
  upTo(endMs, quietMs)
  upTo(endMs, closeMs)
  return stretches
}

type Moments = 'startMs' | 'fleet' | 'away' | 'disk' | 'certificates' | 'acts' | 'labels'

function momentsOf({ startMs, fleet, away, disk, certificates, acts, labels }: Pick<Scenario, Moments>): number[] {
  return [
    ...fleet.timeline.map(({ atMs }) => startMs + atMs),
    ...away.flatMap(({ fromMs, untilMs }) => [fromMs, untilMs]),
    ...disk.map(({ atMs }) => atMs),
    ...certificates.map(({ renewedMs }) => renewedMs),
    ...acts.map(({ atMs }) => atMs),
    ...labels.flatMap(({ fromMs, untilMs, overMs }) => [fromMs, untilMs, ...(overMs === undefined ? [] : [overMs])]),
  ].toSorted((a, b) => a - b)
}
