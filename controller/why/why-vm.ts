import { boxesOf, ownDisks } from '../checks/storage.js'
import type { Vm } from '../model/snapshot.js'
import { hiddenReasons } from './hidden-reasons.js'
import { labelReasons } from './label-reasons.js'
import { lifeReasons } from './life-reasons.js'
import { inOrderOfWeight, type Around, type Known, type Reason } from './reason.js'
import { saidReasons } from './said-reasons.js'
import { loadReasons, roomReasons, trafficReasons } from './surroundings.js'
import { unknownReasons } from './unknown-reasons.js'

/** Everything known that bears on one VM, the weightiest first. Pure. */
export function whyVm(vm: Vm, known: Known): Reason[] {
  const around = aroundOf(vm, known)
  const reasons = [
    ...saidReasons(around, known),
    ...lifeReasons(around, known),
    ...trafficReasons(around, known),
    ...loadReasons(around, known),
    ...roomReasons(around, known),
    ...hiddenReasons(around, known),
    ...unknownReasons(around, known),
    ...labelReasons(around, known),
  ]
  return inOrderOfWeight(reasons, around)
}

function aroundOf(vm: Vm, { snapshot, policy }: Pick<Known, 'snapshot' | 'policy'>): Around {
  const boxOf = boxesOf(snapshot, policy)
  const boxes = new Set(ownDisks(vm, snapshot).map(({ arrayKey }) => boxOf(arrayKey).id))
  const arrayKeys = new Set<string>()
  const neighbours = new Set<string>()
  for (const { arrayKey, vmUuid } of snapshot.disks.values()) {
    if (arrayKey === '' || !boxes.has(boxOf(arrayKey).id)) continue
    arrayKeys.add(arrayKey)
    neighbours.add(vmUuid)
  }
  for (const other of snapshot.vms.values()) if (other.hostId === vm.hostId) neighbours.add(other.uuid)
  neighbours.delete(vm.uuid)
  const host = snapshot.hosts.get(vm.hostId)
  return {
    vm,
    host,
    arrayKeys,
    neighbours,
    distanceOf: ({ kind, id }) => {
      switch (kind) {
        case 'vm':
          return id === vm.uuid ? 0 : neighbours.has(id) ? 2 : undefined
        case 'host':
          return id === vm.hostId ? 1 : undefined
        case 'array':
          return arrayKeys.has(id) || boxes.has(id) ? 1 : undefined
        case 'agent':
          return id === host?.agentId ? 1 : undefined
        case 'fleet':
          return 3
      }
    },
  }
}
