import { z } from 'zod'

import {
  arrayView,
  hostView,
  vmView,
  type ArrayView,
  type CapacityView,
  type HostView,
  type VmView,
} from '../../controller/api/views.js'
import { whyUnmeasurable } from '../../controller/fleet/absence.js'
import { entityKinds, fieldNames, type EntityKind } from '../../controller/store/measurements.js'
import type { TimeSeries } from '../../controller/store/time-series.js'

/**
 * Looks for values of metrics that a host says it cannot measure, and for zeros in place of what is not known. Which capability
 * stands for which metric is the controller's own table (controller/fleet/absence.ts). Each function gives what is wrong.
 */

type Capabilities = HostView['capabilities']

/** Of these 0 is no possible reading. */
const neverZero: ReadonlySet<string> = new Set([
  'memoryBytes',
  'memoryMaxBytes',
  'memoryRssBytes',
  'memoryGuestUsedBytes',
  'memoryGuestAvailableBytes',
  'uptimeSeconds',
  'sizeBytes',
  'capacityBytes',
  'vcpus',
  'cpuCores of the host',
  'cpuThreads',
])

/** The views of a fleet. */
export interface Views {
  readonly hosts: readonly HostView[]
  readonly vms: readonly VmView[]
  readonly arrays: readonly ArrayView[]
}

export const hostList = z.object({ hosts: z.array(hostView) })
export const vmList = z.object({ vms: z.array(vmView) })
export const arrayList = z.object({ arrays: z.array(arrayView) })

/** What can be measured of each host; what is not in the fleet can have nothing measured. */
export class Capable {
  readonly #hosts: ReadonlyMap<string, Capabilities>
  readonly #hostOfVm: ReadonlyMap<string, string>
  readonly #hostIdsOfArray: ReadonlyMap<string, readonly string[]>

