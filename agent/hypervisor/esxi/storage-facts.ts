import { attribute, child, childText, children, type XmlElement } from '../libvirt/xml.js'
import type { ArrayFacts, DiskBackend, FileSystemRaw } from '../hypervisor.js'
import type { ManagedObject } from './properties.js'
import { elementAt, textAt, wholeNumber, withoutPrefix } from './soap-message.js'

/** A datastore as one host sees it, and the array behind it. */
export interface Datastore {
  readonly id: string
  readonly name: string
  /** Instance of its counters: the last part of its URL. */
  readonly instance: string
  readonly arrayKey: string
  /** Which part of the array: LUN and device name. */
  readonly unit: string | undefined
  readonly backend: DiskBackend
  readonly kind: string
  readonly sizeBytes: number | undefined
  /** Free when the inventory was read. */
  readonly availableBytes: number | undefined
  /** `VMFS`, `NFS`, as the server calls it. */
  readonly type: string
  readonly readOnly: boolean
  readonly devices: readonly string[]
}

/** Where a SCSI device of a host is. */
interface Location {
  readonly arrayKey: string
  readonly unit: string
  readonly kind: string
}

export const datastorePaths = ['name', 'summary', 'info', 'host'] as const

/** The host for which datastores are read: who it is to us and to the server. */
export interface StorageHost {
  readonly hostId: string
  readonly objectId: string
  /** Its `config.storageDevice`; without it a VMFS cannot be followed to its array. */
  readonly storage: XmlElement | undefined
}

const mostDevices = 4096

/** Reads the datastores of one host. */
export function datastoresOf(objects: readonly ManagedObject[], host: StorageHost): readonly Datastore[] {
  const locations = locationsIn(host.storage, host.hostId)
  return objects.flatMap((object) => datastoreIn(object, locations, host) ?? [])
}

/** Datastores as file systems: how full they are. */
export function fileSystemsOf(datastores: readonly Datastore[]): readonly FileSystemRaw[] {
  return datastores.flatMap(({ name, type, devices, sizeBytes, availableBytes, readOnly }) =>
    sizeBytes === undefined || availableBytes === undefined
      ? []
      : // They have no inodes to run out of.
        [{ mount: name, device: devices.join(' '), type, sizeBytes, availableBytes, files: 0, filesFree: 0, readOnly }],
  )
}

/** One array may hold several datastores. */
export function arraysOf(datastores: readonly Datastore[]): readonly ArrayFacts[] {
  const byKey = new Map<string, Datastore[]>()
  for (const datastore of datastores)
    byKey.set(datastore.arrayKey, [...(byKey.get(datastore.arrayKey) ?? []), datastore])
  return [...byKey].map(([key, members]) => {
    const sizes = members.flatMap((member) => member.sizeBytes ?? [])
    const devices = [...new Set(members.flatMap((member) => member.devices))]
    return {
      key,
      name: members
        .map((member) => member.name)
        .join(', ')
        .slice(0, 256),
      kind: members[0]?.kind ?? 'other',
      ...(sizes.length === members.length ? { sizeBytes: sizes.reduce((sum, size) => sum + size, 0) } : {}),
      ...(devices.length === 0 ? {} : { devices }),
    }
  })
}

function datastoreIn(
  { ref, properties }: ManagedObject,
  locations: ReadonlyMap<string, Location>,
  host: StorageHost,
): Datastore | undefined {
  const summary = properties.get('summary')
  const info = properties.get('info')
  const name = childText(summary, 'name') ?? properties.get('name')?.text
  const url = childText(summary, 'url') ?? childText(info, 'url') ?? ''
  const instance = url.replace(/\/+$/, '').split('/').at(-1) ?? ''
  if (name === undefined || instance === '') return undefined
  const place = placeOf({ summary, info, instance }, locations, host.hostId)
  return {
    id: ref.id,
    name: name.slice(0, 256),
    instance: instance.slice(0, 256),
    sizeBytes: wholeNumber(childText(summary, 'capacity')),
    availableBytes: wholeNumber(childText(summary, 'freeSpace')),
    type: (childText(summary, 'type') ?? '').slice(0, 32),
    readOnly: isReadOnly(properties.get('host'), host.objectId),
    ...place,
  }
}

