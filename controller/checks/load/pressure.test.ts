import { describe, expect, it } from 'vitest'

import { policyOf } from '../../../test/support/policy-with.js'
import { buildHost, buildSnapshot, buildVm, known, MiB, uuidOf } from '../../../test/support/snapshot-builder.js'
import type { Finding } from '../../model/finding.js'
import type { Host, HypervisorKind, Metric, Vm } from '../../model/snapshot.js'
import { fleetFindings } from '../fleet-findings.js'
import { loadFindings } from './load-findings.js'
import { placed } from '../../../test/support/placed.js'

/** Checks of CPU and memory, of hosts and of VMs. */

type Figures = Readonly<Record<string, number | 'absent'>>

const metricsOf = (figures: Figures): Record<string, Metric> =>
  Object.fromEntries(
    Object.entries(figures).map(([name, value]) => [
      name,
      value === 'absent' ? { absent: 'not measured here' } : known(value),
    ]),
  )

const classes = 'groups: [{ name: people, class: personal, match: ["p*"] }]\n'

interface Around {
  readonly host?: Partial<Host>
  readonly vm?: Partial<Vm>
  readonly policy?: string
}

function snapshotOf(hostFigures: Figures, vmFigures: Figures, { host, vm }: Around, name: string) {
  const built = buildSnapshot({ hosts: [{ name: 'h', memoryMiB: null }], vms: [{ name, host: 'h', memoryMiB: null }] })
  const hosts = [{ ...buildHost({ name: 'h', memoryMiB: null }), metrics: metricsOf(hostFigures), ...host }]
  const vms = [{ ...buildVm({ name, host: 'h', memoryMiB: null }), vcpus: 2, metrics: metricsOf(vmFigures), ...vm }]
  return {
    ...built,
    hosts: new Map(hosts.map((one) => [one.id, one])),
    vms: new Map(vms.map((one) => [one.uuid, one])),
  }
}

function ofHost(figures: Figures, around: Around = {}): Finding[] {
  return loadFindings(placed(snapshotOf(figures, {}, around, 'v'), policyOf(classes + (around.policy ?? ''))))
}

function ofVm(figures: Figures, around: Around = {}, name = 'v'): Finding[] {
  return loadFindings(placed(snapshotOf({}, figures, around, name), policyOf(classes + (around.policy ?? ''))))
}

const inWords = ({ strength, severity, check, subject, message }: Finding): string =>
  `${strength} ${severity} ${check} ${subject.name}: ${message}`

const memory = { memoryBytes: 1000 * MiB }

