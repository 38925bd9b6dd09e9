import { attribute, child, childText, children, type XmlElement } from '../libvirt/xml.js'
import { elementAt, refIn, textAt, wholeNumber, withoutPrefix } from './soap-message.js'

/** A virtual disk as the VM's hardware lists it. */
export interface EsxiDisk {
  /** `scsi0:0`: also the instance of its counters. */
  readonly target: string
  /** `[datastore] folder/file.vmdk`; empty if it is backed by something else. */
  readonly source: string
  /** Id of the datastore that holds it. */
  readonly datastoreId: string | undefined
  readonly capacityBytes: number | undefined
  readonly format: string | undefined
  readonly bus: string
  readonly readOnly: boolean
  readonly serial: string | undefined
}

export interface EsxiNic {
  /** Key of the device, `4000`: also the instance of its counters. */
  readonly device: string
  readonly mac: string
  readonly network: string | undefined
  readonly model: string
}

export interface Hardware {
  readonly vcpus: number
  readonly memoryBytes: number
  readonly disks: readonly EsxiDisk[]
  readonly nics: readonly EsxiNic[]
}

const mostDevices = 1024

/** Names of buses in counters, by what the type of the controller ends in. */
const buses: readonly (readonly [RegExp, string])[] = [
  [/^VirtualIDEController$/, 'ide'],
  [/^Virtual(AHCI|SATA)Controller$/, 'sata'],
  [/^VirtualNVMEController$/, 'nvme'],
  [/(SCSI|LsiLogic|BusLogic).*Controller$/, 'scsi'],
]

/** Reads a VM's `config.hardware`. @returns undefined if it says nothing of CPU and memory */
export function hardwareIn(hardware: XmlElement | undefined): Hardware | undefined {
  const vcpus = wholeNumber(childText(hardware, 'numCPU'), 1)
  const memoryMegabytes = wholeNumber(childText(hardware, 'memoryMB'), 1)
  if (vcpus === undefined || vcpus > 4096 || memoryMegabytes === undefined || memoryMegabytes > 2 ** 32)
    return undefined
  const devices = children(hardware, 'device').slice(0, mostDevices)
  const controllers = new Map(devices.flatMap((device) => controllerIn(device) ?? []))
  const disks = devices.flatMap((device) => diskIn(device, controllers) ?? [])
  return {
    vcpus,
    memoryBytes: memoryMegabytes * 1024 * 1024,
    disks: [...new Map(disks.map((disk) => [disk.target, disk])).values()],
    nics: devices.flatMap((device) => nicIn(device) ?? []),
  }
}

function typeOf(element: XmlElement | undefined): string {
  return withoutPrefix(attribute(element, 'type') ?? '')
}

/** `200` → `ide0` */
function controllerIn(device: XmlElement): [string, { bus: string; number: number }][] | undefined {
  const key = childText(device, 'key')
  const number = wholeNumber(childText(device, 'busNumber'))
  const bus = buses.find(([pattern]) => pattern.test(typeOf(device)))?.[1]
  return key === undefined || number === undefined || bus === undefined ? undefined : [[key, { bus, number }]]
}

function diskIn(
  device: XmlElement,
  controllers: ReadonlyMap<string, { readonly bus: string; readonly number: number }>,
): EsxiDisk | undefined {
  if (typeOf(device) !== 'VirtualDisk') return undefined
  const controller = controllers.get(childText(device, 'controllerKey') ?? '')
  const unit = wholeNumber(childText(device, 'unitNumber'))
  if (controller === undefined || unit === undefined) return undefined
  const backing = child(device, 'backing')
  const bytes = wholeNumber(childText(device, 'capacityInBytes'))
  const kilobytes = wholeNumber(childText(device, 'capacityInKB'))
  return {
    target: `${controller.bus}${controller.number}:${unit}`,
    source: (childText(backing, 'fileName') ?? childText(backing, 'deviceName') ?? '').slice(0, 1024),
    datastoreId: refIn(child(backing, 'datastore'))?.id,
    capacityBytes: bytes ?? (kilobytes === undefined || kilobytes > 2 ** 43 ? undefined : kilobytes * 1024),
    format: /RawDiskMapping/.test(typeOf(backing))
      ? 'rdm'
      : childText(backing, 'fileName') === undefined
        ? undefined
        : 'vmdk',
    bus: controller.bus,
    readOnly: false,
    serial: childText(backing, 'uuid')?.slice(0, 128),
  }
}

const models: Readonly<Record<string, string>> = {
  VirtualE1000: 'e1000',
  VirtualE1000e: 'e1000e',
  VirtualVmxnet: 'vmxnet',
  VirtualVmxnet2: 'vmxnet2',
  VirtualVmxnet3: 'vmxnet3',
  VirtualVmxnet3Vrdma: 'vmxnet3-vrdma',
  VirtualPCNet32: 'pcnet32',
  VirtualSriovEthernetCard: 'sriov',
}

function nicIn(device: XmlElement): EsxiNic | undefined {
  const model = Object.hasOwn(models, typeOf(device)) ? models[typeOf(device)] : undefined
  const key = wholeNumber(childText(device, 'key'))
  if (model === undefined || key === undefined) return undefined
  const backing = child(device, 'backing')
  const network = childText(backing, 'deviceName') ?? textAt(elementAt(backing, 'port'), 'portgroupKey')
  return {
    device: String(key),
    mac: (childText(device, 'macAddress') ?? '').toLowerCase().slice(0, 32),
    network: network?.slice(0, 256),
    model,
  }
}
