import type { HostField } from '../../../controller/store/measurements.js'
import type { QueryOf } from '../query.js'
import type { DashboardSpec } from '../spec.js'

const where = { name: 'host' } as const
const ofItsVms = { hostName: 'host' } as const

function line(field: HostField, legend: string): QueryOf<'host'> {
  return { kind: 'host', field, by: [], where, legend }
}

export const host: DashboardSpec = {
  name: 'host',
  title: 'headroom: host',
  description: 'One host: the machine, its VMs, its arrays.',
  variables: ['host'],
  from: 'now-6h',
  events: { hostName: 'host' },
  rows: [
    {
      title: 'Machine',
      panels: [
        {
          title: 'CPU',
          description:
            'Cores in use, guests included; idle while I/O was pending; taken by an outer hypervisor. ESXi tells only the first.',
          unit: 'short',
          shows: {
            as: 'lines',
            queries: [
              line('cpuUsedCores', 'used'),
              line('cpuIowaitCores', 'waiting for I/O'),
              line('cpuStealCores', 'stolen'),
            ],
          },
        },
        {
          title: 'Load',
          description: 'Load average of one minute. ESXi has none.',
          unit: 'short',
          shows: { as: 'lines', queries: [line('load1', 'load')] },
        },
        {
          title: 'Memory',
          description:
            'Memory of the hypervisor; what running VMs may grow to; what is available without swapping. What the host cannot measure is absent.',
          unit: 'bytes',
          shows: {
            as: 'lines',
            queries: [
              line('memoryManagedBytes', 'hypervisor'),
              line('memoryConfiguredBytes', 'configured'),
              line('memoryAvailableBytes', 'available'),
            ],
          },
        },
        {
          title: 'Swap traffic',
          description: 'Swapped in and out per second. Absent on ESXi.',
          unit: 'Bps',
          shows: {
            as: 'lines',
            queries: [line('swapInBytesPerSecond', 'in'), line('swapOutBytesPerSecond', 'out')],
          },
        },
        {
          title: 'Pressure',
          description:
            'Share of time that some task waited for CPU, memory or I/O. Absent where the kernel does not tell (before Linux 4.20; ESXi).',
          unit: 'percentunit',
          shows: {
            as: 'lines',
            queries: [
              line('psiCpuSomeFraction', 'CPU'),
              line('psiMemorySomeFraction', 'memory'),
              line('psiIoSomeFraction', 'I/O'),
            ],
          },
        },
        {
          title: 'Network',
          description: 'Bytes of its physical interfaces per second.',
          unit: 'Bps',
          shows: {
            as: 'lines',
            queries: [line('receiveBytesPerSecond', 'received'), line('transmitBytesPerSecond', 'sent')],
          },
        },
        {
          title: 'File systems: share available',
          description: 'Available to unprivileged users. Absent where the host does not tell of file systems.',
          unit: 'percentunit',
          shows: {
            as: 'lines',
            queries: [
              {
                kind: 'file_system',
                field: 'availableBytes',
                over: 'sizeBytes',
                figure: 'last',
                across: 'max',
                by: ['mount'],
                where: ofItsVms,
                legend: '{mount}',
              },
            ],
          },
        },
      ],
    },
    {
      title: 'Its VMs',
      panels: [
        {
          title: 'CPU of its VMs',
          description: 'CPU time used per second. Absent while a VM does not run.',
          unit: 'short',
          shows: {
            as: 'stacked lines',
            queries: [{ kind: 'vm', field: 'cpuCores', by: ['name'], where: ofItsVms, legend: '{name}' }],
          },
        },
        {
          title: 'Written by its VMs',
          description: 'Bytes per second. Absent where the host cannot measure it.',
          unit: 'Bps',
          shows: {
            as: 'stacked lines',
            queries: [{ kind: 'vm', field: 'writeBytesPerSecond', by: ['name'], where: ofItsVms, legend: '{name}' }],
          },
        },
      ],
    },
    {
      title: 'Its arrays',
      panels: [
        {
          title: 'Written to its arrays',
          description: 'Bytes per second of this host alone. Absent of arrays that it neither counts nor has disks on.',
          unit: 'Bps',
          shows: {
            as: 'lines',
            queries: [{ kind: 'array', field: 'writeBytesPerSecond', by: ['name'], where: ofItsVms, legend: '{name}' }],
          },
        },
        {
          title: 'Write latency of its arrays',
          description: 'Mean time of a write request of this host. Absent while it writes nothing.',
          unit: 'ms',
          shows: {
            as: 'lines',
            queries: [
              {
                kind: 'array',
                field: 'writeLatencyMs',
                across: 'max',
                by: ['name'],
                where: ofItsVms,
                legend: '{name}',
              },
            ],
          },
        },
      ],
    },
  ],
}
