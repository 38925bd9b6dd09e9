import { rmSync } from 'node:fs'
import { join } from 'node:path'

import { Registry } from 'prom-client'

import { createLog } from '../../../common/log.js'
import type { Outcome } from '../../../controller/alerts/channels/channel.js'
import type { Way } from '../../../controller/alerts/channels/open-channels.js'
import { AlertDesk } from '../../../controller/alerts/desk/alert-desk.js'
import { SpareNumber } from '../../../controller/alerts/desk/spare-number.js'
import { targetId } from '../../../controller/alerts/grouping.js'
import type { AlertSettings, Route } from '../../../controller/alerts/settings.js'
import type { AlertSummary, Message } from '../../../controller/model/alert.js'
import type { Snapshot } from '../../../controller/model/snapshot.js'
import { openEmbeddedState } from '../../../controller/store/embedded-state/embedded-state.js'
import type { StateStore, Tx } from '../../../controller/store/state-store.js'
import { memoryDirectory } from '../memory-directory.js'
import { beganAtMs, saidOf } from './timeline.js'

/** Something that arrived somewhere, and when by the clock that nobody sets. */
export interface Delivery {
  readonly target: string
  readonly message: Message
  readonly at: number
}

/** The last moment of a process: the operation, of all that it does outside itself, before or after which it is killed. */
export interface Death {
  readonly atOperation: number
  readonly side: 'before' | 'after'
}

/** What the test leaves to real servers and clocks. */
export interface Outside {
  readonly openWays?: (routes: readonly Route[]) => ReadonlyMap<string, Way>
  readonly now?: () => number
}

/**
 * An alerts' desk on a real state store, with clocks and ways that the test holds in its hands, and a process that may be killed around any
 * commit and any delivery: what it would have done afterwards never happens.
 */
export class DeskWorld {
  readonly deliveries: Delivery[] = []
  readonly resent: { readonly target: string; readonly alerts: readonly AlertSummary[] }[] = []
  readonly clock = { wallMs: beganAtMs, monotonicMs: 1000 }
  words = ''
  /** What a target answers in place of taking the message. */
  answer: (target: string, message?: Message) => Outcome | undefined = () => undefined
  settings: AlertSettings
  /** Makes the checks fail. */
  lookFails = false
  /** Makes the state store fail: nothing is written. */
  saveFails = false
  operations = 0
  death: Death | undefined
  registry = new Registry()
  #died: (() => void) | undefined
  #isDead = false
  #desk: AlertDesk | undefined
  #state: StateStore | undefined
  #ids = 0
  readonly #directory = memoryDirectory('headroom-alerts-')

  constructor(
    settings: AlertSettings,
    private readonly outside: Outside = {},
  ) {
    this.settings = settings
  }

