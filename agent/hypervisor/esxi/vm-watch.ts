import { Backoff } from '../../../common/backoff.js'
import { pause } from '../../../common/lifecycle.js'
import { child, childText, children, type XmlElement } from '../libvirt/xml.js'
import { createView, destroy, propSet, viewObjects } from './properties.js'
import { isSessionEnd, type Invoke, type Login, type VsphereSession } from './session.js'
import { dateTime, leaf, refIn, type MoRef } from './soap-message.js'

/** What is followed of a VM all the time. */
export interface WatchedVm {
  /** Id of the managed object, `vm-57`. */
  readonly id: string
  /**
   * The instance UUID, which vCenter keeps apart among all its VMs; the BIOS UUID only where there is none: copies of a VM
   * may share that one.
   */
  readonly uuid: string
  readonly name: string
  /** Id of the host that has it, `host-21`. */
  readonly hostId: string
  readonly power: 'on' | 'off' | 'suspended' | 'unknown'
  /** On the server's clock. */
  readonly bootedAtMs: number | undefined
  /** Changes with the definition; undefined where the server has none. */
  readonly changeVersion: string | undefined
}

export type WatchedVms = ReadonlyMap<string, WatchedVm>

const paths = [
  'name',
  'config.uuid',
  'config.instanceUuid',
  'config.template',
  'config.changeVersion',
  'runtime.powerState',
  'runtime.host',
  'runtime.bootTime',
] as const

/** Properties of all VMs as they were told, by object and path. */
export type Mirror = Map<string, Map<string, string>>

/** No vCenter has as many; a server that sends more is broken. */
const mostVms = 20_000

/** Brings the mirror up to date with one UpdateSet. */
export function applyUpdates(mirror: Mirror, updates: XmlElement): void {
  for (const filter of children(updates, 'filterSet')) {
    for (const object of children(filter, 'objectSet')) {
      const ref = refIn(child(object, 'obj'))
      if (ref?.type !== 'VirtualMachine') continue
      if (childText(object, 'kind') === 'leave') {
        mirror.delete(ref.id)
        continue
      }
      const known = mirror.get(ref.id) ?? new Map<string, string>()
      if (!mirror.has(ref.id) && mirror.size >= mostVms) continue
      mirror.set(ref.id, known)
      for (const change of children(object, 'changeSet')) {
        const name = childText(change, 'name') ?? ''
        const value = childText(change, 'val')
        if (value === undefined || /remove/i.test(childText(change, 'op') ?? '')) known.delete(name)
        else known.set(name, value.slice(0, 1024))
      }
    }
  }
}

const powers: Readonly<Record<string, WatchedVm['power']>> = {
  poweredOn: 'on',
  poweredOff: 'off',
  suspended: 'suspended',
}

const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

/** The VMs of a mirror. Templates are none; a VM that is being made, or cannot be reached, has no UUID and waits. */
export function vmsIn(mirror: Mirror): WatchedVms {
  const vms = new Map<string, WatchedVm>()
  for (const [id, properties] of mirror) {
    const uuid = [properties.get('config.instanceUuid'), properties.get('config.uuid')].find(
      (one) => one !== undefined && uuidPattern.test(one),
    )
    const name = properties.get('name')
    const hostId = properties.get('runtime.host')
    if (uuid === undefined || name === undefined || hostId === undefined) continue
    if (properties.get('config.template') === 'true') continue
    const power = properties.get('runtime.powerState') ?? ''
    vms.set(id, {
      id,
      uuid: uuid.toLowerCase(),
      name,
      hostId,
      power: Object.hasOwn(powers, power) ? (powers[power] ?? 'unknown') : 'unknown',
      bootedAtMs: dateTime(properties.get('runtime.bootTime')),
      changeVersion: properties.get('config.changeVersion'),
    })
  }
  return vms
}

export interface VmWatchOptions {
  readonly session: VsphereSession
  /** Called whenever something has changed, and at first when all is known. */
  readonly onVms: (vms: WatchedVms) => void
  /** The server cannot be followed; tried again. */
  readonly onLost: (error: unknown) => void
  readonly onBack: () => void
  /** How long one call waits for changes; default 20 s. */
  readonly maxWaitMs?: number
}

const vmsPerUpdate = 500
/** A server that answers at once though nothing has changed must not be asked again at once. */
const shortestBeatMs = 1000

/** Follows the VMs of a server by its property collector: changes arrive as they happen. */
export class VmWatch {
  readonly #backoff = new Backoff({ baseMs: 500, capMs: 10_000 })
  #isLost = false
  #hasTold = false
  /** What the server keeps for us as long as that login lives. */
  #held: { readonly login: Login; readonly objects: MoRef[] } | undefined

  constructor(private readonly options: VmWatchOptions) {}

  /** Runs until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.#hasTold = false
      try {
        await this.options.session.run(signal, (invoke, login) => this.#follow(invoke, login, signal))
      } catch (error) {
        if (signal.aborted) return
        // It lasts for days, and sessions do not: one that ends after it told of something is no loss.
        if (isSessionEnd(error) && this.#hasTold) {
          await pause(shortestBeatMs, signal)
          continue
        }
        if (!this.#isLost) this.options.onLost(error)
        this.#isLost = true
        await pause(this.#backoff.nextMs(), signal)
      }
    }
  }

  async #follow(invoke: Invoke, login: Login, signal: AbortSignal): Promise<void> {
    const { maxWaitMs = 20_000 } = this.options
    const { content } = login
    await this.#filter(invoke, login)
    const wait = leaf('maxWaitSeconds', Math.ceil(maxWaitMs / 1000)) + leaf('maxObjectUpdates', vmsPerUpdate)
    const mirror: Mirror = new Map()
    let version = ''
    let isPartial = false
    while (!signal.aborted) {
      const args = `${leaf('version', version)}<options>${wait}</options>`
      const beganMs = performance.now()
      const deadlineMs = maxWaitMs + 15_000
      const [updates] = await invoke('WaitForUpdatesEx', content.propertyCollector, args, { deadlineMs })
      const next = childText(updates, 'version')
      const isNews = updates !== undefined && next !== undefined && next !== version
      if (isNews) {
        version = next
        applyUpdates(mirror, updates)
      }
      // What does not fit into one answer goes on in the next.
      if (isNews && childText(updates, 'truncated') === 'true') isPartial = true
      else if (isNews || isPartial) {
        isPartial = false
        this.#told(mirror)
      }
      if (!isNews) await pause(Math.max(0, beganMs + shortestBeatMs - performance.now()), signal)
    }
  }

  /** Has all VMs followed. A filter that was left behind would tell everything once more, for as long as the login lives. */
  async #filter(invoke: Invoke, login: Login): Promise<void> {
    const { content } = login
    const before = this.#held?.login === login ? this.#held.objects : []
    for (let last = before.at(-1); last !== undefined; last = before.at(-1)) {
      await destroy(invoke, last)
      before.pop()
    }
    const objects: MoRef[] = []
    this.#held = { login, objects }
    const view = await createView(invoke, content, 'VirtualMachine')
    objects.push(view)
    const spec = `<spec>${propSet('VirtualMachine', paths)}${viewObjects(view)}</spec>`
    const made = await invoke('CreateFilter', content.propertyCollector, spec + leaf('partialUpdates', false))
    objects.push(...made.flatMap((one) => refIn(one) ?? []))
  }

  #told(mirror: Mirror): void {
    this.#hasTold = true
    this.#backoff.reset()
    this.options.onVms(vmsIn(mirror))
    if (!this.#isLost) return
    this.#isLost = false
    this.options.onBack()
  }
}
