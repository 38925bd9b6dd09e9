import { expect, test } from 'vitest'

import { buildAgent } from '../../test/support/agent-rows.js'
import { placed } from '../../test/support/placed.js'
import { policyOf } from '../../test/support/policy-with.js'
import { buildSnapshot, type VmRow } from '../../test/support/snapshot-builder.js'
import { serviceFindings } from '../checks/service/service-findings.js'
import { duplicateMac } from '../checks/state/duplicate-mac.js'
import { stateFindings } from '../checks/state/state-findings.js'
import type { Snapshot } from '../model/snapshot.js'
import { beginWatch, watchStep } from './watch-step.js'

/** Something quadratic takes several seconds here; the bound leaves a busy machine its time. */

const numbers = (count: number): number[] => Array.from({ length: count }, (_, at) => at)

function fleet(vcpus: (at: number) => number): Snapshot {
  const hosts = numbers(200).map((at) => ({ name: `h${at}`, memoryMiB: 65_536, more: { kernel: '2.6.32-5-amd64' } }))
  const vms = numbers(5000).map((at): VmRow => {
    // Each has the address of another.
    const nic = { device: 'vnet0', mac: `52:54:00:00:00:${at >> 1}`, network: 'lan', model: '', metrics: {} }
    return {
      name: `v${at}`,
      host: `h${at % 200}`,
      memoryMiB: 1024,
      more: { nics: [nic], vcpus: vcpus(at), uuid: `uuid-${at}` },
    }
  })
  const agents = numbers(200).map((at) => buildAgent({ id: `agent-${at}`, hostIds: [`id-h${at}`] }))
  return buildSnapshot({ hosts, vms, agents })
}

test('5,000 VMs that were all sampled, and a thousand changed, are watched and judged in a moment', () => {
  const [before, now] = [fleet(() => 1), fleet((at) => (at % 5 === 0 ? 2 : 1))]
  const began = beginWatch(before)
  const policy = policyOf('')
  let tookMs = Infinity
  let found = 0
  for (let round = 0; round < 5; round += 1) {
    const start = performance.now()
    const { changes } = watchStep(began, now, [])
    found =
      stateFindings(now, policy, { changes }).length +
      serviceFindings(now, policy, { changes }).length +
      duplicateMac(placed(now, policy).arrangement).length
    tookMs = Math.min(tookMs, performance.now() - start)
  }
  // The changed definitions, and every other address.
  expect(found).toBe(1000 + 2500)
  expect(tookMs).toBeLessThan(2000)
})
