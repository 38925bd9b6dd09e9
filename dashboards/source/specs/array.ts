import type { DashboardSpec } from '../spec.js'
import { ioPanels } from './io-panels.js'

const where = { name: 'array' } as const

export const array: DashboardSpec = {
  name: 'array',
  title: 'headroom: array',
  description: 'One storage array, and what each host asks of it.',
  variables: ['array'],
  from: 'now-6h',
  rows: [
    {
      title: 'All hosts together',
      panels: ioPanels('array', where, [], 'Absent where no host counts it and no disk of a VM lies on it.'),
    },
    {
      title: 'Each host',
      panels: [
        ...ioPanels('array', where, ['hostName'], 'Absent of hosts that neither count it nor have disks on it.'),
        {
          title: 'Requests in flight',
          description: 'Absent where hosts do not count them.',
          unit: 'short',
          shows: {
            as: 'lines',
            queries: [{ kind: 'array', field: 'inFlight', by: ['hostName'], where, legend: '{hostName}' }],
          },
        },
        {
          title: 'Canary',
          description: "Time of the canary's own small write. Absent where no agent has a canary on it.",
          unit: 'ms',
          shows: {
            as: 'lines',
            queries: [
              { kind: 'array', field: 'canaryMs', across: 'max', by: ['hostName'], where, legend: '{hostName}' },
            ],
          },
        },
      ],
    },
  ],
}
