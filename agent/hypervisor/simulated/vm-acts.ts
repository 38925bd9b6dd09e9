import type { PowerAction } from '../hypervisor.js'
import type { SimVm } from './entities.js'
import { beginBoot } from './guest-load.js'
import { booting } from './load-profiles.js'
import { end, startVm, tell, type LifeContext } from './vm-life.js'

export type VmAction = PowerAction | 'autostart-on' | 'autostart-off'

/** For so long of its boot a guest does not hear the power button. */
const deafMs = booting.lastMs / 4

/** What a command does to a VM, as libvirt would. Returns why it refuses, or undefined. */
export function act(world: LifeContext, vm: SimVm, action: VmAction): string | undefined {
  if (action === 'autostart-on' || action === 'autostart-off') {
    vm.autostart = action === 'autostart-on'
    return undefined
  }
  const isOn = vm.runId !== ''
  if (action === 'start') {
    if (isOn) return 'domain is already running'
    startVm(world, vm, 'booted')
    return undefined
  }
  if (!isOn) return 'domain is not running'
  const isPaused = vm.state === 'paused'
  switch (action) {
    case 'shutdown':
      // A halted guest hears nothing either.
      if (!isPaused && !isDeaf(world, vm)) end(world, vm, 'shutdown')
      return undefined
    case 'destroy':
      end(world, vm, 'destroy')
      return undefined
    case 'reboot':
      if (isPaused || isDeaf(world, vm)) return undefined
      beginBoot(vm.load, world.nowMs)
      return undefined
    case 'reset':
      beginBoot(vm.load, world.nowMs)
      return undefined
    case 'suspend':
      if (isPaused) return undefined
      vm.state = 'paused'
      vm.stateReason = 'user'
      tell(world, vm.path.host, vm, 'suspended', 'user')
      return undefined
    case 'resume':
      if (!isPaused) return 'domain is already running'
      vm.state = 'running'
      vm.stateReason = 'unpaused'
      tell(world, vm.path.host, vm, 'resumed', 'unpaused')
      return undefined
  }
}

function isDeaf({ nowMs }: LifeContext, { load }: SimVm): boolean {
  return nowMs < load.bootingUntilMs - booting.lastMs + deafMs
}
