import { child, childText, parseXml } from './xml.js'

/** What libvirt's capabilities say of the machine. */
export interface HostCapabilities {
  /** The host's UUID; undefined if libvirt gives none that could tell two hosts apart. */
  readonly uuid: string | undefined
  readonly cpuModel: string | undefined
  readonly architecture: string | undefined
}

/** @throws XmlError */
export function parseCapabilities(xml: string): HostCapabilities {
  const host = child(parseXml(xml), 'host')
  const cpu = child(host, 'cpu')
  const uuid = childText(host, 'uuid')?.toLowerCase()
  const vendor = childText(cpu, 'vendor')
  const model = childText(cpu, 'model')
  return {
    uuid: uuid !== undefined && isTelling(uuid) ? uuid : undefined,
    cpuModel: model === undefined || vendor === undefined ? model : `${vendor} ${model}`,
    architecture: childText(cpu, 'arch'),
  }
}

/** Whether a UUID in lower case can tell two hosts apart: some firmware repeats one digit throughout. */
export function isTelling(uuid: string): boolean {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(uuid) && new Set(uuid.replaceAll('-', '')).size > 1
}
