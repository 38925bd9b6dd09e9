import { indexAt } from './number-at.js'
import type { Problem, Refusal } from './problem.js'

/** VMs that could not move to any other host even if all of them were empty, and why. */
export interface Immobile extends Refusal {
  readonly vms: readonly string[]
}

/** By reason, the one of most VMs first. The reason is that of the first other host, in their order. */
export function immobileVms({ hosts, vms, start, vmKind, hostKind, ways }: Problem): Immobile[] {
  const byReason = new Map<string, Refusal & { readonly vms: string[] }>()
  for (const [vm, name] of vms.entries()) {
    let first: Refusal | undefined
    let isMobile = false
    for (let host = 0; host < hosts.length && !isMobile; host += 1) {
      const way = host === indexAt(start, vm) ? undefined : ways[indexAt(vmKind, vm)]?.[indexAt(hostKind, host)]
      if (way === undefined) continue
      if ('kind' in way) isMobile = true
      else first ??= way
    }
    if (isMobile) continue
    const refusal = first ?? { rule: 'host-up', reason: 'there is no other host' }
    const key = `${refusal.rule} ${refusal.reason}`
    const known = byReason.get(key)
    if (known === undefined) byReason.set(key, { ...refusal, vms: [name] })
    else known.vms.push(name)
  }
  return [...byReason.values()].sort((a, b) => b.vms.length - a.vms.length)
}
