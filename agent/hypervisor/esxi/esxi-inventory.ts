import type { DiskFacts, Inventory, VmFacts } from '../hypervisor.js'
import type { EsxiDisk } from './device-facts.js'
import type { EsxiHostFacts } from './host-facts.js'
import type { Definition } from './site.js'
import { arraysOf, type Datastore } from './storage-facts.js'
import type { WatchedVm } from './vm-watch.js'

/** What there is on one host. A VM whose definition cannot be read is left out: without sizes it would count as nothing. */
export function esxiInventory(
  host: EsxiHostFacts,
  datastores: readonly Datastore[],
  vms: readonly { readonly vm: WatchedVm; readonly definition: Definition | undefined }[],
): Inventory {
  const byId = new Map(datastores.map((one) => [one.id, one]))
  return {
    host: host.facts,
    vms: vms.flatMap(({ vm, definition }) => (definition === undefined ? [] : [vmFacts(vm, definition, byId)])),
    arrays: arraysOf(datastores),
  }
}

function vmFacts(vm: WatchedVm, definition: Definition, datastores: ReadonlyMap<string, Datastore>): VmFacts {
  const { hardware, annotation, guestName } = definition
  return {
    uuid: vm.uuid,
    name: vm.name,
    vcpus: hardware.vcpus,
    memoryMaxBytes: hardware.memoryBytes,
    disks: hardware.disks.map((disk) => diskFacts(disk, datastores)),
    nics: hardware.nics.map(({ device, mac, network, model }) => ({
      device,
      mac,
      model,
      ...(network === undefined ? {} : { network }),
    })),
    persistent: true,
    ...(guestName === undefined || guestName === '' ? {} : { osType: guestName }),
    ...(annotation === undefined || annotation === '' ? {} : { metadata: { description: annotation } }),
    ...(vm.changeVersion === undefined ? {} : { definitionHash: vm.changeVersion.slice(0, 64) }),
  }
}

function diskFacts(disk: EsxiDisk, datastores: ReadonlyMap<string, Datastore>): DiskFacts {
  const datastore = disk.datastoreId === undefined ? undefined : datastores.get(disk.datastoreId)
  return {
    target: disk.target,
    source: disk.source,
    backend: datastore?.backend ?? 'other',
    arrayKey: datastore?.arrayKey ?? '',
    ...(datastore === undefined
      ? {}
      : {
          unit: [datastore.name, datastore.unit]
            .filter((one) => one !== undefined)
            .join(', ')
            .slice(0, 256),
        }),
    ...(disk.capacityBytes === undefined ? {} : { capacityBytes: disk.capacityBytes }),
    readOnly: disk.readOnly,
    removable: false,
    ...(disk.format === undefined ? {} : { format: disk.format }),
    bus: disk.bus,
    ...(disk.serial === undefined ? {} : { serial: disk.serial }),
  }
}
