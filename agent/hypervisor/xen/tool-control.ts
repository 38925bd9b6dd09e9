import {
  ActionRefused,
  type PowerAction,
  type SizeControl,
  type VmControl,
  type VmNow,
  type VmSizes,
} from '../hypervisor.js'
import type { Domain, DomainFigures, DomainList, Toolstack } from './toolstack.js'
import type { XenAct, XenActor } from './xen-acts.js'

const MiB = 2 ** 20
const acts = {
  shutdown: 'shutdown',
  reboot: 'reboot',
  destroy: 'destroy',
  suspend: 'pause',
  resume: 'unpause',
} as const satisfies Partial<Record<PowerAction, XenAct['act']>>

/** Of VMs that were looked at and are not listed any more. */
const mostKnown = 4096

/** Power and memory of VMs by xl or xm, which list only what runs (xend also what it keeps). */
export class ToolControl implements Pick<VmControl, 'look' | 'power'> {
  readonly sizes: SizeControl
  /** Names by UUID: one that has ended is not listed any more, and is off all the same. */
  readonly #known = new Map<string, string>()

  constructor(
    private readonly toolstack: Pick<Toolstack, 'list'>,
    private readonly actor: XenActor,
  ) {
    this.sizes = {
      sizes: async (vmUuid, signal) => {
        const { figures, domain } = await this.#find(vmUuid, signal)
        return { live: domain.id > 0 ? sizesOf(figures) : undefined, next: undefined }
      },
      setMemory: async (vmUuid, bytes, signal) => {
        const id = await this.#running(vmUuid, signal)
        await this.actor.do({ act: 'mem-set', id, mebibytes: Math.round(bytes / MiB) }, signal)
      },
      setVcpus: () => Promise.reject(new ActionRefused('vCPUs of Xen VMs are not set from here')),
      setStatisticsPeriod: () => Promise.reject(new ActionRefused('a Xen guest tells nothing of its memory')),
    }
  }

  async look(vmUuid: string, signal: AbortSignal): Promise<VmNow | undefined> {
    const found = await this.#seek(vmUuid, signal)
    if (found === undefined) {
      const name = this.#known.get(vmUuid)
      return name === undefined ? undefined : off(vmUuid, name)
    }
    const { domain, figures } = found
    if (this.#known.size >= mostKnown) this.#known.clear()
    this.#known.set(vmUuid, domain.name)
    if (domain.id <= 0) return off(vmUuid, domain.name)
    const { state, stateReason } = figures
    return { uuid: vmUuid, name: domain.name, state, stateReason, runId: String(domain.id), autostart: false }
  }

  async power(vmUuid: string, action: PowerAction, signal: AbortSignal): Promise<void> {
    if (action === 'start') {
      await this.actor.do({ act: 'start', uuid: vmUuid }, signal)
      return
    }
    if (action === 'reset') throw new ActionRefused('Xen has no reset')
    await this.actor.do({ act: acts[action], id: await this.#running(vmUuid, signal) }, signal)
  }

  async #running(vmUuid: string, signal: AbortSignal): Promise<number> {
    const { domain, list } = await this.#find(vmUuid, signal)
    if (domain.id <= 0) throw new ActionRefused('it does not run')
    // xm takes a number for a name, if some VM has that name.
    const namesake = list.guests.find(({ name, uuid }) => name === String(domain.id) && uuid !== vmUuid)
    if (namesake !== undefined)
      throw new ActionRefused(`another VM is named ${namesake.name}, which is the number of this one: rename it first`)
    return domain.id
  }

  async #find(vmUuid: string, signal: AbortSignal): Promise<Found> {
    const found = await this.#seek(vmUuid, signal)
    if (found === undefined) throw new ActionRefused('it is not on this host')
    return found
  }

  async #seek(vmUuid: string, signal: AbortSignal): Promise<Found | undefined> {
    const list = await this.toolstack.list(signal)
    const domain = list.guests.find(({ uuid }) => uuid === vmUuid)
    // One that is not found may be what has another one's number.
    const doubtful = domain === undefined ? list.guests.find(({ isDoubtful }) => isDoubtful) : domain
    if (doubtful?.isDoubtful === true)
      throw new Error(
        `which VM domain ${doubtful.id} (${doubtful.name}) is, is not known now: it was another one's number`,
      )
    if (domain === undefined) return undefined
    const figures = await list.figures(domain, signal)
    if (figures === 'gone') return undefined
    if ('reason' in figures) throw new Error(`its state is not told: ${figures.message}`)
    return { list, domain, figures }
  }
}

interface Found {
  readonly list: DomainList
  readonly domain: Domain
  readonly figures: DomainFigures
}

function off(uuid: string, name: string): VmNow {
  return { uuid, name, state: 'shutoff', stateReason: 'unknown', runId: '', autostart: false }
}

function sizesOf({ memoryBytes = 0, memoryMaxBytes, vcpus = 1 }: DomainFigures): VmSizes {
  return { memoryBytes, memoryMaxBytes: memoryMaxBytes ?? memoryBytes, vcpus, vcpusMax: vcpus }
}
