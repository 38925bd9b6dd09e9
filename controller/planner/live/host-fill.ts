import { indexAt } from '../number-at.js'
import type { BeforeAfter, HostFill } from './plan.js'
import type { LiveProblem } from './live-problem.js'
import { weekParts } from './week-load.js'

/** How full a host is with VMs where they are said to be. */
export function hostFill(
  { problem, hosts, movers, ledgers, countsCpu }: LiveProblem,
  hostOf: Int32Array,
  host: number,
): HostFill {
  const cores: number[] = Array.from({ length: weekParts }, () => 0)
  let memoryBytes = 0
  let vms = 0
  for (const [vm, mover] of movers.entries()) {
    if (indexAt(hostOf, vm) !== host || !mover.active) continue
    vms += 1
    memoryBytes += mover.sizes.memoryBytes
    for (const [part, one] of mover.cores.entries()) cores[part] = (cores[part] ?? 0) + one
  }
  const memory = problem.limits.find(({ rule }) => rule === 'into-reserve')
  const known = hosts[host]
  const balance = known && ledgers.get(known.id)?.balance
  const isKnown = balance !== undefined && 'spareBytes' in balance
  return {
    host: problem.hosts[host] ?? '',
    memoryBytes,
    memoryMostBytes: isKnown ? Math.max(0, memory?.most[host] ?? 0) : 0,
    cores: countsCpu ? Math.max(...cores) : undefined,
    coresMost: known?.cpuThreads ?? known?.cpuCores,
    vms,
  }
}

export function beforeAfter(live: LiveProblem, before: Int32Array, after: Int32Array, host: number): BeforeAfter {
  return { before: hostFill(live, before, host), after: hostFill(live, after, host) }
}
