import type { DashboardSpec } from '../spec.js'

export const fleet: DashboardSpec = {
  name: 'fleet',
  title: 'headroom: fleet',
  description: 'All hosts, VMs and arrays at a glance.',
  variables: [],
  from: 'now-6h',
  events: {},
  rows: [
    {
      title: 'Now',
      panels: [
        {
          title: 'Hosts that report',
          description: 'Hosts with figures in the step. A host that is silent is missing here.',
          unit: 'short',
          shows: {
            as: 'number',
            queries: [{ kind: 'host', field: 'memoryBytes', across: 'count', by: [], legend: 'hosts' }],
          },
        },
        {
          title: 'VMs that run',
          description: 'Sum of `running`. VMs of a silent host are missing here.',
          unit: 'short',
          shows: {
            as: 'number',
            queries: [{ kind: 'vm', field: 'running', figure: 'last', by: [], legend: 'VMs' }],
          },
        },
        {
          title: 'Memory configured',
          description:
            'What the running VMs of all hosts may grow to. Absent until every VM of a host has told its size.',
          unit: 'bytes',
          shows: {
            as: 'number',
            queries: [{ kind: 'host', field: 'memoryConfiguredBytes', figure: 'last', by: [], legend: 'configured' }],
          },
        },
        {
          title: 'Memory of the hypervisors',
          description: 'What the hypervisors have for VMs and themselves. Absent until a host has told its inventory.',
          unit: 'bytes',
          shows: {
            as: 'number',
            queries: [{ kind: 'host', field: 'memoryManagedBytes', figure: 'last', by: [], legend: 'memory' }],
          },
        },
      ],
    },
    {
      title: 'Hosts',
      panels: [
        {
          title: 'CPU used',
          description: 'CPU time used per second, guests included. Absent where the host cannot measure it.',
          unit: 'short',
          shows: {
            as: 'lines',
            queries: [{ kind: 'host', field: 'cpuUsedCores', by: ['name'], legend: '{name}' }],
          },
        },
        {
          title: 'Memory available',
          description:
            'Memory available without swapping, as the machine says. Absent where the host cannot measure it.',
          unit: 'bytes',
          shows: {
            as: 'lines',
            queries: [{ kind: 'host', field: 'memoryAvailableBytes', by: ['name'], legend: '{name}' }],
          },
        },
        {
          title: 'Written by the VMs of each host',
          description: 'Bytes per second that the VMs write to their disks. Absent where the host cannot measure it.',
          unit: 'Bps',
          shows: {
            as: 'stacked lines',
            queries: [{ kind: 'vm', field: 'writeBytesPerSecond', by: ['hostName'], legend: '{hostName}' }],
          },
        },
        {
          title: 'Read by the VMs of each host',
          description: 'Bytes per second that the VMs read from their disks. Absent where the host cannot measure it.',
          unit: 'Bps',
          shows: {
            as: 'stacked lines',
            queries: [{ kind: 'vm', field: 'readBytesPerSecond', by: ['hostName'], legend: '{hostName}' }],
          },
        },
      ],
    },
    {
      title: 'Arrays',
      panels: [
        {
          title: 'Written to each array',
          description:
            'Bytes per second, all hosts added up. Absent of arrays that no host counts and no disk lies on.',
          unit: 'Bps',
          shows: {
            as: 'lines',
            queries: [{ kind: 'array', field: 'writeBytesPerSecond', by: ['name'], legend: '{name}' }],
          },
        },
        {
          title: 'Write latency of each array',
          description:
            'Mean time of a write request, at the host where it is longest. Absent while nothing is written.',
          unit: 'ms',
          shows: {
            as: 'lines',
            queries: [{ kind: 'array', field: 'writeLatencyMs', across: 'max', by: ['name'], legend: '{name}' }],
          },
        },
      ],
    },
  ],
}
