import type { HostFacts, Inventory } from '../hypervisor.js'
import type { SimHost } from './entities.js'
import { vmFactsOf } from './vm-facts.js'

/** What one host knows of itself, of the VMs defined on it and of the arrays that it sees. */
export function inventoryOf(host: SimHost): Inventory {
  return {
    host: hostFactsOf(host),
    vms: host.vms.map(vmFactsOf),
    arrays: host.paths.map(({ array, device }) => ({
      key: array.key,
      name: array.name,
      kind: array.kind,
      ...(array.sizeBytes === undefined ? {} : { sizeBytes: array.sizeBytes }),
      devices: [device],
    })),
  }
}

function hostFactsOf({ spec }: SimHost): HostFacts {
  return {
    name: spec.name,
    hypervisorVersion: spec.version,
    os: spec.os,
    ...(spec.machine === undefined ? {} : { machine: spec.machine }),
    ...(spec.cpuModel === undefined ? {} : { cpuModel: spec.cpuModel }),
    cpuCores: spec.cores,
    cpuThreads: spec.threads,
    cpuMhz: spec.mhz,
    memoryBytes: spec.memoryBytes,
    localDisks: spec.localDisksBytes.map((sizeBytes, index) => ({
      device: `sd${String.fromCodePoint(97 + (index % 26))}`,
      model: 'simulated disk',
      serial: `${spec.name}-${index + 1}`,
      sizeBytes,
      rotational: true,
    })),
  }
}
