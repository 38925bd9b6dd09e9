import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

import { ConfigError } from '../../common/config-error.js'
import { GiB, MiB } from '../../common/units.js'
import { defaultPolicy, loadPolicy, parsePolicy } from './policy-file.js'

describe('policy.yaml', () => {
  it('has these defaults', () => {
    const defaults = { limits: { vmMemoryBytes: GiB, hostReserveBytes: 2 * GiB }, hosts: [], arrays: [] }
    expect(defaultPolicy).toEqual(defaults)
    expect(parsePolicy('', 'policy.yaml')).toEqual(defaults)
  })

  it('reads all keys', () => {
    const text = `
limits: { vmMemory: 512MiB, hostReserve: 1GiB }
hosts:
  - { match: "xen*", role: core }
  - { match: big, reserve: 8GiB }
arrays:
  - { match: "iscsi:*", name: iscsi1 }
`
    expect(parsePolicy(text, 'policy.yaml')).toEqual({
      limits: { vmMemoryBytes: 512 * MiB, hostReserveBytes: GiB },
      hosts: [
        { match: 'xen*', role: 'core', reserveBytes: undefined },
        { match: 'big', role: undefined, reserveBytes: 8 * GiB },
      ],
      arrays: [{ match: 'iscsi:*', name: 'iscsi1' }],
    })
  })

  it('keeps the other limit at its default', () => {
    expect(parsePolicy('limits: { hostReserve: 0B }', 'p').limits).toEqual({ vmMemoryBytes: GiB, hostReserveBytes: 0 })
  })

  it.each([
    ['limit: {}', 'p.yaml:1: limit: expected a known key, got unknown key "limit"'],
    ['limits: { vmMemory: 1024 }', 'p.yaml:1: limits.vmMemory: expected a size such as 512MiB or 2GB, got 1024'],
    [
      'limits: { vmMemory: 1 GigaByte }',
      'p.yaml:1: limits.vmMemory: expected a size such as 512MiB or 2GB, got "1 GigaByte"',
    ],
    ['limits: { vmMemory: 0B }', 'p.yaml:1: limits.vmMemory: expected a size above 0, got "0B"'],
    [
      'limits: { hostReserve: -1GiB }',
      'p.yaml:1: limits.hostReserve: expected a size such as 512MiB or 2GB, got "-1GiB"',
    ],
    [
      'limits: { hostReserve: 99999999TiB }',
      'p.yaml:1: limits.hostReserve: expected a size that a machine can have, got "99999999TiB"',
    ],
    ['limits:\n  vmMemmory: 1GiB', 'p.yaml:2: limits.vmMemmory: expected a known key, got unknown key "vmMemmory"'],
    ['hosts: xenhv01', 'p.yaml:1: hosts: expected array, got "xenhv01"'],
    ['hosts:\n  - role: core', 'p.yaml:2: hosts.0.match: expected string, got nothing'],
    ['arrays:\n  - match: "iscsi:*"', 'p.yaml:2: arrays.0.name: expected string, got nothing'],
    ['limits: []', 'p.yaml:1: limits: expected object, got []'],
    ['- a', 'p.yaml: the file: expected object, got ["a"]'],
    [
      'limits: { a: 1 }\nhosts: [{ match: x, b: 2 }]',
      'p.yaml:1: limits.a: expected a known key, got unknown key "a"\np.yaml:2: hosts.0.b: expected a known key, got unknown key "b"',
    ],
  ])('%j says what is wrong', (text, message) => {
    expect(configErrorOf(() => parsePolicy(text, 'p.yaml'))).toBe(message)
  })

  it('comes with a sample that holds the defaults', () => {
    const sample = fileURLToPath(new URL('../../deploy/config/policy.yaml', import.meta.url))
    expect(loadPolicy(sample, { required: true })).toEqual(defaultPolicy)
  })

  it('may be missing, unless it is required', () => {
    expect(loadPolicy('/nonexistent/policy.yaml', { required: false })).toEqual(defaultPolicy)
    expect(() => loadPolicy('/nonexistent/policy.yaml')).toThrow(ConfigError)
  })
})

function configErrorOf(work: () => unknown): string {
  try {
    work()
  } catch (error) {
    if (error instanceof ConfigError) return error.message
    throw error
  }
  return 'no error'
}
