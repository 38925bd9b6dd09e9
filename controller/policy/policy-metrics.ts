import { Counter, Gauge, type Registry } from 'prom-client'

import type { LivePolicy } from './live-policy.js'

/** Whether the file of the policy is what is in force. */
export function policyMetrics(registry: Registry, live: Pick<LivePolicy, 'inForce' | 'counts'>): void {
  const gauge = (name: string, help: string, value: () => number): void => {
    const metric: Gauge = new Gauge({ name, help, registers: [registry], collect: () => metric.set(value()) })
  }
  gauge('headroom_policy_file_ok', '1 if the policy file is what is in force, 0 if it is bad or gone', () =>
    live.inForce().problem === undefined ? 1 : 0,
  )
  gauge(
    'headroom_policy_version',
    'Version of the policy in force; 0 without a file',
    () => live.inForce().version?.number ?? 0,
  )
  const reads: Counter<'result'> = new Counter({
    name: 'headroom_policy_reads_total',
    help: 'Changes of the policy file that were taken and refused',
    labelNames: ['result'],
    registers: [registry],
    collect: () => {
      reads.reset()
      for (const result of ['taken', 'refused'] as const) reads.inc({ result }, live.counts[result])
    },
  })
}
