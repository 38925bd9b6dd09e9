import { readFileSync } from 'node:fs'

import { describe, expect, test } from 'vitest'

import { ConfigError, type ConfigProblem } from '../config-error.js'
import { GiB, MiB } from '../units.js'
import { loadFleet, parseFleet } from './fleet-file.js'

const elabFile = new URL('../../deploy/fleets/elab.yaml', import.meta.url).pathname
const tinyFile = new URL('../../deploy/fleets/tiny.yaml', import.meta.url).pathname
const tiny = readFileSync(tinyFile, 'utf8')

describe('the elab fleet', () => {
  const elab = loadFleet(elabFile)

  test('has 5 hosts, 31 VMs and one array of 5 TB', () => {
    expect(elab.hosts.map(({ name, kind, memoryBytes }) => [name, kind, memoryBytes / GiB])).toEqual([
      ['xenhv01', 'xen', 8],
      ['xenhv02', 'xen', 8],
      ['xenhv03', 'xen', 8],
      ['xenhv04', 'xen', 16],
      ['esxhv01', 'esxi', 8],
    ])
    expect(elab.vms).toHaveLength(31)
    expect(elab.arrays.map(({ name, sizeBytes }) => [name, sizeBytes])).toEqual([['iscsi1', 5e12]])
    expect(elab.timeline).toEqual([])
  })

  test.each([
    ['xenhv01', 6.5, 9],
    ['xenhv02', 6, 7],
    ['xenhv03', 2, 1],
    ['xenhv04', 13, 11],
    ['esxhv01', 3, 3],
  ])('%s gives its VMs %d GiB', (host, gib, count) => {
    const vms = elab.vms.filter((vm) => vm.host === host)
    expect(vms.reduce((sum, vm) => sum + vm.memoryBytes, 0) / GiB).toBe(gib)
    expect(vms).toHaveLength(count)
  })

  test('keeps rules, exceptions and policy', () => {
    expect(elab.services.map(({ members }) => members)).toEqual([
      ['mail', 'mail2'],
      ['ns', 'elab-gw'],
      ['bell', 'tesla'],
    ])
    expect(elab.apart).toEqual([['bell', 'mail']])
    expect(elab.classes).toEqual({ department: 'core', core: 'core', personal: 'personal', other: 'personal' })
    expect(elab.exceptions).toHaveLength(3)
    expect(elab.policy).toEqual({ vmMemoryBytes: 1024 * MiB, hostReserveBytes: 2048 * MiB })
  })

  test('a personal VM belongs to its name', () => {
    const owners = new Map(elab.vms.map((vm) => [vm.name, vm.owner]))
    expect([owners.get('panda'), owners.get('mail'), owners.get('ictepc')]).toEqual(['panda', undefined, undefined])
  })
})

test('defaults of what a file leaves out', () => {
  const fleet = parseFleet(
    `
name: least
hosts: [{ name: a, cores: 2, mhz: 2000, memoryMiB: 2048, hypervisor: kvm, version: '7', os: Linux }]
arrays: [{ name: box, kind: iscsi, sizeGB: 1, hosts: [a] }]
vms: [{ name: v, host: a, memoryMiB: 512 }]
`,
    'least.yaml',
  )
  expect(fleet).toEqual({
    name: 'least',
    seed: 1,
    utcOffsetHours: 0,
    hosts: [
      {
        name: 'a',
        kind: 'kvm',
        cores: 2,
        threads: 2,
        mhz: 2000,
        memoryBytes: 2 * GiB,
        version: '7',
        os: 'Linux',
        role: 'general',
        localDisksBytes: [],
      },
    ],
    arrays: [
      {
        name: 'box',
        kind: 'iscsi',
        sizeBytes: 1e9,
        hosts: ['a'],
        cacheMode: 'write-back',
        writeCacheBytes: 512 * MiB,
        drainBytesPerSecond: 25e6,
        writeThroughBytesPerSecond: 7e6,
        freezes: false,
      },
    ],
    vms: [
      {
        name: 'v',
        host: 'a',
        group: 'other',
        vcpus: 1,
        memoryBytes: 512 * MiB,
        storage: 'local',
        diskBytes: 40e9,
        profile: 'idle',
        running: true,
        autostart: true,
      },
    ],
    timeline: [],
    labels: [],
    services: [],
    apart: [],
    classes: {},
    exceptions: [],
    policy: { vmMemoryBytes: GiB, hostReserveBytes: 2 * GiB },
  })
})

test('the timeline is put in order', () => {
  const { timeline } = parseFleet(
    `${tiny}
timeline:
  - { at: 2m, event: start, vm: lab }
  - { at: 90s, event: destroy, vm: lab }
`,
    'tiny.yaml',
  )
  expect(timeline).toEqual([
    { atMs: 90_000, event: 'destroy', vm: 'lab' },
    { atMs: 120_000, event: 'start', vm: 'lab' },
  ])
})

