import type { Totals } from '../model/observation.js'

/** Totals as last read, with their moment. `runId` changes when they restart at 0. */
export interface Baseline {
  readonly at: number
  readonly runId: string
  readonly totals: Totals
}

export interface Interval {
  readonly seconds: number
  /** Growth of each total that was read at both ends. Never negative. */
  readonly delta: Totals
}

/** A longer silence than this is a gap: its mean says nothing about now. */
export const longestIntervalMs = 15 * 60_000

/** A shorter one says more of the moment of reading than of the load. Well below the fast beat of a second. */
export const shortestIntervalMs = 400

/**
 * Growth of totals since the baseline.
 *
 * A new run counts from 0, so its growth is what it shows now, provided that it can have begun after the baseline
 * (`beganSince`): then a restart leaves neither a spike nor a hole. A total that went down inside one run restarted by
 * itself, and counts from 0 likewise.
 *
 * @returns undefined if there is nothing to compare: no baseline, no time passed, too much time passed
 */
export function interval(
  before: Baseline | undefined,
  now: Baseline,
  { beganSince }: { readonly beganSince: boolean },
): Interval | undefined {
  if (before === undefined) return undefined
  const elapsedMs = now.at - before.at
  if (elapsedMs <= 0 || elapsedMs > longestIntervalMs) return undefined
  const restarted = before.runId !== now.runId
  if (restarted && !beganSince) return undefined
  const delta: Record<string, number> = {}
  for (const [name, total] of Object.entries(now.totals)) {
    if (total === undefined) continue
    const base = restarted ? 0 : before.totals[name]
    if (base === undefined) continue
    // CPU and pressure times go back a little at times (proc(5) says so of iowait), which is no new beginning.
    const restartedAlone = total < base && !/^(v?cpu|psi)/.test(name)
    delta[name] = restartedAlone ? total : Math.max(0, total - base)
  }
  return { seconds: elapsedMs / 1000, delta }
}

/**
 * Whether a run that used `cpuSeconds` can have begun within the last `elapsedMs`: no run uses more CPU time than its
 * vCPUs had (half as much again and a second are allowed for the emulator's own threads). Unknown CPU time means no.
 */
export function canHaveBegunWithin(
  elapsedMs: number,
  cpuSeconds: number | undefined,
  vcpus: number | undefined,
): boolean {
  return cpuSeconds !== undefined && cpuSeconds <= (elapsedMs / 1000) * (vcpus ?? 1) * 1.5 + 1
}

/** Growth per second. */
export function perSecond(of: Interval, name: string): number | undefined {
  const delta = of.delta[name]
  return delta === undefined ? undefined : delta / of.seconds
}

/** Mean time of a request in milliseconds; undefined if there was none. */
export function meanMs(of: Interval, secondsName: string, requestsName: string): number | undefined {
  const seconds = of.delta[secondsName]
  const requests = of.delta[requestsName]
  if (seconds === undefined || requests === undefined || requests <= 0) return undefined
  return (seconds * 1000) / requests
}
