import type { DiskField, NicField, VmField } from '../../../controller/store/measurements.js'
import type { QueryOf } from '../query.js'
import type { DashboardSpec } from '../spec.js'
import { ioPanels } from './io-panels.js'

const where = { name: 'vm' } as const

function line(field: VmField, legend: string): QueryOf<'vm'> {
  return { kind: 'vm', field, by: [], where, legend }
}

function disks(field: DiskField, legend: string): QueryOf<'disk'> {
  return { kind: 'disk', field, across: 'max', by: ['target'], where: { vmName: 'vm' }, legend }
}

function nics(field: NicField, legend: string): QueryOf<'nic'> {
  return { kind: 'nic', field, by: ['device'], where: { vmName: 'vm' }, legend }
}

export const vm: DashboardSpec = {
  name: 'vm',
  title: 'headroom: VM',
  description: 'One VM, wherever it runs.',
  variables: ['vm'],
  from: 'now-6h',
  events: { vmName: 'vm' },
  rows: [
    {
      title: 'CPU and memory',
      panels: [
        {
          title: 'CPU',
          description: 'CPU time used per second. Absent while it does not run.',
          unit: 'short',
          shows: { as: 'lines', queries: [line('cpuCores', 'cores')] },
        },
        {
          title: 'Waiting for a CPU',
          description: 'Share of time that a vCPU waited for a CPU, all vCPUs added up. Absent on Xen.',
          unit: 'percentunit',
          shows: { as: 'lines', queries: [line('vcpuWaitFraction', 'waiting')] },
        },
        {
          title: 'Memory',
          description:
            'What it may grow to, what it has now, what its process takes on the host, and what is in use as the guest says (needs a balloon driver that tells). What its host cannot measure is absent.',
          unit: 'bytes',
          shows: {
            as: 'lines',
            queries: [
              line('memoryMaxBytes', 'configured'),
              line('memoryBytes', 'now'),
              line('memoryRssBytes', 'resident'),
              line('memoryGuestUsedBytes', 'used by the guest'),
            ],
          },
        },
        {
          title: 'Memory on ESXi',
          description: 'Touched lately, taken back by the balloon, swapped by the host. Absent on other hypervisors.',
          unit: 'bytes',
          shows: {
            as: 'lines',
            queries: [
              line('memoryActiveBytes', 'active'),
              line('memoryBalloonedBytes', 'ballooned'),
              line('memorySwappedBytes', 'swapped'),
            ],
          },
        },
      ],
    },
    {
      title: 'Disks',
      panels: [
        ...ioPanels('vm', where, [], 'All its disks together; absent where its host cannot measure it.'),
        {
          title: 'Write latency of each disk',
          description: 'Mean time of a write request. Absent while there are none, and on Xen.',
          unit: 'ms',
          shows: { as: 'lines', queries: [disks('writeLatencyMs', '{target}')] },
        },
      ],
    },
    {
      title: 'Network and state',
      panels: [
        {
          title: 'Network',
          description: 'Bytes per second of each interface. Absent where its host cannot measure it.',
          unit: 'Bps',
          shows: {
            as: 'lines',
            queries: [
              nics('receiveBytesPerSecond', '{device} received'),
              nics('transmitBytesPerSecond', '{device} sent'),
            ],
          },
        },
        {
          title: 'Runs on',
          description: '1 while it runs, 0 otherwise, by the host that tells. Absent while no host tells of it.',
          unit: 'short',
          shows: {
            as: 'lines',
            queries: [{ kind: 'vm', field: 'running', figure: 'last', by: ['hostName'], where, legend: '{hostName}' }],
          },
        },
      ],
    },
  ],
}
