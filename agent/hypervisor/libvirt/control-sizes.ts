import type { SizeControl } from '../hypervisor.js'
import type { RpcConnection } from './connection.js'
import type { DomainAccess } from './domain-access.js'
import { parseSizes } from './domain-sizes.js'
import {
  affect,
  domainGetXml,
  domainIsPersistent,
  domainSetMemory,
  domainSetStatisticsPeriod,
  domainSetVcpus,
  xmlInactive,
  type DomainRef,
} from './procedures.js'

export function sizeControl({ read, act }: DomainAccess): SizeControl {
  return {
    sizes: (vmUuid, signal) =>
      read(vmUuid, signal, async (connection, domain) => {
        const isPersistent = await domainIsPersistent(connection, domain, { signal })
        const live = domain.id < 0 ? undefined : parseSizes(await domainGetXml(connection, domain, 0, { signal }))
        const next = isPersistent
          ? parseSizes(await domainGetXml(connection, domain, xmlInactive, { signal }))
          : undefined
        return { live, next }
      }),
    setMemory: (vmUuid, bytes, signal) =>
      act(vmUuid, false, signal, async (connection, domain) => {
        const flags = await everywhere(connection, domain, signal)
        await domainSetMemory(connection, domain, Math.round(bytes / 1024), flags, { signal })
      }),
    setVcpus: (vmUuid, count, where, signal) =>
      // What libvirt says against it, it says before the guest sees anything of it.
      act(vmUuid, true, signal, (connection, domain) =>
        domainSetVcpus(connection, domain, count, vcpuFlags[where], { signal }),
      ),
    setStatisticsPeriod: (vmUuid, seconds, signal) =>
      act(vmUuid, false, signal, async (connection, domain) => {
        const flags = await everywhere(connection, domain, signal)
        await domainSetStatisticsPeriod(connection, domain, seconds, flags, { signal })
      }),
  }
}

const vcpuFlags = {
  live: affect.live,
  next: affect.config,
  /** VIR_DOMAIN_VCPU_MAXIMUM. */
  maximum: affect.config | 4,
} as const

/** In the run, if there is one, and in the definition, if there is one. */
async function everywhere(connection: RpcConnection, domain: DomainRef, signal: AbortSignal): Promise<number> {
  const isPersistent = await domainIsPersistent(connection, domain, { signal })
  return (domain.id < 0 ? 0 : affect.live) | (isPersistent ? affect.config : 0)
}
