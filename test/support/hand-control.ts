import {
  ActionRefused,
  powerActions,
  type DefinitionControl,
  type DiskControl,
  type DiskLimits,
  type MigrationControl,
  type PowerAction,
  type SaveControl,
  type TextControl,
  type VmControl,
  type VmNow,
} from '../../agent/hypervisor/hypervisor.js'

/** Hand-written: VMs in memory that obey at once, and note what was done to them. */
export class HandControl implements VmControl {
  readonly verbs = new Set([
    ...powerActions,
    'autostart',
    'limit',
    'unlimit',
    'undefine',
    'offer',
    'arrive',
    'discard',
  ] as const)
  /** Every call that acted, in order: `start a`. */
  readonly done: string[] = []
  readonly vms = new Map<string, VmNow>()
  /** Called before an action is done; it may wait, or throw. */
  before: (action: string, uuid: string, signal: AbortSignal) => Promise<void> = () => Promise.resolve()
  /** Guests that do not hear a request to shut down, for so many requests. */
  deaf = 0
  readonly saving: SaveControl = {
    hasSaved: () => Promise.resolve(this.isSaved),
    unrestorable: () => Promise.resolve(undefined),
    save: () => Promise.reject(new ActionRefused('cannot save')),
    breakOff: () => Promise.reject(new ActionRefused('nothing is saved')),
  }
  readonly texts: TextControl = {
    definition: (uuid) => Promise.resolve(`<domain>${uuid}</domain>`),
    consoleLog: () => Promise.resolve(undefined),
  }
  readonly definitions: DefinitionControl = {
    whole: (uuid) => Promise.resolve(`<domain secret='x'>${uuid}</domain>`),
    undefine: async (uuid, signal) => {
      await this.before('undefine', uuid, signal)
      this.done.push(`undefine ${this.vms.get(uuid)?.name}`)
      this.vms.delete(uuid)
    },
  }
  readonly migration: MigrationControl = {
    refuses: () => undefined,
    move: () => this.move(),
    breakOff: () => Promise.reject(new ActionRefused('nothing moves')),
    isBusy: () => Promise.resolve(this.isBusy),
    reception: () => Promise.resolve([]),
  }
  move: () => Promise<void> = () => Promise.reject(new ActionRefused('cannot move'))
  /** Whether the hypervisor is at work on its VMs. */
  isBusy = false
  /** Of running VMs, by VM and disk. */
  readonly diskLimits = new Map<string, Map<string, DiskLimits>>()
  readonly disks: DiskControl = {
    limits: (uuid) => Promise.resolve(new Map(this.diskLimits.get(uuid))),
    setLimits: async (uuid, disk, limits, signal) => {
      await this.before('limit', uuid, signal)
      const vm = this.vms.get(uuid)
      const disks = this.diskLimits.get(uuid)
      if (vm === undefined || disks?.has(disk) !== true) throw new ActionRefused('no such disk')
      this.done.push(`limit ${vm.name} ${disk} ${limits['write_bytes_sec']}`)
      disks.set(disk, limits)
    },
  }
  isSaved = false
  #runs = 0

  add(uuid: string, name: string, state: VmNow['state'] = 'running'): void {
    const runId = state === 'shutoff' ? '' : this.#nextRun()
    this.vms.set(uuid, { uuid, name, state, stateReason: 'unknown', runId, autostart: false })
  }

  set(uuid: string, change: Partial<VmNow>): void {
    const vm = this.vms.get(uuid)
    if (vm !== undefined) this.vms.set(uuid, { ...vm, ...change })
  }

  look(uuid: string): Promise<VmNow | undefined> {
    return Promise.resolve(this.vms.get(uuid))
  }

  async power(uuid: string, action: PowerAction, signal: AbortSignal): Promise<void> {
    await this.before(action, uuid, signal)
    const vm = this.vms.get(uuid)
    if (vm === undefined) throw new ActionRefused('no such VM')
    this.done.push(`${action} ${vm.name}`)
    if (action === 'shutdown' && this.deaf > 0) this.deaf -= 1
    else this.set(uuid, this.#after(action, vm))
  }

  async setAutostart(uuid: string, autostart: boolean, signal: AbortSignal): Promise<void> {
    await this.before('autostart', uuid, signal)
    this.done.push(`autostart ${this.vms.get(uuid)?.name} ${autostart}`)
    this.set(uuid, { autostart })
  }

  #after(action: PowerAction, vm: VmNow): Partial<VmNow> {
    switch (action) {
      case 'start':
        return { state: 'running', runId: this.#nextRun() }
      case 'shutdown':
      case 'destroy':
        return { state: 'shutoff', runId: '' }
      case 'suspend':
        return { state: 'paused', stateReason: 'user' }
      case 'resume':
        return { state: 'running', stateReason: 'unpaused' }
      case 'reboot':
      case 'reset':
        return vm
    }
  }

  #nextRun(): string {
    this.#runs += 1
    return `run-${this.#runs}`
  }
}
