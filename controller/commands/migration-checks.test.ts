import { describe, expect, it } from 'vitest'

import { buildHost, buildSnapshot, buildVm, hostIdOf, MiB } from '../../test/support/snapshot-builder.js'
import { migrationVerdicts, type MoveFacts } from './migration-checks.js'

const array = { key: 'iscsi:a', name: 'a', kind: 'iscsi' }
const row = { name: 'vm', host: 'one', memoryMiB: 512 }
const host = (name: string, more: object = {}): ReturnType<typeof buildHost> =>
  buildHost({ name, memoryMiB: 4096, version: 'QEMU 7.2.0', more: { managementVersion: 'libvirt 9.0.0', ...more } })
const source = host('one')
const snapshot = buildSnapshot({
  hosts: [{ name: 'one', memoryMiB: 4096 }],
  vms: [{ ...row, array: array.key }],
  arrays: [array],
})
const disk = [...snapshot.disks.values()].map((one) => ({ ...one, backend: 'iscsi', source: 'iscsi://box/a/1' }))

function refused(change: Partial<MoveFacts>): string[] {
  const facts: MoveFacts = {
    vm: buildVm(row),
    disks: disk,
    source,
    to: 'two',
    target: host('two'),
    targetMaintenance: undefined,
    targetSpareBytes: 512 * MiB,
    arrays: snapshot.arrays,
    ...change,
  }
  return migrationVerdicts(facts).flatMap(({ check, ok }) => (ok ? [] : [check]))
}

describe('a move', () => {
  it.each<[string, Partial<MoveFacts>, string[]]>([
    ['between equal hosts', {}, []],
    ['to nowhere', { target: undefined }, ['target']],
    ['to where it is', { target: source }, ['target']],
    ['to a host that is silent', { target: host('two', { status: 'silent' }) }, ['target']],
    ['to another hypervisor', { target: host('two', { kind: 'xen' }) }, ['kind']],
    ['to a newer QEMU', { target: host('two', { hypervisorVersion: 'QEMU 7.10.0' }) }, []],
    ['to an older QEMU', { target: host('two', { hypervisorVersion: 'QEMU 6.10.0' }) }, ['hypervisor']],
    ['to an older libvirt', { target: host('two', { managementVersion: 'libvirt 8.9.9' }) }, ['management']],
    ['to a host in maintenance', { targetMaintenance: { since: 0, by: 'ann', reason: '' } }, ['maintenance']],
    ['into the reserve', { targetSpareBytes: 511 * MiB }, ['memory']],
    ['to where nobody knows what is left', { targetSpareBytes: undefined }, ['memory']],
    ['of a local disk', { disks: disk.map((one) => ({ ...one, backend: 'file' })) }, ['disk vda']],
    ['of a local drive', { disks: disk.map((one) => ({ ...one, backend: 'file', removable: true })) }, ['disk vda']],
    [
      'of a file share that the other host lacks',
      { disks: disk.map((one) => ({ ...one, backend: 'nfs' })) },
      ['disk vda'],
    ],
    [
      'of a file share that both have',
      {
        disks: disk.map((one) => ({ ...one, backend: 'nfs' })),
        arrays: new Map(
          [...snapshot.arrays].map(([key, one]) => [key, { ...one, hostIds: [hostIdOf('one'), hostIdOf('two')] }]),
        ),
      },
      [],
    ],
  ])('%s', (_what, change, expected) => {
    expect(refused(change)).toEqual(expected)
  })
})