  get desk(): AlertDesk {
    if (this.#desk === undefined) throw new Error('no desk is open')
    return this.#desk
  }

  /** Starts a process: it finds what those before it left on disk. */
  async open(): Promise<void> {
    this.#isDead = false
    this.registry = new Registry()
    this.#state = openEmbeddedState({ path: join(this.#directory, 'state.db') })
    this.#desk = await AlertDesk.open({
      state: this.#mortal(this.#state),
      spareNumber: new SpareNumber(join(this.#directory, 'alert-number')),
      registry: this.registry,
      log: createLog('test', 'silent'),
      look: () => {
        if (this.lookFails) throw new Error('a check is broken')
        return { snapshot: nothing, findings: saidOf(this.words).findings, said: (vm) => vm }
      },
      settings: () => this.settings,
      openWays: this.outside.openWays ?? ((routes) => this.#ways(routes)),
      now: this.outside.now ?? (() => this.clock.wallMs),
      monotonicMs: () => this.clock.monotonicMs,
      random: () => 0,
      newId: () => `id${String((this.#ids += 1)).padStart(6, '0')}`,
    })
  }

  /** Time passes, and the desk steps. False if the process died meanwhile. */
  async tick(ms = 1000): Promise<boolean> {
    this.clock.wallMs += ms
    this.clock.monotonicMs += ms
    const died = new Promise<void>((resolve) => (this.#died = resolve))
    const lived = (async () => {
      await this.desk.step()
      await this.desk.idle()
    })()
    await Promise.race([lived, died])
    return !this.#isDead
  }

  /** The process is killed now, with all that it has only in memory. */
  kill(): void {
    this.#isDead = true
    this.#died?.()
  }

  /** Somebody asks the desk for something. False if the process died meanwhile. */
  async ask(work: (desk: AlertDesk) => Promise<unknown>): Promise<boolean> {
    const died = new Promise<void>((resolve) => (this.#died = resolve))
    await Promise.race([work(this.desk), died])
    return !this.#isDead
  }

  /** The end of a process that was killed, or stopped in order. */
  async close(): Promise<void> {
    if (!this.#isDead) await this.#desk?.stop()
    this.#desk = undefined
    // A commit that was under way when the process was killed comes to its end, as on a disk.
    await this.#state?.close()
    this.#state = undefined
  }

  remove(): void {
    rmSync(this.#directory, { recursive: true })
  }

  /** What arrived at a target, each message once. @throws Error if one came in two forms */
  distinct(target?: string): Delivery[] {
    const byId = new Map<string, Delivery>()
    for (const delivery of this.deliveries) {
      if (target !== undefined && delivery.target !== target) continue
      const key = `${delivery.target} ${delivery.message.id}`
      const before = byId.get(key)
      if (before === undefined) byId.set(key, delivery)
      else if (JSON.stringify(before.message) !== JSON.stringify(delivery.message)) {
        throw new Error(`message ${delivery.message.id} came in two forms`)
      }
    }
    return [...byId.values()]
  }

  async counter(name: string): Promise<number> {
    const metric = await this.registry.getSingleMetric(name)?.get()
    return metric?.values.reduce((sum, { value }) => sum + value, 0) ?? 0
  }

  #ways(routes: readonly Route[]): ReadonlyMap<string, Way> {
    return new Map(
      routes.flatMap((route) =>
        route.to.map((target): [string, Way] => {
          const id = targetId(route.name, target)
          return [id, { route: route.name, target, channel: this.#channel(id, target.kind === 'alertmanager') }]
        }),
      ),
    )
  }

  #channel(target: string, resends: boolean): Way['channel'] {
    const answered = async (deliver: () => void, message?: Message): Promise<Outcome> => {
      const said = this.answer(target, message)
      if (said !== undefined && said.status !== 'partly') return said
      await this.#operation(() => {
        deliver()
        return Promise.resolve()
      })
      return said ?? { status: 'sent' }
    }
    return {
      send: (message) => answered(() => this.deliveries.push({ target, message, at: this.clock.monotonicMs }), message),
      ...(resends && {
        resend: { everyMs: 60_000, send: (alerts) => answered(() => this.resent.push({ target, alerts })) },
      }),
      close: () => undefined,
    }
  }

  #mortal(state: StateStore): StateStore {
    return {
      tx: <T>(work: (t: Tx) => Promise<T>) => {
        if (this.saveFails) return Promise.reject(new Error('the disk is full'))
        return this.#operation(() => state.tx(work))
      },
      close: () => state.close(),
    }
  }

  /** Something that is seen outside the process: it may be the last, or not come to be. */
  async #operation<T>(work: () => Promise<T>): Promise<T> {
    if (this.#isDead) return never()
    const number = this.operations
    this.operations += 1
    if (this.#diesAt(number, 'before')) return never()
    const result = await work()
    if (this.#isDead || this.#diesAt(number, 'after')) return never()
    return result
  }

  #diesAt(number: number, side: Death['side']): boolean {
    if (this.death?.atOperation !== number || this.death.side !== side) return false
    this.#isDead = true
    this.#died?.()
    return true
  }
}

function never<T>(): Promise<T> {
  return new Promise(() => undefined)
}

const nothing: Snapshot = {
  revision: 1,
  at: beganAtMs,
  hosts: new Map(),
  vms: new Map(),
  disks: new Map(),
  arrays: new Map(),
  placements: new Map(),
  agents: new Map(),
}
