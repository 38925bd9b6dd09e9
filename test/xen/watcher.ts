import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

import type { HostView, VmView } from '../../controller/api/views.js'
import { ControllerApi } from '../durability/controller-api.js'
import { integral } from '../lab/migration-trial.js'
import { hostList, vmList } from '../support/absence-scan.js'
import { EventStreamReader } from '../support/event-stream-reader.js'
import type { XenGuest } from './xen-guest.js'

export type Point = readonly [atMs: number, value: number]

/** The clocks of dom0 and of the controller are compared by messages, which take their time in there. */
const clockErrorMs = 2000
const pointWithinMs = 300_000

/** One way in which the Xen host is watched, by what its controller tells of it. */
export class Watcher {
  readonly #api: ControllerApi

  /**
   * @param name by whom: `an agent in dom0`
   * @param controller its address, and its directory with the token
   */
  constructor(
    readonly name: string,
    private readonly controller: { readonly url: string; readonly data: string },
  ) {
    this.#api = new ControllerApi(controller.url, controller.data, new AbortController().signal)
  }

  /** The real Xen host. @throws if there is none */
  async host(): Promise<HostView> {
    const { hosts } = hostList.parse(await this.#api.get('/hosts'))
    const host = hosts.find(({ kind, simulated }) => kind === 'xen' && !simulated)
    if (host === undefined) throw new Error(`${this.name}: no Xen host on the API`)
    return host
  }

  /** Its VMs, by name. */
  async vms(): Promise<readonly VmView[]> {
    const [{ id }, { vms }] = await Promise.all([
      this.host(),
      this.#api.get('/vms?limit=1000').then((answer) => vmList.parse(answer)),
    ])
    return vms.filter(({ hostId }) => hostId === id).toSorted((a, b) => (a.name < b.name ? -1 : 1))
  }

  async vm({ uuid, name }: XenGuest): Promise<VmView> {
    const found = (await this.vms()).find((one) => one.uuid === uuid)
    if (found === undefined) throw new Error(`${this.name}: ${name} is not on the API`)
    return found
  }

  /** Stored points of one field, those before `fromMs` that a first interval needs included. */
  async points(entity: string, field: string, fromMs: number): Promise<Point[]> {
    const range = { fromMs: fromMs - 120_000, toMs: Date.now(), stepMs: 0 }
    const rows = await this.#api.series(entity, field, range)
    return rows.flatMap(([at, value]): Point[] => (value === null ? [] : [[at, value]]))
  }

  /** The last one. */
  async lastValue(entity: string, field: string, fromMs: number): Promise<number | undefined> {
    return (await this.points(entity, field, fromMs)).at(-1)?.[1]
  }

  /** When a total was last seen at a value. */
  async lastAt(entity: string, field: string, value: number): Promise<number> {
    return (await this.points(entity, field, Date.now())).findLast((point) => point[1] === value)?.[0] ?? Number.NaN
  }

  /** What a rate came to from one point to another, or to the last. */
  async growth(entity: string, rate: string, fromMs: number, toMs = Infinity): Promise<number> {
    const rows = (await this.points(entity, rate, fromMs)).filter(([at]) => at <= toMs)
    return integral(rows, fromMs)
  }

  /** Waits for a point that was surely measured from now on. */
  async nextPoint(entity: string, field: string): Promise<Point> {
    const from = Date.now() + clockErrorMs
    for (;;) {
      const found = (await this.points(entity, field, from)).find(([at]) => at > from)
      if (found !== undefined) return found
      if (Date.now() > from + pointWithinMs) throw new Error(`${this.name}: no new point of ${entity}`)
      await delay(100)
    }
  }

  async follow(): Promise<EventStreamReader> {
    const { url, data } = this.controller
    const token = (await readFile(join(data, 'controller/api-token'), 'utf8')).trim()
    return EventStreamReader.open(Number(new URL(url).port), { authorization: `Bearer ${token}` })
  }
}
