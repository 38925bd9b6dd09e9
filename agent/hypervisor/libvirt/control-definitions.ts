import type { DefinitionControl } from '../hypervisor.js'
import type { DomainAccess } from './domain-access.js'
import { domainGetXml, domainUndefine, xmlInactive, xmlSecure } from './procedures.js'

export function definitionControl({ read, act }: DomainAccess): DefinitionControl {
  return {
    whole: (vmUuid, signal) =>
      read(vmUuid, signal, (connection, domain) =>
        domainGetXml(connection, domain, xmlInactive | xmlSecure, { signal }),
      ),
    undefine: (vmUuid, signal) =>
      act(vmUuid, true, signal, (connection, domain) => domainUndefine(connection, domain, { signal })),
  }
}
