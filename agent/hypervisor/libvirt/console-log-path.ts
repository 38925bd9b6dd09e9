import { parseDomainXml } from './domain-xml.js'
import { attribute, child, children } from './xml.js'

/** The file that keeps what a domain says on its serial console, by its XML; undefined if there is none. */
export function consoleLogPath(xml: string): string | undefined {
  const devices = child(parseDomainXml(xml), 'devices')
  for (const device of [...children(devices, 'serial'), ...children(devices, 'console')]) {
    const written = attribute(device, 'type') === 'file' ? attribute(child(device, 'source'), 'path') : undefined
    const path = attribute(child(device, 'log'), 'file') ?? written
    if (path?.startsWith('/') === true) return path
  }
  return undefined
}