describe('bad fleet files', () => {
  test.each([
    [
      'an unknown key',
      [/name: tiny/, 'name: tiny\ncolour: red'],
      'colour: expected a known key (13 names), got unknown key "colour"',
    ],
    [
      'an unknown key of a VM',
      [/name: mail, host/, 'name: mail, disk: 1, host'],
      'vms.0.disk: expected a known key (name, host, group, owner, vcpus, memoryMiB, storage, diskGB, profile, running, autostart), got unknown key "disk"',
    ],
    [
      'a size that is no number',
      [/memoryMiB: 1024, storage: box, profile: mail/, 'memoryMiB: lots, storage: box'],
      'vms.0.memoryMiB: expected a number, got "lots"',
    ],
    [
      'no memory at all',
      [/memoryMiB: 1024, storage: box, profile: mail/, 'memoryMiB: 0, storage: box'],
      'vms.0.memoryMiB: expected at least 1, got 0',
    ],
    [
      'a name that would inject',
      [/name: mail, host/, 'name: "a b", host'],
      'vms.0.name: expected a name of at most 63',
    ],
    [
      'an unknown hypervisor',
      [/hypervisor: kvm/, 'hypervisor: vbox'],
      'hosts.0.hypervisor: expected one of kvm, xen, esxi, got "vbox"',
    ],
    ['an unknown profile', [/profile: mail/, 'profile: lazy'], 'vms.0.profile: expected one of idle, mail'],
    [
      'a VM on an unknown host',
      [/mail, host: one/, 'mail, host: three'],
      'vms.0.host: expected the name of a host in this file, got "three"',
    ],
    [
      'a VM on an unknown array',
      [/storage: box, profile: mail/, 'storage: crate'],
      `vms.0.storage: expected 'local' or the name of an array in this file, got "crate"`,
    ],
    [
      'an array that the host does not see',
      [/hosts: \[one, two\]/, 'hosts: [two]'],
      'vms.0.storage: expected an array that one sees, got "box"',
    ],
    ['an array called local', [/name: box/, 'name: local'], 'arrays.0.name: expected a name other than'],
    [
      'two VMs of one name',
      [/name: www/, 'name: mail'],
      'vms.1.name: expected a name that is not taken yet, got "mail"',
    ],
    [
      'two hosts of one name',
      [/name: two\n/, 'name: one\n'],
      'hosts.1.name: expected a name that is not taken yet, got "one"',
    ],
    [
      'a service of a stranger',
      [/$/, '\nservices: [{ name: s, members: [mail, ghost] }]'],
      'services.0.members.1: expected the name of a VM in this file, got "ghost"',
    ],
    [
      'an exception for nobody',
      [/$/, '\nexceptions: [{ rule: r, reason: why }]'],
      'exceptions.0: expected either vm or host',
    ],
    [
      'a time without a unit',
      [/$/, '\ntimeline: [{ at: 90, event: start, vm: mail }]'],
      'timeline.0.at: expected a duration such as 15s, 10m or 3d, got 90',
    ],
    [
      'an unknown event',
      [/$/, '\ntimeline: [{ at: 9s, event: explode, vm: mail }]'],
      'timeline.0.event: expected one of start, shutdown, destroy, crash, kill, migrate, profile, host-lost, host-back, clean, fill',
    ],
    [
      'an event with too much',
      [/$/, '\ntimeline: [{ at: 9s, event: start, vm: mail, to: two }]'],
      'timeline.0.to: expected a known key',
    ],
    [
      'a file system that nobody sees',
      [/hypervisor: \w+([^]*)$/, 'hypervisor: esxi$1\ntimeline: [{ at: 9s, event: fill, host: one, rate: 1MB/s }]'],
      'timeline.0.host: expected a host that shows its file systems: ESXi does not, got "one"',
    ],
    [
      'an event of a stranger',
      [/$/, '\ntimeline: [{ at: 9s, event: start, vm: ghost }]'],
      'timeline.0.vm: expected the name of a VM in this file, got "ghost"',
    ],
    [
      'a move of a local disk',
      [/$/, '\ntimeline: [{ at: 9s, event: migrate, vm: lab, to: one }]'],
      'timeline.0.vm: expected a VM on a shared array: local disks do not migrate, got "lab"',
    ],
    [
      'a move to another hypervisor',
      [/two\n([^]*)kvm([^]*)$/, 'two\n$1xen$2\ntimeline: [{ at: 9s, event: migrate, vm: mail, to: two }]'],
      'timeline.0.to: expected a host with kvm too, got "two"',
    ],
    ['no hosts', [/hosts:\n[^]*arrays:/, 'hosts: []\narrays:'], 'hosts: expected at least 1'],
    ['a class for no name', [/$/, '\nclasses: { "a b": x }'], 'classes.a b: expected'],
  ] as const)('%s', (_title, [from, to], message) => {
    const text = tiny.replace(from, to)
    expect(text).not.toBe(tiny)
    expect(() => parseFleet(text, 'bad.yaml')).toThrow(ConfigError)
    expect(() => parseFleet(text, 'bad.yaml')).toThrow(message)
  })

  test('keys that would pollute objects are only data', () => {
    const fleet = parseFleet(`${tiny}\nclasses: { __proto__: core, constructor: core }`, 'bad.yaml')
    expect(Object.getPrototypeOf(fleet.classes)).toBe(Object.prototype)
    expect(Reflect.get({}, 'core')).toBeUndefined()
  })

  test('every problem is told, with its line', () => {
    const text = tiny.replace('host: one, group', 'host: three, group').replace('name: www', 'name: mail')
    expect(problemsOf(text).map(({ key, line }) => [key, line])).toEqual([
      ['vms.1.name', 24],
      ['vms.0.host', 23],
      ['vms.0.storage', 23],
    ])
  })
})

function problemsOf(text: string): readonly ConfigProblem[] {
  try {
    parseFleet(text, 'bad.yaml')
    return []
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
}