describe('hosts', () => {
  it.each<[string, Figures, string[]]>([
    ['no figures', {}, []],
    [
      'tasks wait for memory',
      { psiMemorySomeFraction: 0.1 },
      ['raise warning host-memory-pressure h: tasks wait for memory 10% of the time'],
    ],
    [
      'less: not over',
      { psiMemorySomeFraction: 0.06 },
      ['keep warning host-memory-pressure h: tasks wait for memory 6% of the time'],
    ],
    ['hardly', { psiMemorySomeFraction: 0.05, psiMemoryFullFraction: 0.05 }, []],
    [
      'all of them wait',
      { psiMemorySomeFraction: 0.5, psiMemoryFullFraction: 0.2 },
      ['raise critical host-memory-pressure h: tasks wait for memory 50% of the time, all of them 20%'],
    ],
    ['pressure that the kernel does not tell', { psiMemorySomeFraction: 'absent' }, []],
    [
      'it swaps in, and little is available',
      { swapInBytesPerSecond: 2.5e6, ...memory, memoryAvailableBytes: 49 * MiB },
      ['raise warning host-memory-pressure h: 2.5 MB/s are swapped in; 49 MiB of 1000 MiB are available (4.9%)'],
    ],
    [
      'of several only what is as strong counts',
      { swapInBytesPerSecond: 0.7e6, ...memory, memoryAvailableBytes: 49 * MiB },
      ['raise warning host-memory-pressure h: 49 MiB of 1000 MiB are available (4.9%)'],
    ],
    [
      'a little more is available: not over',
      { ...memory, memoryAvailableBytes: 83 * MiB },
      ['keep warning host-memory-pressure h: 83 MiB of 1000 MiB are available (8.3%)'],
    ],
    ['enough is available', { ...memory, memoryAvailableBytes: 84 * MiB }, []],
    ['what is available is not known', { ...memory, memoryAvailableBytes: 'absent' }, []],
    ['it swaps out', { swapOutBytesPerSecond: 50e6, swapUsedBytes: 1e9, swapInBytesPerSecond: 0 }, []],
    ['all CPUs are in use', { cpuUsedCores: 3.8 }, ['raise warning cpu-saturated h: 95% of its 4 CPUs are in use']],
    ['nearly: not over', { cpuUsedCores: 3.43 }, ['keep warning cpu-saturated h: 86% of its 4 CPUs are in use']],
    ['most', { cpuUsedCores: 3.4, psiCpuSomeFraction: 0.5 }, []],
    [
      'tasks wait for a CPU',
      { cpuUsedCores: 'absent', psiCpuSomeFraction: 0.6 },
      ['raise warning cpu-saturated h: tasks wait for a CPU 60% of the time'],
    ],
    [
      'another hypervisor takes its CPUs',
      { cpuStealCores: 0.4 },
      [
        'raise warning cpu-steal h: it runs under another hypervisor, which gives its CPUs to others: 10% of the time of 4 CPUs',
      ],
    ],
    [
      'less: not over',
      { cpuStealCores: 0.2 },
      [
        'keep warning cpu-steal h: it runs under another hypervisor, which gives its CPUs to others: 5% of the time of 4 CPUs',
      ],
    ],
    ['hardly any', { cpuStealCores: 0.19 }, []],
  ])('%s', (_what, figures, expected) => {
    expect(ofHost(figures).map(inWords)).toEqual(expected)
  })

  it('count threads where there are more than cores, and nothing where neither is known', () => {
    const busy = { cpuUsedCores: 4, cpuStealCores: 1 }
    expect(ofHost(busy, { host: { cpuThreads: 8 } }).map(({ check }) => check)).toEqual(['cpu-steal'])
    expect(ofHost(busy, { host: { cpuCores: undefined } })).toEqual([])
  })

  it('under Xen, what is taken is taken from dom0', () => {
    const kind: HypervisorKind = 'xen'
    expect(ofHost({ cpuStealCores: 1 }, { host: { kind } }).map(({ message }) => message)).toEqual([
      'dom0 waits for CPUs that its VMs use: 25% of the time of 4 CPUs',
    ])
  })

  it('that are silent have no figures of now', () => {
    const figures = { psiMemorySomeFraction: 1, cpuUsedCores: 4, cpuStealCores: 4 }
    expect(ofHost(figures)).toHaveLength(3)
    expect(ofHost(figures, { host: { status: 'silent' } })).toEqual([])
  })

  it('show the figures that a finding rests on', () => {
    const [swapping] = ofHost({ psiMemorySomeFraction: 0.3, swapInBytesPerSecond: 2e6 })
    expect(swapping?.evidence).toEqual([
      { entityKind: 'host', entityId: 'id-h', field: 'psiMemorySomeFraction', value: 0.3, limit: 0.1 },
      { entityKind: 'host', entityId: 'id-h', field: 'swapInBytesPerSecond', value: 2e6, limit: 1e6 },
    ])
    expect(ofHost({ cpuUsedCores: 4 })[0]?.evidence).toEqual([
      { entityKind: 'host', entityId: 'id-h', field: 'cpuUsedCores', value: 4, limit: 3.8 },
    ])
  })
})

