/**
 * vSphere tells what was counted in each interval; everything above this seam expects totals of a run. Here intervals are
 * added up. The totals are kept by the agent on disk, so that a restart goes on where the last life ended, and adding up the
 * same interval again gives the same total at the same time: told twice, it counts once.
 */

/** The totals of one VM or host after the interval that ended at `atMs` on the server's clock. */
export interface RunningTotals {
  readonly runId: string
  readonly atMs: number
  readonly totals: Readonly<Record<string, number>>
}

/** What one interval added. */
export interface Growth {
  readonly atMs: number
  readonly intervalMs: number
  /** A total that is missing was not measured in this interval. */
  readonly added: Readonly<Record<string, number>>
}

/** Totals as they stood at one moment. Those that were not measured up to then are missing. */
export interface TotalsAt {
  readonly runId: string
  readonly atMs: number
  readonly totals: Readonly<Record<string, number>>
  /** The beginning of a run: nothing was measured before, so no other figures belong to this moment. */
  readonly isBegin: boolean
}

/**
 * A run that begins in the middle of a VM's life begins with more CPU time than any VM uses between two samples: so nobody
 * takes it for a VM that has just been started, whose totals count from 0.
 */
export const cpuSecondsOfEarlierLife = 1e7

/** A step of time that is no whole interval, but not a missing one either. */
const slack = 0.5

/** Whether a sample comes after the last one that was counted. Servers may shift their grid of times a little. */
export function isNews(
  state: RunningTotals | undefined,
  { atMs, intervalMs }: Pick<Growth, 'atMs' | 'intervalMs'>,
): boolean {
  return state === undefined || atMs - state.atMs > intervalMs * slack
}

/**
 * Adds up intervals, oldest first. Those that were counted before are left out. Where some are missing the run ends and
 * another begins: what grew meanwhile is unknown, and must not be spread over the hole.
 *
 * @param beganAtMs when the VM was started or came to this host, on the server's clock, as far as that is known
 */
export function advance(
  state: RunningTotals | undefined,
  growths: readonly Growth[],
  { beganAtMs, hasCpu }: { readonly beganAtMs: number | undefined; readonly hasCpu: boolean },
): {
  readonly state: RunningTotals | undefined
  /** One for each interval, with one before it where a run begins in the middle of the VM's life. */
  readonly told: readonly TotalsAt[]
} {
  const told: TotalsAt[] = []
  let current = state
  for (const growth of growths) {
    if (!isNews(current, growth)) continue
    let before = current
    if (before === undefined || growth.atMs - before.atMs > growth.intervalMs * (1 + slack)) {
      // Of a VM that was never counted a start within the hour may have been told: then its totals are taken to count from it.
      const sinceMs = before?.atMs ?? growth.atMs - 3_600_000
      const startedSince =
        beganAtMs !== undefined && beganAtMs > sinceMs && beganAtMs <= growth.atMs + growth.intervalMs
      before = beginOf(growth, hasCpu && !startedSince)
      if (!startedSince) told.push({ ...before, isBegin: true })
    }
    const totals = sum(before.totals, growth.added)
    current = { runId: before.runId, atMs: growth.atMs, totals }
    const measured = Object.keys(growth.added).map((name) => [name, totals[name] ?? 0] as const)
    told.push({ runId: before.runId, atMs: growth.atMs, totals: Object.fromEntries(measured), isBegin: false })
  }
  return { state: current, told }
}

function beginOf({ atMs, intervalMs, added }: Growth, inEarlierLife: boolean): RunningTotals {
  const zeros: Record<string, number> = {}
  for (const name of Object.keys(added)) zeros[name] = 0
  if (inEarlierLife) zeros['cpuSeconds'] = cpuSecondsOfEarlierLife
  const beginMs = atMs - intervalMs
  return { runId: new Date(beginMs).toISOString(), atMs: beginMs, totals: zeros }
}

function sum(
  totals: Readonly<Record<string, number>>,
  added: Readonly<Record<string, number>>,
): Record<string, number> {
  const all: Record<string, number> = { ...totals }
  for (const [name, more] of Object.entries(added)) all[name] = (all[name] ?? 0) + more
  return all
}
