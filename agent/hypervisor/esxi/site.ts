import type { Log } from '../../../common/log.js'
import { readCounters, type CounterIds } from './counters.js'
import { hardwareIn, type Hardware } from './device-facts.js'
import { readObjects } from './properties.js'
import type { Invoke, Login, ServiceContent, VsphereSession } from './session.js'
import { dateTime } from './soap-message.js'
import type { WatchedVm, WatchedVms } from './vm-watch.js'

/** What the definition of a VM says, as far as it changes seldom. */
export interface Definition {
  readonly hardware: Hardware
  readonly annotation: string | undefined
  readonly guestName: string | undefined
}

const clockEveryMs = 5 * 60_000
/** Clocks that agree within this are taken to be the same. */
const sameClockMs = 2000

/** What the hosts of one server share: the login, its counters, its clock, the VMs and their definitions. */
export class Site {
  #vms: WatchedVms = new Map()
  #counters: { readonly login: Login; readonly ids: Promise<CounterIds> } | undefined
  #clock: { readonly login: Login; readonly readAtMs: number; readonly offsetMs: number } | undefined
  readonly #definitions = new Map<string, { readonly version: string | undefined; readonly definition: Definition }>()

  constructor(
    readonly session: VsphereSession,
    private readonly now: () => number,
    private readonly log: Log,
  ) {}

  get vms(): WatchedVms {
    return this.#vms
  }

  set vms(vms: WatchedVms) {
    this.#vms = vms
    for (const id of this.#definitions.keys()) if (!vms.has(id)) this.#definitions.delete(id)
  }

  /** The VMs that one host has, each UUID once. */
  vmsOn(hostId: string): readonly WatchedVm[] {
    const byUuid = new Map<string, WatchedVm>()
    for (const vm of this.#vms.values()) {
      if (vm.hostId !== hostId) continue
      const twin = byUuid.get(vm.uuid)
      if (twin === undefined) byUuid.set(vm.uuid, vm)
      else this.log.warn({ uuid: vm.uuid, vms: [twin.id, vm.id] }, 'two VMs have the same UUID: only one is read')
    }
    return [...byUuid.values()]
  }

  /** Ids of counters, read once in a login: an update of the server may number them anew. */
  counters(invoke: Invoke, login: Login): Promise<CounterIds> {
    if (this.#counters?.login !== login) {
      const ids = readCounters(invoke, login.content)
      this.#counters = { login, ids }
      ids.catch(() => {
        if (this.#counters?.ids === ids) this.#counters = undefined
      })
    }
    return this.#counters.ids
  }

  /**
   * The server's clock minus ours, milliseconds; 0 if they agree within two seconds.
   * @param known what it was: small changes are no news, so that times do not tremble
   */
  async clockOffset(invoke: Invoke, login: Login, known: number): Promise<number> {
    const atMs = this.now()
    if (this.#clock?.login !== login || Math.abs(atMs - this.#clock.readAtMs) > clockEveryMs) {
      const [answer] = await invoke('CurrentTime', { type: 'ServiceInstance', id: 'ServiceInstance' })
      const serverMs = dateTime(answer?.text)
      const offsetMs = serverMs === undefined ? 0 : Math.round(serverMs - (atMs + this.now()) / 2)
      this.#clock = { login, readAtMs: atMs, offsetMs }
    }
    const { offsetMs } = this.#clock
    if (Math.abs(offsetMs - known) <= sameClockMs) return known
    return Math.abs(offsetMs) <= sameClockMs ? 0 : offsetMs
  }

  /** Definitions of VMs by object id, read again when they have changed. One that cannot be read is missing. */
  async definitions(
    invoke: Invoke,
    content: ServiceContent,
    vms: readonly WatchedVm[],
    { isFresh = false }: { readonly isFresh?: boolean } = {},
  ): Promise<ReadonlyMap<string, Definition>> {
    const wanted = vms.filter((vm) => {
      const known = this.#definitions.get(vm.id)
      return known === undefined || known.version !== vm.changeVersion || (isFresh && vm.changeVersion === undefined)
    })
    const versions = new Map(wanted.map((vm) => [vm.id, vm.changeVersion]))
    const paths = ['config.hardware', 'config.annotation', 'config.guestFullName']
    const objects = await readObjects(invoke, content, { type: 'VirtualMachine', paths, ids: [...versions.keys()] })
    for (const { ref, properties } of objects) {
      const hardware = hardwareIn(properties.get('config.hardware'))
      if (hardware === undefined) continue
      const annotation = properties.get('config.annotation')?.text.slice(0, 1024)
      const guestName = properties.get('config.guestFullName')?.text.slice(0, 128)
      this.#definitions.set(ref.id, { version: versions.get(ref.id), definition: { hardware, annotation, guestName } })
    }
    return new Map(
      vms.flatMap((vm) => {
        const known = this.#definitions.get(vm.id)
        return known === undefined ? [] : [[vm.id, known.definition] as const]
      }),
    )
  }
}
