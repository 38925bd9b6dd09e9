import type { DashboardSpec } from '../spec.js'

export const capacity: DashboardSpec = {
  name: 'capacity',
  title: 'headroom: capacity',
  description:
    'Room for more VMs. The reserve is what the policy keeps free on each host (limits.hostReserve): set it here to what the policy has. ' +
    'What single hosts keep instead is not known here; `headroom capacity` goes by the policy itself.',
  variables: [],
  hasReserve: true,
  from: 'now-24h',
  rows: [
    {
      title: 'Memory of each host',
      panels: [
        {
          title: 'Headroom',
          description:
            'Memory of the hypervisor less what running VMs may grow to, less the reserve. Absent until the host has told its inventory.',
          unit: 'bytes',
          shows: {
            as: 'lines',
            queries: [
              {
                kind: 'host',
                field: 'memoryManagedBytes',
                minus: 'memoryConfiguredBytes',
                lessReserve: true,
                figure: 'last',
                by: ['name'],
                legend: '{name}',
              },
            ],
          },
        },
        {
          title: 'Configured',
          description:
            'What the running VMs of each host may grow to. Absent until every VM of a host has told its size.',
          unit: 'bytes',
          shows: {
            as: 'lines',
            queries: [{ kind: 'host', field: 'memoryConfiguredBytes', figure: 'last', by: ['name'], legend: '{name}' }],
          },
        },
        {
          title: 'Available',
          description:
            'Memory available without swapping, as the machine says. Absent where the host cannot measure it.',
          unit: 'bytes',
          shows: {
            as: 'lines',
            queries: [{ kind: 'host', field: 'memoryAvailableBytes', figure: 'last', by: ['name'], legend: '{name}' }],
          },
        },
        {
          title: 'Share configured',
          description: 'Of the memory of the hypervisor. More than 100 %: not all VMs can have what they may grow to.',
          unit: 'percentunit',
          shows: {
            as: 'lines',
            queries: [
              {
                kind: 'host',
                field: 'memoryConfiguredBytes',
                over: 'memoryManagedBytes',
                figure: 'last',
                by: ['name'],
                legend: '{name}',
              },
            ],
          },
        },
      ],
    },
    {
      title: 'Growth of the fleet, from roll-ups of an hour: for months and years',
      panels: [
        {
          title: 'Memory configured',
          description:
            'All hosts together, a mean of each hour. Absent where roll-ups of an hour are not kept, and in the hour that is not over.',
          unit: 'bytes',
          shows: {
            as: 'lines',
            queries: [
              { kind: 'host', field: 'memoryConfiguredBytes', tier: '1h', by: [], legend: 'configured' },
              { kind: 'host', field: 'memoryManagedBytes', tier: '1h', by: [], legend: 'of the hypervisors' },
            ],
          },
        },
        {
          title: 'CPU used',
          description:
            'All hosts together, a mean of each hour. Absent where roll-ups of an hour are not kept, and in the hour that is not over.',
          unit: 'short',
          shows: {
            as: 'lines',
            queries: [{ kind: 'host', field: 'cpuUsedCores', tier: '1h', by: [], legend: 'cores' }],
          },
        },
        {
          title: 'Written',
          description:
            'All VMs together, a mean of each hour. Absent where roll-ups of an hour are not kept, and in the hour that is not over.',
          unit: 'Bps',
          shows: {
            as: 'lines',
            queries: [{ kind: 'vm', field: 'writeBytesPerSecond', tier: '1h', by: [], legend: 'bytes' }],
          },
        },
      ],
    },
    {
      title: 'File systems of the hosts',
      panels: [
        {
          title: 'Share available, least of each host',
          description: 'Absent where the host does not tell of file systems.',
          unit: 'percentunit',
          shows: {
            as: 'lines',
            queries: [
              {
                kind: 'file_system',
                field: 'availableBytes',
                over: 'sizeBytes',
                figure: 'last',
                across: 'min',
                by: ['hostName'],
                legend: '{hostName}',
              },
            ],
          },
        },
      ],
    },
  ],
}
