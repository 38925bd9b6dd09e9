import { expect, it } from 'vitest'

import { immobileVms } from '../immobile.js'
import { Placement } from '../placement.js'
import { rebalance } from '../rebalance.js'
import { ganetiProblem } from './ganeti-problem.js'
import { parseGanetiText, type GanetiCluster } from './ganeti-text.js'

const nodes = (...names: readonly string[]): string =>
  names.map((name) => `${name}|65536|1024|50000|1000000|900000|16|N|uuid-1\n`).join('')

function clusterOf(nodeLines: string, vmLines: readonly string[], tags = ''): GanetiCluster {
  return parseGanetiText(
    `default|uuid-1|preferred||\nother|uuid-2|preferred||\n\n${nodeLines}\n${vmLines.map((line) => `${line}\n`).join('')}\n${tags}\n|||ext|1.0|32\n`,
    'f',
  )
}

const vm = (
  name: string,
  { memory = 4096, cpus = 2, node = 'n1', template = 'ext', tags = '', status = 'running' } = {},
): string => `${name}|${memory}|10240|${cpus}|${status}|Y|${node}||${template}|${tags}`

const plan = (cluster: GanetiCluster): string[] => {
  const problem = ganetiProblem(cluster, new Map())
  const { steps } = rebalance(problem, { seed: 1, mostMoves: undefined, effort: 0.1, leastGain: 0 })
  return steps.map((step) => `${problem.vms[step.vm] ?? ''} ${problem.hosts[step.to] ?? ''}`)
}

it('says by name what keeps a VM from a node', () => {
  const offline = 'n4|65536|1024|50000|1000000|900000|16|Y|uuid-1\n'
  const elsewhere = 'n3|65536|1024|50000|1000000|900000|16|N|uuid-2\n'
  const cluster = clusterOf(
    nodes('n1', 'n2') + elsewhere + offline,
    [
      vm('a', { tags: 'web:x' }),
      vm('b', { node: 'n2', tags: 'web:x' }),
      vm('local', { template: 'plain' }),
      vm('huge', { memory: 63_000 }),
      vm('wide', { cpus: 15 }),
    ],
    'htools:iextags:web\n',
  )
  const placement = new Placement(ganetiProblem(cluster, new Map()))
  const rulesOf = (name: string, host: number): string[] =>
    placement
      .refusals(
        cluster.instances.findIndex((one) => one.name === name),
        host,
      )
      .map(({ rule }) => rule)
  expect(rulesOf('a', 1)).toEqual(['apart-on-one-host'])
  expect(rulesOf('a', 2)).toEqual(['same-group'])
  expect(rulesOf('a', 3)).toContain('host-up')
  expect(rulesOf('local', 1)).toEqual(['storage-reach'])
  expect(rulesOf('huge', 1)).toContain('into-reserve')
  expect(rulesOf('wide', 1)).toEqual(['vcpu-overcommit'])
})

it('takes VMs off a node that is out of use, and leaves those with local disks', () => {
  const gone = 'n1|65536|1024|50000|1000000|900000|16|Y|uuid-1\n'
  expect(
    plan(clusterOf(gone + nodes('n2', 'n3'), [vm('a'), vm('b'), vm('local', { template: 'plain' })])),
  ).toHaveLength(2)
})

it('parts VMs with the same exclusion tag', () => {
  const pair = [vm('a', { tags: 'web:x' }), vm('b', { tags: 'web:x' })]
  expect(plan(clusterOf(nodes('n1', 'n2'), pair, 'htools:iextags:web\n'))).toHaveLength(1)
})

it('keeps to nodes that have the migration tags of the first one', () => {
  const tagged = (name: string, tags: string): string =>
    `${name}|65536|1024|50000|1000000|900000|16|N|uuid-1|1|${tags}\n`
  const cluster = clusterOf(
    tagged('n1', 'hv:old') + tagged('n2', 'hv:new'),
    [vm('a'), vm('b')],
    'htools:migration:hv\n',
  )
  expect(plan(cluster)).toEqual([])
})

it('has nothing to do for a fleet that is balanced', () => {
  expect(plan(clusterOf(nodes('n1', 'n2'), [vm('a'), vm('b', { node: 'n2' })]))).toEqual([])
})

it('lists VMs that cannot move, by the rule that keeps them', () => {
  const problem = ganetiProblem(clusterOf(nodes('n1', 'n2'), [vm('a'), vm('b', { template: 'plain' })]), undefined)
  expect(immobileVms(problem)).toEqual([
    { rule: 'storage-reach', reason: 'its disks are local to its node', vms: ['b'] },
  ])
})
