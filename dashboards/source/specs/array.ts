import type { QueryOf } from '../query.js'
import type { DashboardSpec } from '../spec.js'
import { ioPanels } from './io-panels.js'

const where = { name: 'array' } as const

type CacheQuery = Omit<QueryOf<'array_cache'>, 'kind' | 'by' | 'where'>

function ofCache(...queries: readonly CacheQuery[]): readonly QueryOf<'array_cache'>[] {
  return queries.map((query) => ({ kind: 'array_cache', across: 'max', ...query, by: [], where }))
}

const unwatched = 'Absent of arrays whose write cache is not watched: disks of one host that the policy does not name.'

export const array: DashboardSpec = {
  name: 'array',
  title: 'headroom: array',
  description: 'One storage array, what its write cache does, and what each host asks of it.',
  variables: ['array'],
  from: 'now-6h',
  rows: [
    {
      title: 'All hosts together',
      panels: ioPanels('array', where, [], 'Absent where no host counts it and no disk of a VM lies on it.'),
    },
    {
      title: 'Write cache',
      panels: [
        {
          title: 'In the write cache',
          description: `Written, and not on the disks yet: between least and most in 80 of 100 cases. ${unwatched}`,
          unit: 'bytes',
          shows: {
            as: 'lines',
            queries: ofCache(
              { field: 'fillLowBytes', legend: 'at least' },
              { field: 'fillBytes', legend: 'likely' },
              { field: 'fillHighBytes', legend: 'at most' },
              { field: 'capacityBytes', legend: 'capacity' },
            ),
          },
        },
        {
          title: 'What comes in and drains',
          description: `Bytes a second that are written to it, and that leave it for the disks. ${unwatched}`,
          unit: 'Bps',
          shows: {
            as: 'lines',
            queries: ofCache(
              { field: 'inflowBytesPerSecond', legend: 'comes in' },
              { field: 'drainBytesPerSecond', legend: 'drains' },
            ),
          },
        },
        {
          title: 'Room at once',
          description: `What likely fits in before writers wait for the disks. Absent while the cache is off. ${unwatched}`,
          unit: 'bytes',
          shows: { as: 'lines', queries: ofCache({ field: 'roomBytes', across: 'min', legend: 'room' }) },
        },
        {
          title: 'State',
          description:
            '0 unknown, 1 idle, 2 draining, 3 filling, 4 near full, 5 saturated, 6 stalled, 7 write-through: the worst of a step.',
          unit: 'short',
          shows: { as: 'lines', queries: ofCache({ field: 'state', figure: 'max', legend: 'state' }) },
        },
        {
          title: 'Overflows',
          description: `How often it was seen to be full since it is watched. ${unwatched}`,
          unit: 'short',
          shows: { as: 'lines', queries: ofCache({ field: 'overflows', figure: 'last', legend: 'overflows' }) },
        },
      ],
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
