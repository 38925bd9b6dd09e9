import type { Entities } from './entities.js'

/** What really goes on in the world, as of the last step. Rates are bytes per second, times seconds. */
export interface Truth {
  readonly atMs: number
  readonly arrays: readonly ArrayTruth[]
  readonly vms: readonly VmTruth[]
  readonly hosts: readonly {
    readonly name: string
    readonly up: boolean
    readonly cpuUsedCores: number
    readonly droppedEvents: number
  }[]
  /** Why events of the timeline could not happen; the last hundred. */
  readonly skippedEvents: readonly string[]
}

export interface ArrayTruth {
  readonly key: string
  readonly name: string
  readonly fillBytes: number
  readonly cacheBytes: number
  readonly frozen: boolean
  readonly waitingBytes: number
  readonly acceptedBytesPerSecond: number
  readonly drainedBytesPerSecond: number
  readonly busy: number
  readonly readSeconds: number
  readonly writeSeconds: number
}

export interface VmTruth {
  readonly name: string
  readonly host: string
  readonly running: boolean
  readonly cpuWantCores: number
  readonly cpuGotCores: number
  readonly usedBytes: number
  readonly backlogBytes: number
  readonly readSeconds: number
  readonly writeSeconds: number
}

export function truthOf({ hosts, arrays, vms }: Entities, nowMs: number, skippedEvents: readonly string[]): Truth {
  return {
    atMs: nowMs,
    arrays: arrays.map(({ key, name, model, state }) => ({
      key,
      name,
      fillBytes: state.fillBytes,
      cacheBytes: model.cacheBytes,
      frozen: state.frozen,
      waitingBytes: state.waitingBytes,
      acceptedBytesPerSecond: state.acceptedBytesPerSecond,
      drainedBytesPerSecond: state.drainedBytesPerSecond,
      busy: state.busy,
      readSeconds: state.readSeconds,
      writeSeconds: state.writeSeconds,
    })),
    vms: vms.map((vm) => ({
      name: vm.spec.name,
      host: vm.path.host.spec.name,
      running: vm.runId !== '',
      cpuWantCores: vm.cpuWantCores,
      cpuGotCores: vm.cpuGotCores,
      usedBytes: vm.usedBytes,
      backlogBytes: vm.backlogBytes,
      readSeconds: vm.turn.readSeconds,
      writeSeconds: vm.turn.writeSeconds,
    })),
    hosts: hosts.map((host) => ({
      name: host.spec.name,
      up: host.up,
      cpuUsedCores: host.active.reduce((sum, vm) => sum + vm.cpuGotCores, 0),
      droppedEvents: host.droppedEvents,
    })),
    skippedEvents,
  }
}
