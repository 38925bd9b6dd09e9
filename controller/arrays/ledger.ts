import type { Flow } from './flow.js'

/**
 * What was written since the cache was surely empty or surely full, or since nobody knew what was in it: all that a new guess has to go
 * through. Oldest first.
 */
export interface Ledger {
  readonly from: 'empty' | 'full' | 'unknown'
  readonly flows: readonly Flow[]
}

/** A long past in long steps: more than this many are put together in pairs, the oldest first. */
const mostFlows = 64

export const emptyLedger: Ledger = { from: 'empty', flows: [] }
export const unknownLedger: Ledger = { from: 'unknown', flows: [] }

export function enter(ledger: Ledger, flow: Flow): Ledger {
  const flows = [...ledger.flows, flow]
  return { from: ledger.from, flows: flows.length > mostFlows ? shortened(flows) : flows }
}

/** The older half in steps of twice the length, but for changes of the kind of load. */
function shortened(flows: readonly Flow[]): Flow[] {
  const half = Math.floor(flows.length / 2)
  const kept: Flow[] = []
  let isJoined = true
  for (const flow of flows.slice(0, half)) {
    const last = kept.at(-1)
    if (!isJoined && last !== undefined && last.loadClass === flow.loadClass) {
      kept.pop()
      kept.push({ ...last, bytes: last.bytes + flow.bytes, seconds: last.seconds + flow.seconds })
      isJoined = true
      continue
    }
    kept.push(flow)
    isJoined = false
  }
  // Loads that change at every step leave nothing to join: then the oldest are forgotten.
  return [...kept.slice(Math.max(0, kept.length - half + 8)), ...flows.slice(half)]
}
