import type { Log } from '../../../common/log.js'
import type { EventKind, HypervisorEvent, VmStateReason } from '../hypervisor.js'
import type { Caller } from './connection.js'
import { hasProcess, listedDomain, type ListedDomain } from './domain-state.js'
import { lifecycleEvent } from './lifecycle-event.js'
import { eventId, getDomainStats, procedure, readDomain, registerEvent, statsGroup } from './procedures.js'
import type { XdrReader } from './xdr.js'

export interface EventSourceOptions {
  readonly now: () => number
  readonly log: Log
  readonly onEvent: (event: HypervisorEvent) => void
  /** What a VM is made of changed, or may have. */
  readonly onChange: (vmUuid: string) => void
  /** Lists all VMs with their states, for drivers without bulk statistics. */
  readonly list?: (caller: Caller) => Promise<readonly ListedDomain[]>
}

/** Events that only say that a VM's definition is another one now. */
const changeEvents = [
  eventId.diskChange,
  eventId.trayChange,
  eventId.deviceRemoved,
  eventId.deviceAdded,
  eventId.metadataChange,
] as const

const changing: ReadonlySet<EventKind> = new Set<EventKind>(['defined', 'undefined', 'started', 'stopped', 'crashed'])

/** An event may come later than the list that shows the same. */
const patienceMs = 1000

/**
 * Turns the daemon's messages into events. It also remembers who runs: so that after a break in the connection it can tell
 * what happened meanwhile, and because libvirt says nothing of a VM that it finds dead when it starts itself.
 */
export class EventSource {
  readonly #options: EventSourceOptions
  readonly #running = new Map<string, string>()
  /** VMs that were seen to have started or stopped without an event so far, and when. */
  readonly #unannounced = new Map<string, number>()
  #changeCallbacks = new Set<number>()
  #followed = false

  constructor(options: EventSourceOptions) {
    this.#options = options
  }

  /**
   * Registers for events on a new connection, and tells of VMs that started or stopped since the last one.
   * @returns whether the daemon sends lifecycle events
   * @throws HypervisorUnavailable, CallAbandoned, LibvirtError if the VMs cannot be listed
   */
  async follow(caller: Caller): Promise<boolean> {
    this.#changeCallbacks = new Set()
    const hasLifecycle = (await this.#register(caller, eventId.lifecycle)) !== undefined
    await this.#register(caller, eventId.balloonChange)
    for (const id of changeEvents) {
      const callback = await this.#register(caller, id)
      if (callback !== undefined) this.#changeCallbacks.add(callback)
    }
    const list = await (this.#options.list ?? listInBulk)(caller)
    this.#unannounced.clear()
    for (const { domain, state } of list) {
      // Paused or just being started: there is nothing to tell, but its end will be.
      if (state !== 'running' && hasProcess(state)) this.#running.set(domain.uuid, domain.name)
    }
    this.#reconcile(list, () => true, this.#followed ? 'while the connection to libvirt was down' : undefined)
    this.#followed = true
    return hasLifecycle
  }

  /** A list of all VMs came by. What it shows for a second and no event told is told now. */
  observe(list: readonly ListedDomain[]): void {
    const nowMs = this.#options.now()
    const differing = new Set<string>()
    const isDue = (uuid: string): boolean => {
      differing.add(uuid)
      const sinceMs = this.#unannounced.get(uuid) ?? nowMs
      this.#unannounced.set(uuid, sinceMs)
      return nowMs - sinceMs >= patienceMs
    }
    this.#reconcile(list, isDue, 'libvirt sent no event')
    for (const uuid of this.#unannounced.keys()) if (!differing.has(uuid)) this.#unannounced.delete(uuid)
  }

  /** A message of the daemon. @throws XdrError if it is malformed */
  receive(messageProcedure: number, payload: XdrReader): void {
    const callback = payload.int()
    switch (messageProcedure) {
      case procedure.eventLifecycle:
        return this.#lifecycle(payload)
      case procedure.eventBalloonChange:
        return this.#balloon(payload)
      default:
        // Those that only announce a change all begin with the domain.
        if (this.#changeCallbacks.has(callback)) this.#options.onChange(readDomain(payload).uuid)
    }
  }

  #lifecycle(payload: XdrReader): void {
    const { uuid, name } = readDomain(payload)
    const meaning = lifecycleEvent(payload.int(), payload.int())
    if (meaning === undefined) return
    const { kind, reason } = meaning
    if (kind === 'started' || kind === 'resumed') this.#running.set(uuid, name)
    if (kind === 'stopped' || (kind === 'crashed' && reason === 'crashed')) this.#running.delete(uuid)
    if (changing.has(kind)) this.#options.onChange(uuid)
    this.#tell(kind, reason, uuid, name)
  }

  #balloon(payload: XdrReader): void {
    const { uuid, name } = readDomain(payload)
    this.#tell('balloon-changed', 'unknown', uuid, name, `${payload.unsignedHyper()} KiB`)
  }

  async #register(caller: Caller, event: number): Promise<number | undefined> {
    try {
      return await registerEvent(caller, event)
    } catch (error) {
      this.#options.log.debug({ event, err: error }, 'libvirt does not send this event')
      return undefined
    }
  }

  /** @param message undefined: take note, and tell nothing */
  #reconcile(list: readonly ListedDomain[], isDue: (uuid: string) => boolean, message: string | undefined): void {
    const missing = new Map(this.#running)
    for (const { domain, state, reason } of list) {
      const { uuid, name } = domain
      missing.delete(uuid)
      const known = this.#running.has(uuid)
      // One that is being started or is coming in from another host is announced when it runs.
      if (state === 'running' && !known && isDue(uuid)) {
        this.#running.set(uuid, name)
        this.#tellMissed('started', reason, uuid, name, message)
      } else if (known && !hasProcess(state) && isDue(uuid)) {
        this.#running.delete(uuid)
        this.#tellMissed(reason === 'crashed' ? 'crashed' : 'stopped', reason, uuid, name, message)
      }
    }
    // Those that are not even listed any more were transient.
    for (const [uuid, name] of missing) {
      if (!isDue(uuid)) continue
      this.#running.delete(uuid)
      this.#tellMissed('stopped', 'unknown', uuid, name, message)
    }
  }

  #tellMissed(kind: EventKind, reason: VmStateReason, uuid: string, name: string, message: string | undefined): void {
    if (message === undefined) return
    this.#options.onChange(uuid)
    this.#tell(kind, reason, uuid, name, message)
  }

  #tell(kind: EventKind, reason: VmStateReason, vmUuid: string, vmName: string, message?: string): void {
    const atMs = this.#options.now()
    this.#options.onEvent({ atMs, kind, reason, vmUuid, vmName, ...(message === undefined ? {} : { message }) })
  }
}

async function listInBulk(caller: Caller): Promise<readonly ListedDomain[]> {
  return (await getDomainStats(caller, [], statsGroup.state)).map(listedDomain)
}
