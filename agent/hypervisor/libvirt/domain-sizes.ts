import type { VmSizes } from '../hypervisor.js'
import { parseDomain, parseDomainXml, sizeBytes } from './domain-xml.js'
import { attribute, child, children } from './xml.js'

/** Memory, vCPUs and the beat of memory statistics, of a domain's XML. @throws XmlError if it is no domain */
export function parseSizes(xml: string): VmSizes {
  const { vcpus: vcpusMax, memoryMaxBytes } = parseDomain(xml)
  const root = parseDomainXml(xml)
  const current = attribute(child(root, 'vcpu'), 'current')
  const balloon = child(child(root, 'devices'), 'memballoon')
  const hasBalloon = balloon !== undefined && attribute(balloon, 'model') !== 'none'
  const period = attribute(child(balloon, 'stats'), 'period')
  return {
    memoryBytes: sizeBytes(child(root, 'currentMemory')) ?? memoryMaxBytes,
    memoryMaxBytes,
    vcpus: current !== undefined && /^\d{1,5}$/.test(current) ? Number(current) : vcpusMax,
    vcpusMax,
    statisticsSeconds: hasBalloon ? Number(period ?? 0) : undefined,
  }
}

/**
 * Whether vCPUs were plugged into this run that libvirt forgets to have plugged: they are on, and neither called pluggable nor not. A state saved
 * then is begun with all of them, and QEMU gives virtio disks as many queues as there are vCPUs at the beginning (seen with libvirt 9.0, QEMU 7.2).
 */
export function hasAddedVcpus(xml: string): boolean {
  return children(child(parseDomainXml(xml), 'vcpus'), 'vcpu').some(
    (vcpu) => attribute(vcpu, 'enabled') === 'yes' && attribute(vcpu, 'hotpluggable') === undefined,
  )
}
