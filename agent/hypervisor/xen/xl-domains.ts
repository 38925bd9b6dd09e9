import type { NicFacts } from '../hypervisor.js'
import { diskDefinition } from './tool-disk.js'
import { isVmUuid, macAddress, mostDevices, mostDomains, type ToolDomain } from './tool-domain.js'
import { malformed } from './xen-tools.js'

const mostParts = 500_000

type Fields = Readonly<Record<string, unknown>>

/** What libvirt calls the types of libxl. */
const osTypes: Readonly<Record<string, string>> = { pv: 'linux', hvm: 'hvm', pvh: 'xenpvh' }

/**
 * `xl list -l` since Xen 4.2: libxl's own description of each domain. libxl leaves out what has its default value.
 * @throws XenToolError
 */
export function parseXlDomains(text: string): readonly ToolDomain[] {
  // Brackets alone can take many times the memory of their text.
  const parts = text.length - text.replaceAll(/[[{,]/g, '').length
  if (parts > mostParts) throw malformed('list-long', 'JSON', `${mostParts} parts at most`, String(parts))
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch (error) {
    throw malformed('list-long', 'JSON', 'a list of domains', error instanceof Error ? error.message : text)
  }
  if (!Array.isArray(parsed)) throw malformed('list-long', 'JSON', 'a list of domains', typeof parsed)
  if (parsed.length > mostDomains) {
    throw malformed('list-long', 'JSON', `${mostDomains} domains at most`, String(parsed.length))
  }
  return parsed.flatMap((one: unknown) => xlDomain(fields(one)) ?? [])
}

/** Undefined for dom0, which has no UUID here. */
function xlDomain(domain: Fields): ToolDomain | undefined {
  const config = fields(domain['config'])
  const create = fields(config['c_info'])
  const build = fields(config['b_info'])
  const id = count(domain['domid'])
  const name = word(create['name'])
  const uuid = word(create['uuid'])?.toLowerCase() ?? ''
  if (id === undefined || name === undefined || !isVmUuid(uuid)) return undefined
  return {
    id,
    name,
    uuid,
    vcpus: count(build['max_vcpus']) ?? 1,
    memoryMaxBytes: (count(build['max_memkb']) ?? 0) * 1024,
    osType: osTypes[word(create['type']) ?? ''],
    disks: list(config['disks']).flatMap((disk) => {
      const format = word(disk['format'])
      return (
        diskDefinition({
          device: word(disk['vdev']) ?? '',
          place: format === 'empty' ? undefined : word(disk['pdev_path']),
          writable: isSet(disk['readwrite']),
          cdrom: isSet(disk['is_cdrom']),
          format: format === 'empty' || format === 'unknown' ? undefined : format,
        }) ?? []
      )
    }),
    nics: list(config['nics']).flatMap((nic) => nicOf(nic, id) ?? []),
  }
}

function nicOf(nic: Fields, id: number): NicFacts | undefined {
  const mac = macAddress(word(nic['mac']) ?? '')
  if (mac === undefined) return undefined
  const network = word(nic['bridge'])
  const model = word(nic['model'])
  const number = count(nic['devid'])
  return {
    device: word(nic['ifname']) ?? (number === undefined ? '' : `vif${id}.${number}`),
    mac,
    ...(network === undefined ? {} : { network }),
    ...(model === undefined ? {} : { model }),
  }
}

function fields(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value))
    : {}
}

function list(value: unknown): readonly Fields[] {
  return Array.isArray(value) ? value.slice(0, mostDevices).map(fields) : []
}

function word(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

function count(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined
}

/** A number in the lists of disks, `True` elsewhere. */
function isSet(value: unknown): boolean {
  return value === true || value === 'True' || (typeof value === 'number' && value !== 0)
}