/** @param mounts an ArrayOfDatastoreHostMount */
function isReadOnly(mounts: XmlElement | undefined, hostObjectId: string): boolean {
  const own = children(mounts, 'DatastoreHostMount').find((mount) => childText(mount, 'key') === hostObjectId)
  return textAt(child(own, 'mountInfo'), 'accessMode') === 'readOnly'
}

type Place = Pick<Datastore, 'arrayKey' | 'unit' | 'backend' | 'kind' | 'devices'>

function placeOf(
  {
    summary,
    info,
    instance,
  }: { readonly summary: XmlElement | undefined; readonly info: XmlElement | undefined; readonly instance: string },
  locations: ReadonlyMap<string, Location>,
  hostId: string,
): Place {
  const nas = child(info, 'nas')
  const server = childText(nas, 'remoteHost')
  const path = childText(nas, 'remotePath')
  if (server !== undefined && path !== undefined) {
    return { arrayKey: bounded(`nfs:${server}:${path}`), unit: undefined, backend: 'nfs', kind: 'nfs', devices: [] }
  }
  const vmfs = child(info, 'vmfs')
  const extents = children(vmfs, 'extent').flatMap((extent) => childText(extent, 'diskName') ?? [])
  const first = extents[0]
  const location = first === undefined ? undefined : locations.get(first)
  if (first !== undefined && location !== undefined) {
    return {
      arrayKey: location.arrayKey,
      unit: location.unit,
      backend: 'vmfs',
      kind: location.kind,
      devices: extents.slice(0, 64),
    }
  }
  // The host does not show its devices, or this is no VMFS: what several hosts mount is one array, under one name.
  const isShared = childText(summary, 'multipleHostAccess') === 'true'
  const type = (childText(summary, 'type') ?? 'other')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]/g, '')
    .slice(0, 16)
  const own = first ?? instance
  return {
    arrayKey: bounded(isShared ? `datastore:${instance}` : `local:${hostId}:${own}`),
    unit: undefined,
    backend: vmfs === undefined ? 'other' : 'vmfs',
    kind: isShared ? type : 'local',
    devices: extents.slice(0, 64),
  }
}

/** By canonical name (`naa.…`): the array and the LUN on it, from the topology of adapters, targets and LUNs. */
function locationsIn(storage: XmlElement | undefined, hostId: string): ReadonlyMap<string, Location> {
  const names = new Map<string, string>()
  for (const lun of children(storage, 'scsiLun').slice(0, mostDevices)) {
    const key = childText(lun, 'key')
    const name = childText(lun, 'canonicalName')
    if (key !== undefined && name !== undefined) names.set(key, name.slice(0, 256))
  }
  const locations = new Map<string, Location>()
  for (const adapter of children(elementAt(storage, 'scsiTopology'), 'adapter')) {
    for (const target of children(adapter, 'target').slice(0, mostDevices)) {
      for (const lun of children(target, 'lun').slice(0, mostDevices)) {
        const name = names.get(childText(lun, 'scsiLun') ?? '')
        if (name === undefined || locations.has(name)) continue
        locations.set(name, locationOf(child(target, 'transport'), { name, lun: childText(lun, 'lun') ?? '', hostId }))
      }
    }
  }
  return locations
}

function locationOf(
  transport: XmlElement | undefined,
  { name, lun, hostId }: { readonly name: string; readonly lun: string; readonly hostId: string },
): Location {
  const unit = /^\d{1,6}$/.test(lun) ? `LUN ${lun}, ${name}` : name
  const iqn = textAt(transport, 'iScsiName')
  if (iqn !== undefined) return { arrayKey: bounded(`iscsi:${iqn}`), unit, kind: 'iscsi' }
  const type = withoutPrefix(attribute(transport, 'type') ?? '')
  const node = textAt(transport, 'nodeWorldWideName')
  if (type.startsWith('HostFibreChannel') && node !== undefined && /^-?\d{1,20}$/.test(node)) {
    return { arrayKey: `fc:${BigInt.asUintN(64, BigInt(node)).toString(16).padStart(16, '0')}`, unit, kind: 'fc' }
  }
  return { arrayKey: bounded(`local:${hostId}:${name}`), unit: name, kind: 'local' }
}

/** Keys are names of series: no blanks, no control characters, of a length that the controller takes. */
function bounded(key: string): string {
  return key.replaceAll(/[\s\p{C}]+/gu, '_').slice(0, 380)
}
