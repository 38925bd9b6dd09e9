import type { Finding } from '../../model/finding.js'
import { vcpuOvercommit } from '../vcpu-overcommit.js'
import { apartOnOneHost } from './apart-on-one-host.js'
import { coreOnSharedStorage } from './core-on-shared-storage.js'
import { memoryAboveClassLimit } from './memory-above-class-limit.js'
import { personalBesideCore } from './personal-beside-core.js'
import { personalOnCoreArray } from './personal-on-core-array.js'
import type { Arrangement, PlacedFleet } from './placed-fleet.js'
import { reserveHostEmpty } from './reserve-host-empty.js'
import { serviceMembersApart } from './service-members.js'

const rules = [
  coreOnSharedStorage,
  serviceMembersApart,
  apartOnOneHost,
  personalOnCoreArray,
  personalBesideCore,
  reserveHostEmpty,
  memoryAboveClassLimit,
] as const satisfies readonly ((arrangement: Arrangement) => Finding[])[]

/** Where nothing moved the rules find the same again. */
const foundBefore = new WeakMap<Arrangement, readonly Finding[]>()

/** What the policy's rules find, exceptions not yet taken out. */
export function policyFindings(fleet: PlacedFleet): Finding[] {
  const { arrangement } = fleet
  const found = foundBefore.get(arrangement) ?? rules.flatMap((rule) => rule(arrangement))
  foundBefore.set(arrangement, found)
  return [...found, ...vcpuOvercommit(fleet)]
}
