import type { DiskControl, DiskLimits } from '../hypervisor.js'
import type { DomainAccess } from './domain-access.js'
import { parseDomain } from './domain-xml.js'
import { domainGetBlockIoTune, domainGetXml, domainSetBlockIoTune } from './procedures.js'
import type { TypedParameters } from './typed-parameters.js'

export function diskControl({ read, act }: DomainAccess): DiskControl {
  return {
    limits: (vmUuid, signal) =>
      read(vmUuid, signal, async (connection, domain) => {
        const { disks } = parseDomain(await domainGetXml(connection, domain, 0, { signal }))
        const found = new Map<string, DiskLimits>()
        for (const { target, removable, source } of disks) {
          if (removable || source === undefined) continue
          found.set(target, numbersOf(await domainGetBlockIoTune(connection, domain, target, { signal })))
        }
        return found
      }),
    setLimits: (vmUuid, disk, limits, signal) =>
      act(vmUuid, true, signal, (connection, domain) =>
        domainSetBlockIoTune(connection, domain, disk, valuesOf(limits), { signal }),
      ),
  }
}

/** The numbers among the parameters: all limits are some; the name of a group that disks share is none. */
function numbersOf(parameters: TypedParameters): DiskLimits {
  return Object.fromEntries(
    [...parameters].flatMap(([name, value]) => (typeof value === 'bigint' ? [[name, Number(value)] as const] : [])),
  )
}

/** A burst lasts for nothing where there is none: QEMU refuses anything else, and libvirt keeps what it is not told. */
function valuesOf(limits: DiskLimits): ReadonlyMap<string, bigint> {
  return new Map(
    Object.entries(limits).map(([name, value]) => {
      const hasNone = name.endsWith('_max_length') && !limits[name.slice(0, -'_length'.length)]
      return [name, hasNone ? 0n : BigInt(value)]
    }),
  )
}
