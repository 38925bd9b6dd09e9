import type { NicFacts } from '../hypervisor.js'
import type { DiskDefinition } from '../libvirt/domain-xml.js'
import { parseSxps, sxpList, sxpLists, sxpWord, type Sxp } from './sxp.js'
import { diskDefinition } from './tool-disk.js'
import { isVmUuid, macAddress, mostDevices, mostDomains, type ToolDomain } from './tool-domain.js'
import { malformed } from './xen-tools.js'

/**
 * `xm list -l`: xend's description of each domain, those that are off too; or `xl list -l` of Xen 4.1, which has other words
 * for much of it.
 * Source of the words: XendConfig.py and XendDomainInfo.py of Xen 3.4, xl_sxp.c of Xen 4.2.
 * @throws XenToolError
 */
export function parseXmDomains(text: string): readonly ToolDomain[] {
  const domains = sxpLists(parseSxps(text), 'domain')
  if (domains.length > mostDomains) {
    throw malformed('list-long', 'S-expressions', `${mostDomains} domains at most`, String(domains.length))
  }
  return domains.flatMap((domain) => xmDomain(domain) ?? [])
}

function xmDomain(domain: Sxp): ToolDomain | undefined {
  const name = sxpWord(domain, 'name')
  const uuid = sxpWord(domain, 'uuid')?.toLowerCase() ?? ''
  if (name === undefined || !isVmUuid(uuid)) return undefined
  const maxMebibytes = number(domain, 'maxmem')
  const maxKibibytes = number(domain, 'max_memkb')
  const image = sxpList(domain, 'image') ?? []
  const devices = sxpLists(domain, 'device').slice(0, mostDevices)
  return {
    id: number(domain, 'domid'),
    name,
    uuid,
    vcpus: number(domain, 'vcpus') ?? number(domain, 'max_vcpus') ?? 1,
    memoryMaxBytes: maxMebibytes === undefined ? (maxKibibytes ?? 0) * 1024 : maxMebibytes * 2 ** 20,
    osType: ['hvm', 'linux'].find((type) => sxpList(image, type) !== undefined),
    disks: devices.flatMap((device) => diskOf(device) ?? []),
    nics: devices.flatMap((device) => nicOf(device, number(domain, 'domid')) ?? []),
  }
}

function diskOf(device: Sxp): DiskDefinition | undefined {
  const disk = sxpList(device, 'vbd') ?? sxpList(device, 'tap') ?? sxpList(device, 'tap2')
  if (disk === undefined) return undefined
  const mode = sxpWord(disk, 'mode') ?? (sxpWord(disk, 'readwrite') === '1' ? 'w' : 'r')
  return diskDefinition({
    device: sxpWord(disk, 'dev') ?? sxpWord(disk, 'virtpath') ?? '',
    place: sxpWord(disk, 'uname') ?? sxpWord(disk, 'physpath'),
    // `w!` and `r!`: whatever else uses it.
    writable: mode.startsWith('w'),
    cdrom: sxpWord(disk, 'is_cdrom') === '1',
    format: undefined,
  })
}

function nicOf(device: Sxp, id: number | undefined): NicFacts | undefined {
  const nic = sxpList(device, 'vif')
  const mac = macAddress(sxpWord(nic ?? [], 'mac') ?? '')
  if (nic === undefined || mac === undefined) return undefined
  const network = sxpWord(nic, 'bridge')
  const model = sxpWord(nic, 'model')
  const place = number(nic, 'devid')
  return {
    device: sxpWord(nic, 'vifname') ?? (id === undefined || place === undefined ? '' : `vif${id}.${place}`),
    mac,
    ...(network === undefined ? {} : { network }),
    ...(model === undefined ? {} : { model }),
  }
}

/** A whole number; none for anything else. */
function number(of: Sxp, name: string): number | undefined {
  const text = sxpWord(of, name)
  return text !== undefined && /^\d{1,12}$/.test(text) ? Number(text) : undefined
}
