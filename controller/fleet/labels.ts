import type { Point } from '../store/time-series.js'
import type { Applied } from './apply-report.js'
import type { HostRecord } from './host-record.js'

/** What a host's report brought, with the names that things have now: for those who read a server by other means. */
export function labelled({ points, events }: Applied, host: HostRecord): Applied {
  const hostName = host.name
  const names = new Map(host.arrays.map(({ key, name }) => [key, name]))
  return {
    points: points.map((point) => ({ ...point, labels: labelsOf(point, host, names) })),
    events: events.map((event) => ({ ...event, hostName })),
  }
}

function labelsOf({ entity }: Point, host: HostRecord, arrays: ReadonlyMap<string, string>): Record<string, string> {
  const { kind, id } = entity
  switch (kind) {
    case 'vm':
      return { ...ifKnown('name', vmName(id, host)), hostName: host.name }
    case 'disk':
    case 'nic':
      return ifKnown('vmName', vmName(id.slice(0, id.indexOf('/')), host))
    case 'host':
      return { name: host.name }
    case 'array': {
      const key = id.slice(0, id.lastIndexOf('/'))
      return { name: arrays.get(key) ?? key, hostName: host.name }
    }
    case 'file_system':
    case 'storage':
      return { hostName: host.name }
    case 'array_cache':
      // Nothing that a host tells of.
      return {}
  }
}

/** A copy that is told apart from its VM has the host's id behind the UUID. */
function vmName(seriesId: string, host: HostRecord): string | undefined {
  return host.copies.get(seriesId.split('@')[0] ?? '')?.name
}

function ifKnown(name: string, value: string | undefined): Record<string, string> {
  return value === undefined ? {} : { [name]: value }
}
