import { childText, children, type XmlElement } from '../libvirt/xml.js'
import type { HostFacts } from '../hypervisor.js'
import type { ManagedObject } from './properties.js'
import { dateTime, refIn, wholeNumber } from './soap-message.js'

/** Enough to know who a host is. */
export const hostIdentityPaths = ['name', 'summary.hardware', 'runtime.bootTime'] as const

export const hostPaths = [
  ...hostIdentityPaths,
  'summary.config.product',
  'datastore',
  'config.network.pnic',
  'config.storageDevice',
] as const

export interface EsxiHostFacts {
  /** Id of the managed object, `host-21`. */
  readonly id: string
  /** UUID of the machine, which is the id of the host; undefined if the firmware has none. */
  readonly uuid: string | undefined
  readonly name: string
  /** When it was started; empty if the server does not say. */
  readonly bootTime: string
  readonly cores: number
  readonly facts: HostFacts
  readonly datastoreIds: readonly string[]
  /** Its physical interfaces, `vmnic0`: also the instances of their counters. */
  readonly nics: readonly string[]
}

const uuidPattern = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i
const noUuid = /^(0{8}(-0{4}){3}-0{12}|f{8}(-f{4}){3}-f{12})$/i

/** @returns undefined if it lacks what a host must have: a name, memory, cores */
export function hostIn({ ref, properties }: ManagedObject): EsxiHostFacts | undefined {
  const hardware = properties.get('summary.hardware')
  const product = properties.get('summary.config.product')
  const name = properties.get('name')?.text.slice(0, 128)
  const memoryBytes = wholeNumber(childText(hardware, 'memorySize'), 1)
  const cores = wholeNumber(childText(hardware, 'numCpuCores'), 1)
  const threads = wholeNumber(childText(hardware, 'numCpuThreads'), 1)
  const mhz = wholeNumber(childText(hardware, 'cpuMhz'), 1)
  if (name === undefined || name === '' || memoryBytes === undefined || cores === undefined || cores > 100_000)
    return undefined
  const uuid = childText(hardware, 'uuid')
  const bootTime = properties.get('runtime.bootTime')?.text
  const bootMs = dateTime(bootTime)
  const vendor = childText(hardware, 'vendor')
  const model = childText(hardware, 'model')
  const cpuModel = childText(hardware, 'cpuModel')?.replaceAll(/\s+/g, ' ').slice(0, 128)
  const machine = [vendor, model]
    .filter((one) => one !== undefined)
    .join(' ')
    .slice(0, 128)
  return {
    id: ref.id,
    uuid: uuid !== undefined && uuidPattern.test(uuid) && !noUuid.test(uuid) ? uuid.toLowerCase() : undefined,
    name,
    bootTime: bootMs === undefined ? '' : new Date(bootMs).toISOString(),
    cores,
    facts: {
      name,
      hypervisorVersion: versionOf(product),
      os: (childText(product, 'name') ?? 'VMware ESXi').slice(0, 128),
      ...(machine === '' ? {} : { machine }),
      ...(cpuModel === undefined ? {} : { cpuModel }),
      cpuCores: cores,
      ...(threads === undefined ? {} : { cpuThreads: threads }),
      ...(mhz === undefined ? {} : { cpuMhz: mhz }),
      memoryBytes,
    },
    datastoreIds: children(properties.get('datastore'), 'ManagedObjectReference')
      .flatMap((one) => refIn(one)?.id ?? [])
      .slice(0, 1024),
    nics: children(properties.get('config.network.pnic'), 'PhysicalNic')
      .flatMap((nic) => childText(nic, 'device')?.slice(0, 64) ?? [])
      .slice(0, 64),
  }
}

/** The devices of a host, for the way from a datastore to its array. */
export function storageOf({ properties }: ManagedObject): XmlElement | undefined {
  return properties.get('config.storageDevice')
}

/** `VMware ESXi 7.0.3 build-19482537` → `7.0.3 build-19482537`: that it is ESXi is said beside it. */
function versionOf(product: XmlElement | undefined): string {
  const fullName = childText(product, 'fullName') ?? childText(product, 'version') ?? ''
  return fullName.replace(/^VMware ESXi /, '').slice(0, 128)
}
