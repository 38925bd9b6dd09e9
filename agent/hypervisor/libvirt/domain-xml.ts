import type { DiskSource } from '../../storage/disk-source.js'
import type { NicFacts, VmMetadata } from '../hypervisor.js'
import { attribute, child, children, childText, parseXml, XmlError, type XmlElement } from './xml.js'

/** What is wanted of a domain's definition. Nothing in here changes with load. */
export interface DomainDefinition {
  readonly uuid: string
  readonly name: string
  readonly vcpus: number
  readonly memoryMaxBytes: number
  readonly osType: string | undefined
  readonly disks: readonly DiskDefinition[]
  readonly nics: readonly NicFacts[]
  readonly metadata: VmMetadata | undefined
}

export interface DiskDefinition {
  readonly target: string
  /** Undefined for an empty drive. */
  readonly source: DiskSource | undefined
  readonly readOnly: boolean
  readonly removable: boolean
  readonly format: string | undefined
  readonly cache: string | undefined
  readonly bus: string | undefined
  readonly serial: string | undefined
}

/**
 * Parses a domain's XML as libvirt prints it. Metadata comes from whoever owns the VM: if it cannot be parsed, the VM is read
 * without it rather than not at all.
 * @throws XmlError if it is no domain
 */
export function parseDomain(xml: string): DomainDefinition {
  const root = parseDomainXml(xml)
  const uuid = childText(root, 'uuid')?.toLowerCase()
  const name = childText(root, 'name')
  if (root.name !== 'domain' || uuid === undefined || name === undefined) throw new XmlError('no domain')
  const devices = child(root, 'devices')
  return {
    uuid,
    name,
    vcpus: positive(childText(root, 'vcpu')) ?? 1,
    memoryMaxBytes: sizeBytes(child(root, 'memory')) ?? 0,
    osType: childText(child(root, 'os'), 'type'),
    disks: children(devices, 'disk').flatMap(diskOf),
    nics: children(devices, 'interface').flatMap(nicOf),
    metadata: metadataOf(root),
  }
}

/** The elements of a domain's XML; without its metadata, if that cannot be parsed. @throws XmlError */
export function parseDomainXml(xml: string): XmlElement {
  try {
    return parseXml(xml)
  } catch (error) {
    const start = xml.indexOf('<metadata>')
    const end = xml.lastIndexOf('</metadata>')
    if (start < 0 || end < start) throw error
    return parseXml(xml.slice(0, start) + xml.slice(end + '</metadata>'.length))
  }
}

function diskOf(disk: XmlElement): DiskDefinition[] {
  const target = child(disk, 'target')
  const name = attribute(target, 'dev')
  if (name === undefined) return []
  const device = attribute(disk, 'device') ?? 'disk'
  const driver = child(disk, 'driver')
  return [
    {
      target: name,
      source: sourceOf(attribute(disk, 'type') ?? '', child(disk, 'source')),
      readOnly: child(disk, 'readonly') !== undefined || device === 'cdrom',
      removable: device === 'cdrom' || device === 'floppy' || attribute(target, 'removable') === 'on',
      format: attribute(driver, 'type'),
      cache: attribute(driver, 'cache'),
      bus: attribute(target, 'bus'),
      serial: childText(disk, 'serial'),
    },
  ]
}

function sourceOf(type: string, source: XmlElement | undefined): DiskSource | undefined {
  if (source === undefined) return undefined
  switch (type) {
    case 'file':
      return pathSource('file', attribute(source, 'file'))
    case 'block':
      return pathSource('block', attribute(source, 'dev'))
    case 'network':
      return networkSource(source)
    case 'volume': {
      const pool = attribute(source, 'pool')
      const volume = attribute(source, 'volume')
      return pool === undefined || volume === undefined
        ? undefined
        : { type: 'volume', source: `${pool}/${volume}`, name: volume }
    }
    default: {
      const place = [...source.attributes].map(([key, value]) => `${key}=${value}`).join(' ')
      return { type: 'other', source: place === '' ? type : `${type} ${place}` }
    }
  }
}

function pathSource(type: 'file' | 'block', path: string | undefined): DiskSource | undefined {
  return path === undefined ? undefined : { type, source: path }
}

function networkSource(source: XmlElement): DiskSource {
  const protocol = attribute(source, 'protocol') ?? 'network'
  const name = attribute(source, 'name')
  const server = child(source, 'host')
  const host = attribute(server, 'name')
  const port = positive(attribute(server, 'port'))
  const socket = attribute(server, 'socket')
  const place = host === undefined ? (socket ?? '') : port === undefined ? host : `${host}:${port}`
  return {
    type: 'network',
    source: socket !== undefined && host === undefined ? socket : `${protocol}://${place}/${name ?? ''}`,
    protocol,
    ...(host === undefined ? {} : { host }),
    ...(port === undefined ? {} : { port }),
    ...(name === undefined ? {} : { name }),
  }
}

function nicOf(nic: XmlElement): NicFacts[] {
  const mac = attribute(child(nic, 'mac'), 'address')
  if (mac === undefined) return []
  const source = child(nic, 'source')
  const network = attribute(source, 'network') ?? attribute(source, 'bridge') ?? attribute(source, 'dev')
  const model = attribute(child(nic, 'model'), 'type')
  return [
    {
      device: attribute(child(nic, 'target'), 'dev') ?? '',
      mac: mac.toLowerCase(),
      ...(network === undefined ? {} : { network }),
      ...(model === undefined ? {} : { model }),
    },
  ]
}

/** `owner`, `group` and `service` of any element below `metadata`, whoever's namespace it is in; the first of each wins. */
function metadataOf(root: XmlElement): VmMetadata | undefined {
  const found = new Map<string, string>()
  for (const application of child(root, 'metadata')?.children ?? []) {
    for (const { name, text } of application.children) {
      if (text !== '' && !found.has(name)) found.set(name, text.slice(0, 256))
    }
  }
  const owner = found.get('owner')
  const group = found.get('group')
  const service = found.get('service')
  const title = childText(root, 'title')?.slice(0, 1024)
  const description = childText(root, 'description')?.slice(0, 4096)
  const metadata: VmMetadata = {
    ...(owner === undefined ? {} : { owner }),
    ...(group === undefined ? {} : { group }),
    ...(service === undefined ? {} : { service }),
    ...(title === undefined ? {} : { title }),
    ...(description === undefined ? {} : { description }),
  }
  return Object.keys(metadata).length === 0 ? undefined : metadata
}

/** libvirt's unit words: the default is KiB, a bare letter is binary. */
const unitBytes: ReadonlyMap<string, number> = new Map([
  ['b', 1],
  ['bytes', 1],
  ['KB', 1e3],
  ['k', 2 ** 10],
  ['KiB', 2 ** 10],
  ['MB', 1e6],
  ['M', 2 ** 20],
  ['MiB', 2 ** 20],
  ['GB', 1e9],
  ['G', 2 ** 30],
  ['GiB', 2 ** 30],
  ['TB', 1e12],
  ['T', 2 ** 40],
  ['TiB', 2 ** 40],
])

/** Bytes of an element such as `memory`; undefined if it is missing, or no size. */
export function sizeBytes(element: XmlElement | undefined): number | undefined {
  const count = positive(element?.text)
  const factor = unitBytes.get(attribute(element, 'unit') ?? 'KiB')
  return count === undefined || factor === undefined ? undefined : count * factor
}

function positive(text: string | undefined): number | undefined {
  const value = text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : 0
  return value > 0 ? value : undefined
}
