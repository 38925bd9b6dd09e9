import { expect, test } from 'vitest'

import { policyOf } from '../../test/support/policy-with.js'
import { buildSnapshot, type VmRow } from '../../test/support/snapshot-builder.js'
import { fleetFindings } from '../checks/fleet-findings.js'
import { findingKey } from '../model/finding.js'
import { policyIndex } from './policy-index.js'
import { labelsOf } from './resolve.js'

/** Something quadratic takes seconds here; the bounds leave a busy machine its time. */

const numbers = (count: number): number[] => Array.from({ length: count }, (_, at) => at)

test('5,000 VMs are resolved by 300 rules in a moment', () => {
  const many = numbers(300).map((at) => `  - { name: g${at}, match: ["x${at}-*", "y${at}-*", "n${at}"] }`)
  const policy = policyOf(`groups:\n${many.join('\n')}`)
  const vms = numbers(5000).map((at): VmRow => {
    return { name: `y${at % 400}-${String(at).padStart(5, '0')}`, host: 'a', memoryMiB: 1 }
  })
  const snapshot = buildSnapshot({ hosts: [], vms })
  const { result: labels, tookMs } = fastestOf(3, () => {
    const index = policyIndex(policy)
    return Array.from(snapshot.vms.values(), (vm) => labelsOf(index, vm))
  })
  expect(labels.filter(({ group }) => group !== undefined)).toHaveLength(3800)
  expect(tookMs).toBeLessThan(100)
})

test('5,000 VMs on 200 hosts and 200 arrays are judged in a moment, and no finding is said twice', () => {
  const hosts = numbers(200).map((at) => ({ name: `h${at}`, memoryMiB: 65_536 }))
  const arrays = numbers(200).map((at) => ({ key: `iscsi:${at}`, name: `box${at}`, kind: 'iscsi' }))
  const vms = numbers(5000).map((at): VmRow => {
    const name = `${at % 2 === 0 ? 'c' : 'p'}${String(at).padStart(5, '0')}`
    return { name, host: `h${at % 197}`, memoryMiB: 1024, array: `iscsi:${(at * 7) % 199}` }
  })
  const apart = numbers(100).map((at) => `  - ["c*${at}", "p*${at}7"]`)
  const policy = policyOf(`
groups:
  - { name: core, class: core, match: ["c*"] }
  - { name: people, class: personal, match: ["p*"] }
services: [{ name: s, members: ["c00*"] }]
apart:
${apart.join('\n')}
`)
  const snapshot = buildSnapshot({ hosts, arrays, vms })
  const { result, tookMs } = fastestOf(5, () => fleetFindings(snapshot, policy))
  const keys = result.stands.map(findingKey)
  expect(keys.length).toBeGreaterThan(5000)
  expect(new Set(keys).size).toBe(keys.length)
  expect(tookMs).toBeLessThan(500)
})

function fastestOf<Result>(times: number, work: () => Result): { readonly result: Result; readonly tookMs: number } {
  let result = work()
  let tookMs = Infinity
  for (let round = 0; round < times; round += 1) {
    const start = performance.now()
    result = work()
    tookMs = Math.min(tookMs, performance.now() - start)
  }
  return { result, tookMs }
}
