import type { HostCapacity } from '../checks/capacity.js'
import type { Look } from '../fleet-look.js'
import { storageSeries } from '../model/storage-series.js'
import { takesVms, type Host } from '../model/snapshot.js'
import type { RangeQuery } from '../store/time-series.js'

/** What can run out. */
export const resources = ['memory', 'cpu', 'space', 'write-rate'] as const
export type Resource = (typeof resources)[number]

/** What is asked of: all hosts together, one host with its pools, or one array with a write cache. */
export type ForecastOf =
  | { readonly kind: 'fleet' }
  | { readonly kind: 'host'; readonly id: string }
  | { readonly kind: 'array'; readonly key: string }

/** One figure that may reach a limit. */
export interface Demand {
  readonly resource: Resource
  /** Of whom, for people. */
  readonly name: string
  readonly unit: 'bytes' | 'cores' | 'bytes/s'
  /** In that unit; undefined: not known now, and why. */
  readonly limit: number | { readonly absent: string }
  /** What the limit is, for people. */
  readonly limitIs: string
  /** Series that are added up. */
  readonly parts: readonly DemandPart[]
}

export interface DemandPart extends Pick<RangeQuery, 'entity' | 'agg'> {
  readonly field: string
  /** The field is a share of this one, as it was on that day; of so much where that is not known. */
  readonly shareOf?: { readonly field: string; readonly size: number }
}

/** What may run out of what is asked; nothing of a host or an array that is not there. */
export function demandsOf(of: ForecastOf, look: Pick<Look, 'snapshot' | 'capacity' | 'circumstances'>): Demand[] {
  const places = look.capacity.hosts.filter(({ host }) => takesVms(host))
  if (of.kind === 'fleet') return [memoryDemand('fleet', places), cpuDemand('fleet', places)]
  if (of.kind === 'array') return writeRateDemands(of.key, look)
  const found = look.capacity.hosts.find(({ host }) => host.id === of.id)
  const host = look.snapshot.hosts.get(of.id)
  const ofPlace =
    found === undefined ? [] : [memoryDemand(found.host.name, [found]), cpuDemand(found.host.name, [found])]
  return host === undefined ? [] : [...ofPlace, ...poolDemands(host)]
}

function memoryDemand(name: string, hosts: readonly HostCapacity[]): Demand {
  let limit = 0
  let absent: string | undefined
  for (const { host, ledger } of hosts) {
    if ('value' in ledger.memory) limit += ledger.memory.value - ledger.reserveBytes
    else absent ??= `memory of ${host.name}: ${ledger.memory.absent}`
  }
  return {
    resource: 'memory',
    name,
    unit: 'bytes',
    limit: absent === undefined ? limit : { absent },
    limitIs: 'memory without the reserve',
    parts: hosts.map(({ host }) => ({
      entity: { kind: 'host', id: host.id },
      field: 'memoryConfiguredBytes',
      agg: 'max',
    })),
  }
}

function cpuDemand(name: string, hosts: readonly HostCapacity[]): Demand {
  let limit = 0
  let absent: string | undefined
  for (const { host } of hosts) {
    const cores = host.cpuThreads ?? host.cpuCores
    if (cores === undefined) absent ??= `CPUs of ${host.name} are not known`
    else limit += cores
  }
  return {
    resource: 'cpu',
    name,
    unit: 'cores',
    limit: absent === undefined ? limit : { absent },
    limitIs: 'CPUs, threads counted',
    // Room for the busy hours, not for the busiest second.
    parts: hosts.map(({ host }) => ({
      entity: { kind: 'host', id: host.id },
      field: 'cpuUsedCores',
      agg: 'p95',
    })),
  }
}

function poolDemands({ id, name, storageHealth }: Host): Demand[] {
  return (storageHealth?.pools ?? []).flatMap(({ name: pool, sizeBytes }): Demand[] =>
    sizeBytes === undefined
      ? []
      : [
          {
            resource: 'space',
            name: `${pool} on ${name}`,
            unit: 'bytes',
            limit: sizeBytes,
            limitIs: 'size of the pool',
            parts: [
              {
                entity: { kind: 'storage', id: storageSeries.pool(id, pool) },
                field: 'dataFraction',
                agg: 'max',
                shareOf: { field: 'sizeBytes', size: sizeBytes },
              },
            ],
          },
        ],
  )
}

function writeRateDemands(key: string, { circumstances }: Pick<Look, 'circumstances'>): Demand[] {
  const box = [...(circumstances.arrays ?? [])].find(([id, { arrayKeys }]) => id === key || arrayKeys.includes(key))
  if (box === undefined) return []
  const [id, { condition }] = box
  const { drain } = condition
  return [
    {
      resource: 'write-rate',
      name: id,
      unit: 'bytes/s',
      limit: drain.basis === 'assumed' ? { absent: 'how fast it drains is not known yet' } : drain.likely,
      limitIs: 'likely speed at which its write cache drains',
      parts: [{ entity: { kind: 'array_cache', id }, field: 'inflowBytesPerSecond', agg: 'p95' }],
    },
  ]
}
