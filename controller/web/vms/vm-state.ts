import type { VmView } from '../../api/views.js'
import { compareNames } from '../parts/compare-names.js'

export type StateTone = 'good' | 'idle' | 'off' | 'bad'

/** How a state looks: a word and a sign, and a colour that says the same. */
export interface StateLook {
  readonly word: string
  readonly sign: string
  readonly tone: StateTone
}

const looks: ReadonlyMap<string, StateLook> = new Map([
  ['running', { word: 'running', sign: '●', tone: 'good' }],
  // Xen's word for a guest that waits for something to do.
  ['blocked', { word: 'running', sign: '●', tone: 'good' }],
  ['paused', { word: 'paused', sign: '‖', tone: 'idle' }],
  ['suspended', { word: 'suspended', sign: '‖', tone: 'idle' }],
  ['shutting-down', { word: 'shutting down', sign: '▾', tone: 'idle' }],
  ['shutoff', { word: 'off', sign: '○', tone: 'off' }],
  ['crashed', { word: 'crashed', sign: '✕', tone: 'bad' }],
])

export function lookOf(state: string): StateLook {
  return looks.get(state) ?? { word: state, sign: '?', tone: 'idle' }
}

/** True if the VM takes memory of its host: all but those that are off or dead. */
export function holdsMemory(vm: Pick<VmView, 'state'>): boolean {
  return vm.state !== 'shutoff' && vm.state !== 'crashed'
}

/** True if the VM does its work now. */
export function isRunning(vm: Pick<VmView, 'state'>): boolean {
  return vm.state === 'running' || vm.state === 'blocked' || vm.state === 'shutting-down'
}

/** What a VM may grow to, else what it has: the figure that capacity counts. */
export function configuredMemory(vm: Pick<VmView, 'memoryBytes' | 'memoryMaxBytes'>): number | undefined {
  return vm.memoryMaxBytes ?? vm.memoryBytes
}

/** Sum of those that are known; undefined if none is. */
export function sumKnown(values: Iterable<number | undefined>): number | undefined {
  let sum: number | undefined
  for (const value of values) if (value !== undefined) sum = (sum ?? 0) + value
  return sum
}

/** VMs by the host that they are on, and by the array that they have a disk on; each sorted by name. */
export function vmsByHost(vms: Iterable<VmView>): ReadonlyMap<string, readonly VmView[]> {
  return grouped(vms, (vm) => [vm.hostId])
}

export function vmsByArray(vms: Iterable<VmView>): ReadonlyMap<string, readonly VmView[]> {
  return grouped(vms, (vm) => vm.disks.map((disk) => disk.arrayKey))
}

function grouped(
  vms: Iterable<VmView>,
  keysOf: (vm: VmView) => readonly string[],
): ReadonlyMap<string, readonly VmView[]> {
  const groups = new Map<string, VmView[]>()
  for (const vm of [...vms].sort((a, b) => compareNames(a.name, b.name))) {
    for (const key of new Set(keysOf(vm))) {
      const group = groups.get(key)
      if (group === undefined) groups.set(key, [vm])
      else group.push(vm)
    }
  }
  return groups
}
