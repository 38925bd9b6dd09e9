import type { VmField } from '../../../controller/store/measurements.js'
import type { DashboardSpec, PanelSpec, Unit } from '../spec.js'

function ranking(title: string, field: VmField, unit: Unit, absent: string): PanelSpec {
  return {
    title,
    description: `The ten VMs with the greatest mean over the time shown. ${absent}`,
    unit,
    width: 8,
    shows: {
      as: 'ranking',
      queries: [{ kind: 'vm', field, by: ['name'], where: { hostName: 'hosts' }, legend: '{name}' }],
    },
  }
}

const absent = 'VMs are missing whose host cannot measure it.'
const none = 'VMs are missing that had no such requests, or whose host cannot measure it.'

export const noisyNeighbours: DashboardSpec = {
  name: 'noisy-neighbours',
  title: 'headroom: noisy neighbours',
  description: 'Which VMs ask most of what they share with others.',
  variables: ['hosts'],
  from: 'now-1h',
  rows: [
    {
      title: 'Bytes',
      panels: [
        ranking('Write most', 'writeBytesPerSecond', 'Bps', absent),
        ranking('Read most', 'readBytesPerSecond', 'Bps', absent),
        ranking('Send most', 'transmitBytesPerSecond', 'Bps', absent),
      ],
    },
    {
      title: 'Requests and CPU',
      panels: [
        ranking('Most write requests', 'writeRequestsPerSecond', 'iops', absent),
        ranking('Most read requests', 'readRequestsPerSecond', 'iops', absent),
        ranking('Most CPU', 'cpuCores', 'short', absent),
      ],
    },
    {
      title: 'Who suffers',
      panels: [
        ranking('Longest writes', 'writeLatencyMs', 'ms', none),
        ranking('Longest reads', 'readLatencyMs', 'ms', none),
        ranking('Wait most for a CPU', 'vcpuWaitFraction', 'percentunit', 'Absent on Xen.'),
      ],
    },
  ],
}
