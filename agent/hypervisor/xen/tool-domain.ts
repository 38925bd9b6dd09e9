import { createHash } from 'node:crypto'

import type { NicFacts } from '../hypervisor.js'
import type { VmDescription } from '../libvirt/definition-cache.js'
import type { DiskDefinition } from '../libvirt/domain-xml.js'

/** A domain as `list-long` tells of it. */
export interface ToolDomain {
  /** Undefined while it is off. */
  readonly id: number | undefined
  readonly name: string
  /** Lower case. */
  readonly uuid: string
  readonly vcpus: number
  readonly memoryMaxBytes: number
  /** As libvirt calls it: `linux` (paravirtual), `hvm`, `xenpvh`. */
  readonly osType: string | undefined
  readonly disks: readonly DiskDefinition[]
  /** `device` is empty where the tool does not tell which it is. */
  readonly nics: readonly NicFacts[]
}

export const mostDomains = 16_384
export const mostDevices = 256

/** The tools do not say what will be at the next start, nor whether a definition is kept. */
export function describe(domain: ToolDomain): VmDescription {
  const { uuid, name, vcpus, memoryMaxBytes, osType, disks, nics } = domain
  // A network device's name has the number of the run in it.
  const lasting = [uuid, name, vcpus, memoryMaxBytes, osType, disks, nics.map(({ device: _device, ...nic }) => nic)]
  return {
    definition: { uuid, name, vcpus, memoryMaxBytes, osType, disks, nics, metadata: undefined },
    definitionHash: createHash('sha256').update(JSON.stringify(lasting)).digest('hex'),
  }
}

/** In lower case, and not all zeros, which is dom0's. */
export function isVmUuid(text: string): boolean {
  return /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/.test(text) && /[1-9a-f]/.test(text)
}

/** `00:16:3e:00:00:01`, from any usual writing of it; undefined if it is none. */
export function macAddress(text: string): string | undefined {
  const digits = text.toLowerCase().replaceAll(/[:-]/g, '')
  return /^[\da-f]{12}$/.test(digits) ? digits.replaceAll(/..(?=.)/g, '$&:') : undefined
}
