import type { Finding } from '../../model/finding.js'
import type { Policy } from '../../model/policy.js'
import { duplicateMac } from '../state/duplicate-mac.js'
import { vcpuOvercommit } from '../vcpu-overcommit.js'
import { apartOnOneHost } from './apart-on-one-host.js'
import { coreOnSharedStorage } from './core-on-shared-storage.js'
import { memoryAboveClassLimit } from './memory-above-class-limit.js'
import { personalBesideCore } from './personal-beside-core.js'
import { personalOnCoreArray } from './personal-on-core-array.js'
import type { Place } from './place.js'
import type { Arrangement, PlacedFleet } from './placed-fleet.js'
import { reserveHostEmpty } from './reserve-host-empty.js'
import { serviceMembersApart } from './service-members.js'

type Rule = (arrangement: Arrangement) => readonly Finding[]

const rules: readonly Rule[] = [
  coreOnSharedStorage,
  serviceMembersApart,
  forEach('byHost', apartOnOneHost),
  forEach('byBox', personalOnCoreArray),
  forEach('byHost', personalBesideCore),
  forEach('byHost', reserveHostEmpty),
  memoryAboveClassLimit,
  duplicateMac,
]

/** Where nothing moved they find the same again. */
const foundBefore = new WeakMap<Arrangement, readonly Finding[]>()

/** What is found of what VMs are and where they are, exceptions not yet taken out. */
export function policyFindings(fleet: PlacedFleet): Finding[] {
  const { arrangement } = fleet
  const found = foundBefore.get(arrangement) ?? rules.flatMap((rule) => rule(arrangement))
  foundBefore.set(arrangement, found)
  return [...found, ...vcpuOvercommit(fleet)]
}

/** A rule that looks at the VMs of one host, or box, and at nothing else: where these are the same, it found the same. */
function forEach(
  of: 'byHost' | 'byBox',
  rule: (vms: readonly Place[], policy: Policy, id: string) => readonly Finding[],
): Rule {
  const before = new WeakMap<readonly Place[], readonly Finding[]>()
  return ({ policy, [of]: lists }) => {
    const all: Finding[] = []
    for (const [id, vms] of lists) {
      const found = before.get(vms) ?? rule(vms, policy, id)
      before.set(vms, found)
      all.push(...found)
    }
    return all
  }
}