describe('VMs', () => {
  it.each<[string, Figures, string[]]>([
    ['no figures', {}, []],
    [
      'the guest swaps in',
      { memorySwapInBytesPerSecond: 1e6 },
      ['raise warning vm-memory-pressure v: its guest swaps in 1 MB/s'],
    ],
    [
      'less: not over',
      { memorySwapInBytesPerSecond: 0.6e6 },
      ['keep warning vm-memory-pressure v: its guest swaps in 600 kB/s'],
    ],
    ['hardly', { memorySwapInBytesPerSecond: 0.5e6 }, []],
    ['the guest says nothing', { memorySwapInBytesPerSecond: 'absent', memoryGuestAvailableBytes: 'absent' }, []],
    [
      'the guest has little available',
      { ...memory, memoryGuestAvailableBytes: 49 * MiB },
      ['raise warning vm-memory-pressure v: its guest has 49 MiB of 1000 MiB available (4.9%)'],
    ],
    ['little of what is not known', { memoryGuestAvailableBytes: 1 }, []],
    [
      'the host takes memory back',
      { ...memory, memoryBalloonedBytes: 100 * MiB, memorySwappedBytes: 64 * MiB },
      [
        'raise warning vm-memory-pressure v: its host has swapped out 64 MiB of it; its host has taken back 100 MiB of its 1000 MiB',
      ],
    ],
    ['the host takes none', { ...memory, memoryBalloonedBytes: 0, memorySwappedBytes: 0 }, []],
    [
      'its virtual CPUs wait',
      { vcpuWaitFraction: 0.2 },
      ['raise warning vcpu-wait v: its virtual CPUs wait 10% of the time for a CPU of h'],
    ],
    [
      'less: not over',
      { vcpuWaitFraction: 0.1 },
      ['keep warning vcpu-wait v: its virtual CPUs wait 5% of the time for a CPU of h'],
    ],
    ['hardly', { vcpuWaitFraction: 0.09 }, []],
    ['nobody measures that', { vcpuWaitFraction: 'absent' }, []],
  ])('%s', (_what, figures, expected) => {
    expect(ofVm(figures).map(inWords)).toEqual(expected)
  })

  const both = { memorySwapInBytesPerSecond: 5e6, vcpuWaitFraction: 1 }

  it('of a personal class are for information', () => {
    expect(ofVm(both, {}, 'p1').map(({ severity }) => severity)).toEqual(['info', 'info'])
    expect(ofVm(both).map(({ severity }) => severity)).toEqual(['warning', 'warning'])
  })

  it('that are off, cannot be read or have an unknown number of CPUs say nothing', () => {
    const gaps = [{ vmUuid: uuidOf('v'), group: 'cpu', reason: 'timeout', message: '', sinceMs: 0 }]
    expect(ofVm(both, { vm: { state: 'shutoff' } })).toEqual([])
    expect(ofVm(both, { vm: { gaps } })).toEqual([])
    expect(ofVm(both, { vm: { vcpus: undefined } }).map(({ check }) => check)).toEqual(['vm-memory-pressure'])
  })

  it('show the stored figure, which is that of all virtual CPUs', () => {
    expect(ofVm({ vcpuWaitFraction: 0.5 })[0]?.evidence).toEqual([
      { entityKind: 'vm', entityId: uuidOf('v'), field: 'vcpuWaitFraction', value: 0.5, limit: 0.2 },
    ])
  })
})

describe('the policy', () => {
  const busyHost = { psiMemorySomeFraction: 1, cpuUsedCores: 4, cpuStealCores: 4 }
  const busyVm = { memorySwapInBytesPerSecond: 5e6, vcpuWaitFraction: 1 }
  const checks = ['host-memory-pressure', 'cpu-saturated', 'cpu-steal', 'vm-memory-pressure', 'vcpu-wait']
  const found = (text: string): string[] =>
    fleetFindings(snapshotOf(busyHost, busyVm, {}, 'v'), policyOf(classes + text))
      .stands.map(({ check }) => check)
      .filter((check) => checks.includes(check))

  it('excepts each of them', () => {
    expect(found('')).toEqual(checks)
    const rules = checks.map((rule) => `{ host: h, rule: ${rule}, reason: known }`)
    expect(found(`exceptions: [${rules.join(', ')}]`)).toEqual([])
  })

  it.each([
    ['host-memory-pressure', 'waiting: 100%, swapIn: 9MB/s', 'host-memory-pressure'],
    ['vm-memory-pressure', 'swapIn: 6MB/s', ''],
  ])('sets limits of %s', (check, settings, still) => {
    expect(found(`thresholds: { ${check}: { ${settings} } }`)).toEqual(
      checks.filter((one) => one !== check || one === still),
    )
  })
})
