import type { DiskFacts, HypervisorKind, VmFacts } from '../hypervisor.js'
import type { SimVm } from './entities.js'

/** A VM's definition, named as its kind of hypervisor names things. */
export function vmFactsOf(vm: SimVm): VmFacts {
  const { spec, service } = vm
  return {
    uuid: vm.uuid,
    name: spec.name,
    vcpus: spec.vcpus,
    memoryMaxBytes: spec.memoryBytes,
    disks: [diskFactsOf(vm)],
    nics: [{ device: nicDeviceOf(vm), mac: vm.mac, network: networks[kindOf(vm)], model: nicModels[kindOf(vm)] }],
    autostart: vm.autostart,
    persistent: true,
    osType: kindOf(vm) === 'xen' ? 'linux' : 'hvm',
    metadata: {
      group: spec.group,
      ...(spec.owner === undefined ? {} : { owner: spec.owner }),
      ...(service === undefined ? {} : { service }),
    },
  }
}

export function diskTargetOf(vm: SimVm): string {
  return targets[kindOf(vm)]
}

export function nicDeviceOf(vm: SimVm): string {
  switch (kindOf(vm)) {
    case 'kvm':
      return `vnet${vm.number}`
    case 'xen':
      return `vif${vm.number}.0`
    case 'esxi':
      return '4000'
  }
}

function kindOf(vm: SimVm): HypervisorKind {
  return vm.path.host.spec.kind
}

function diskFactsOf(vm: SimVm): DiskFacts {
  const { path, spec } = vm
  return {
    target: diskTargetOf(vm),
    ...(path.array.shared ? sharedVolume(vm) : localFile(vm)),
    arrayKey: path.array.key,
    capacityBytes: spec.diskBytes,
    readOnly: false,
    removable: false,
    bus: buses[kindOf(vm)],
  }
}

/** KVM reaches a LUN by itself; Xen gets a logical volume on it; ESXi a file on a datastore. */
function sharedVolume(vm: SimVm): Pick<DiskFacts, 'source' | 'backend' | 'unit' | 'format' | 'cache'> {
  const { array } = vm.path
  switch (kindOf(vm)) {
    case 'kvm':
      return {
        source: `${array.key.slice('iscsi:'.length)}/${vm.number}`,
        backend: 'iscsi',
        unit: String(vm.number),
        format: 'raw',
        cache: 'none',
      }
    case 'xen':
      return { source: `/dev/${array.name}/${vm.spec.name}`, backend: 'lvm', unit: vm.spec.name, format: 'raw' }
    case 'esxi':
      return vmdk(vm, array.name)
  }
}

function localFile(vm: SimVm): Pick<DiskFacts, 'source' | 'backend' | 'unit' | 'format' | 'cache'> {
  switch (kindOf(vm)) {
    case 'kvm':
      return {
        source: `/var/lib/libvirt/images/${vm.spec.name}.qcow2`,
        backend: 'file',
        format: 'qcow2',
        cache: 'none',
      }
    case 'xen':
      return { source: `/var/lib/xen/images/${vm.spec.name}.img`, backend: 'file', format: 'raw' }
    case 'esxi':
      return vmdk(vm, 'datastore1')
  }
}

function vmdk(vm: SimVm, datastore: string): Pick<DiskFacts, 'source' | 'backend' | 'format'> {
  return { source: `[${datastore}] ${vm.spec.name}/${vm.spec.name}.vmdk`, backend: 'vmfs', format: 'vmdk' }
}

const targets = { kvm: 'vda', xen: 'xvda', esxi: 'scsi0:0' } satisfies Record<HypervisorKind, string>
const buses = { kvm: 'virtio', xen: 'xen', esxi: 'scsi' } satisfies Record<HypervisorKind, string>
const networks = { kvm: 'br0', xen: 'xenbr0', esxi: 'VM Network' } satisfies Record<HypervisorKind, string>
const nicModels = { kvm: 'virtio', xen: 'netfront', esxi: 'vmxnet3' } satisfies Record<HypervisorKind, string>