  constructor({ hosts, vms, arrays }: Views) {
    const idOf = new Map(hosts.map(({ name, id }) => [name, id]))
    this.#hosts = new Map(hosts.map(({ id, capabilities }) => [id, capabilities]))
    this.#hostOfVm = new Map(vms.map(({ uuid, hostId }) => [uuid, hostId]))
    this.#hostIdsOfArray = new Map(
      arrays.map(({ key, hosts: names }) => [key, names.flatMap((name) => idOf.get(name) ?? [])]),
    )
  }

  ofHost(hostId: string): Capabilities {
    const capabilities = this.#hosts.get(hostId)
    if (capabilities === undefined) throw new Error(`no host ${hostId}`)
    return capabilities
  }

  /** By the id of a series: `<uuid>`, `<uuid>/<target>`, `<host>`, `<array>/<host>`, `<host>/<mount>`, `<host>/<part>`; an array alone has several. */
  of(kind: EntityKind, id: string): readonly Capabilities[] {
    if (kind === 'host') return [this.ofHost(id)]
    if (kind === 'file_system' || kind === 'storage') return [this.ofHost(id.slice(0, id.indexOf('/')))]
    if (kind === 'array_cache') return []
    if (kind === 'array') {
      const hostIds = this.#hostIdsOfArray.get(id) ?? [id.slice(id.lastIndexOf('/') + 1)]
      return hostIds.map((hostId) => this.ofHost(hostId))
    }
    const [name = ''] = id.split('/')
    const [uuid = '', apart] = name.split('@')
    return [this.ofHost(apart ?? this.#hostOfVm.get(uuid) ?? `of the VM ${uuid}`)]
  }

  /** Why none of its hosts can measure it; undefined if one can. */
  whyNot(kind: EntityKind, id: string, field: string): string | undefined {
    const reasons = this.of(kind, id).map((capabilities) => whyUnmeasurable(kind, field, capabilities))
    return reasons.includes(undefined) ? undefined : reasons[0]
  }
}

interface Shown {
  readonly where: string
  readonly kind: EntityKind
  readonly id: string
  readonly metrics: Readonly<Record<string, unknown>>
  /** Why metrics are not there, where the answer says so. */
  readonly absent?: Readonly<Record<string, string>>
}

function metricProblems({ where, kind, id, metrics, absent }: Shown, capable: Capable): string[] {
  const at = `${where} ${kind}:${id}`
  return fieldNames(kind).flatMap((field) => {
    const value = metrics[field]
    const told = JSON.stringify(value)
    const why = capable.whyNot(kind, id, field)
    if (why !== undefined && value !== undefined) return [`${at} has ${field}=${told}, and cannot (${why})`]
    if (value !== undefined && !Number.isFinite(value)) return [`${at} has ${field}=${told}`]
    if (value === 0 && neverZero.has(field)) return [`${at} has ${field}=0`]
    // A host's memory is told twice, as managed by the hypervisor and as read: `absent` speaks of the former.
    if (absent === undefined || (kind === 'host' && field === 'memoryBytes')) return []
    const reason = Object.hasOwn(absent, field) ? absent[field] : undefined
    if ((reason === undefined) === (value === undefined)) {
      return [`${at}: ${field} is ${value === undefined ? 'neither known nor absent' : `${told} and absent`}`]
    }
    return why !== undefined && reason !== why ? [`${at}: ${field} is absent as '${reason}', not as '${why}'`] : []
  })
}

/**
 * Answers with hosts, VMs and arrays: lists, single ones, the event stream.
 * @param reasons whether the reasons for what is absent are those of now
 */
export function viewProblems(
  where: string,
  { hosts, vms, arrays }: Views,
  capable: Capable,
  { reasons }: { readonly reasons: boolean } = { reasons: true },
): string[] {
  const problems = (shown: Omit<Shown, 'where'>): string[] => metricProblems({ where, ...shown }, capable)
  return [
    ...hosts.flatMap((host) => [
      ...problems({ kind: 'host', id: host.id, metrics: host.metrics, ...(reasons && { absent: host.absent }) }),
      ...zeros(where, { ...host, 'cpuCores of the host': host.cpuCores }),
      ...host.fileSystems.flatMap((one) => zeros(`${where} ${host.name} ${one.mount}`, one)),
    ]),
    ...vms.flatMap((vm) => [
      ...problems({ kind: 'vm', id: vm.uuid, metrics: vm.metrics, ...(reasons && { absent: vm.absent }) }),
      // Some metrics stand beside the others as well.
      ...problems({ kind: 'vm', id: vm.uuid, metrics: { ...vm } }),
      ...zeros(where, vm),
      ...vm.disks.flatMap((disk) => [
        ...problems({ kind: 'disk', id: `${vm.uuid}/${disk.target}`, metrics: disk.metrics }),
        ...zeros(`${where} ${vm.name} ${disk.target}`, disk),
      ]),
      ...vm.nics.flatMap((nic) => problems({ kind: 'nic', id: `${vm.uuid}/${nic.device}`, metrics: nic.metrics })),
    ]),
    ...arrays.flatMap((array) => [
      ...problems({ kind: 'array', id: array.key, metrics: array.metrics }),
      ...zeros(`${where} ${array.name}`, array),
    ]),
  ]
}

function zeros(where: string, object: object): string[] {
  const name = 'name' in object && typeof object.name === 'string' ? object.name : ''
  return Object.entries(object).flatMap(([field, value]) =>
    value === 0 && neverZero.has(field) ? [`${where} ${name} has ${field}=0`] : [],
  )
}

export function capacityProblems({ hosts }: CapacityView): string[] {
  return hosts.flatMap((host) => zeros('capacity', host))
}

const seriesAnswer = z.object({ fields: z.array(z.string()), rows: z.array(z.array(z.number().nullable())) })
const topAnswer = z.object({ rows: z.array(z.object({ uuid: z.string(), value: z.number() })) })

/** Every series that the API can be asked for, with all fields. */
export async function seriesProblems(
  views: Views,
  capable: Capable,
  api: (path: string) => Promise<unknown>,
): Promise<string[]> {
  const entities: (readonly [EntityKind, string])[] = [
    ...views.hosts.flatMap(({ id, fileSystems }) => [
      ['host', id] as const,
      ...fileSystems.map(({ mount }) => ['file_system', `${id}/${mount}`] as const),
    ]),
    ...views.vms.flatMap(({ uuid, disks, nics }) => [
      ['vm', uuid] as const,
      ...disks.map(({ target }) => ['disk', `${uuid}/${target}`] as const),
      ...nics.map(({ device }) => ['nic', `${uuid}/${device}`] as const),
    ]),
    ...views.arrays.map(({ key }) => ['array', key] as const),
  ]
  const problems: string[] = []
  for (const [kind, id] of entities) {
    const query = new URLSearchParams({ entity: `${kind}:${id}`, fields: fieldNames(kind).join(','), from: '-15m' })
    const answer = seriesAnswer.parse(await api(`/api/v1/series?${query.toString()}`))
    problems.push(...rowProblems(`series ${kind}:${id}`, { kind, id, ...answer }, capable))
  }
  return problems
}

function rowProblems(
  where: string,
  {
    kind,
    id,
    fields,
    rows,
  }: {
    readonly kind: EntityKind
    readonly id: string
    readonly fields: readonly string[]
    readonly rows: readonly (readonly (number | null)[])[]
  },
  capable: Capable,
): string[] {
  return fields.flatMap((field, index) => {
    const values = rows.flatMap((row) => row[index + 1] ?? [])
    const why = capable.whyNot(kind, id, field)
    if (why !== undefined && values.length > 0) return [`${where} has ${values.length} values of ${field} (${why})`]
    return neverZero.has(field) && values.includes(0) ? [`${where} has ${field}=0`] : []
  })
}

/** The highest of every metric, live and of history. */
export async function topProblems(capable: Capable, api: (path: string) => Promise<unknown>): Promise<string[]> {
  const problems: string[] = []
  for (const kind of ['vm', 'host', 'disk'] as const) {
    for (const field of fieldNames(kind)) {
      for (const more of ['', '&from=-15m']) {
        const path = `/api/v1/top?kind=${kind}&by=${field}&n=1000${more}`
        for (const { uuid, value } of topAnswer.parse(await api(path)).rows) {
          const why = capable.whyNot(kind, uuid, field)
          if (why !== undefined) problems.push(`${path} names ${uuid} with ${value} (${why})`)
          else if (value === 0 && neverZero.has(field)) problems.push(`${path} names ${uuid} with 0`)
        }
      }
    }
  }
  return problems
}

/** All that is in the store. */
export async function storeProblems(
  store: Pick<TimeSeries, 'series' | 'range'>,
  capable: Capable,
): Promise<{ readonly series: number; readonly values: number; readonly problems: readonly string[] }> {
  const problems: string[] = []
  let values = 0
  let series = 0
  for (const kind of entityKinds) {
    for (const { entity, firstMs, lastMs } of await store.series({ kind })) {
      series += 1
      const fields = fieldNames(kind)
      const range = { entity, fields, fromMs: firstMs, toMs: lastMs + 1, stepMs: 0, agg: 'last' } as const
      const { rows } = await store.range(range)
      values += rows.flat().filter((value) => value !== null).length - rows.length
      problems.push(...rowProblems(`stored ${kind}:${entity.id}`, { kind, id: entity.id, fields, rows }, capable))
    }
  }
  return { series, values, problems }
}
