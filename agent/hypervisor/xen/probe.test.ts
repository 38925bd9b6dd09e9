import { describe, expect, test } from 'vitest'

import { capabilityNames } from '../../../common/capabilities.js'
import type { Capability, DiskRaw } from '../hypervisor.js'
import { xenCapabilities, type ServedVm, type XenFindings } from './probe.js'

const names = ['events', 'cpu', 'memory-size', 'host-memory'] as const
const toolstack = {
  name: 'libvirt',
  capabilities: (): readonly Capability[] => names.map((name) => ({ name, support: 'yes' })),
}

const disk = (target: string, flushRequests?: number): DiskRaw => ({
  target,
  readRequests: 1,
  ...(flushRequests === undefined ? {} : { flushRequests }),
})
const whole: ServedVm = { name: 'bell', defined: ['xvda'], counted: [disk('xvda', 1)] }
const all: XenFindings = { toolstack, seesDom0: true, tellsFreeMemory: true, served: [whole] }
const qdisk = (name: string): ServedVm => ({ name, defined: ['xvda'], counted: [] })

const told = (findings: Partial<XenFindings>, name: string): unknown => {
  const found = xenCapabilities({ ...all, ...findings }).find((capability) => capability.name === name)
  return [found?.support, found?.reason]
}

test('each capability once, with a reason wherever it is not whole', () => {
  const capabilities = xenCapabilities(all)
  const found = capabilities.map(({ name }) => name)
  // Those of the machine itself come from what reads dom0.
  const ofMachine = new Set<string>([
    'array-counters',
    'canary',
    'host-processes',
    'host-psi',
    'host-writeback',
    'storage-exports',
    'storage-health',
  ])
  expect(found.toSorted()).toEqual(capabilityNames.filter((name) => !ofMachine.has(name)).toSorted())
  for (const { support, reason } of capabilities) expect(support === 'yes').toBe(reason === undefined)
})

describe('what changes', () => {
  test.each<[string, Partial<XenFindings>, string, string, unknown]>([
    ['all disks counted', {}, 'disk-bytes', 'yes', undefined],
    ['no VM runs', { served: [] }, 'disk-bytes', 'yes', undefined],
    [
      'a disk that QEMU serves',
      { served: [whole, qdisk('ace')] },
      'disk-requests',
      'degraded',
      expect.stringMatching(/qdisk.*: ace xvda$/),
    ],
    [
      'many of them',
      { served: ['a', 'b', 'c', 'd', 'e'].map(qdisk) },
      'disk-bytes',
      'degraded',
      expect.stringMatching(/: a xvda, b xvda, c xvda and 2 more$/),
    ],
    ['no back ends', { served: undefined }, 'disk-bytes', 'no', expect.stringMatching(/not dom0/)],
    ['no back ends', { served: undefined }, 'nic', 'no', expect.stringMatching(/not dom0/)],
    ['latency', {}, 'disk-latency', 'degraded', expect.stringMatching(/dom0's device/)],
    ['flushes', {}, 'disk-flush', 'degraded', expect.stringMatching(/not timed/)],
    [
      'flushes of an old kernel',
      { served: [{ ...whole, counted: [disk('xvda')] }] },
      'disk-flush',
      'no',
      expect.stringMatching(/does not count flushes/),
    ],
    ['CPU', {}, 'host-cpu', 'degraded', expect.stringMatching(/dom0 included/)],
    ['no dom0', { seesDom0: false }, 'host-cpu', 'no', expect.stringMatching(/libvirt does not list dom0/)],
    [
      'no free memory',
      { tellsFreeMemory: false },
      'host-memory',
      'no',
      expect.stringMatching(/libvirt does not tell .* left/),
    ],
  ])('%s: %o', (_, findings, name, support, reason) => {
    expect(told(findings, name)).toEqual([support, reason])
  })
})
