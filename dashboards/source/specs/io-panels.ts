import type { NameOf, QueryOf, VariableName } from '../query.js'
import type { PanelSpec } from '../spec.js'

type IoKind = 'vm' | 'array'
type IoField = 'readBytesPerSecond' | 'readRequestsPerSecond' | 'readLatencyMs'
type Where = Readonly<Partial<Record<'name' | 'hostName', VariableName>>>

/** Bytes, requests and latency of what one dashboard is about. */
export function ioPanels(kind: IoKind, where: Where, by: readonly 'hostName'[], why: string): readonly PanelSpec[] {
  const suffix = by.length === 0 ? '' : ' {hostName}'
  const both = (field: IoField, across: 'sum' | 'max'): PanelSpec['shows'] => ({
    as: 'lines',
    queries: [
      queryOf(kind, { field, across, by, where, legend: `read${suffix}` }),
      queryOf(kind, { field: written[field], across, by, where, legend: `write${suffix}` }),
    ],
  })
  return [
    {
      title: 'Bytes',
      description: `Read and written per second. ${why}`,
      unit: 'Bps',
      shows: both('readBytesPerSecond', 'sum'),
    },
    {
      title: 'Requests',
      description: `Requests completed per second. ${why}`,
      unit: 'iops',
      shows: both('readRequestsPerSecond', 'sum'),
    },
    {
      title: 'Latency',
      description: `Mean time of a request, where it is longest. Absent while there are none. ${why}`,
      unit: 'ms',
      shows: both('readLatencyMs', 'max'),
    },
  ]
}

const written = {
  readBytesPerSecond: 'writeBytesPerSecond',
  readRequestsPerSecond: 'writeRequestsPerSecond',
  readLatencyMs: 'writeLatencyMs',
} as const

type Rest = Omit<QueryOf<IoKind>, 'kind'> & { readonly by: readonly (NameOf<'vm'> & NameOf<'array'>)[] }

function queryOf(kind: IoKind, rest: Rest): QueryOf<'vm'> | QueryOf<'array'> {
  return kind === 'vm' ? { kind, ...rest } : { kind, ...rest }
}
