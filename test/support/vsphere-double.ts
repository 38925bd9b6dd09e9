import { randomUUID, X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { Duplex } from 'node:stream'

import { child, childText, children, parseXml, type XmlElement } from '../../agent/hypervisor/libvirt/xml.js'
import { escapeXml } from '../../agent/hypervisor/esxi/soap-message.js'
import { makeCertificate } from './self-signed.js'
import {
  fault,
  objectContent,
  perfAnswer,
  reply,
  serviceContent,
  watchedProperties,
  withoutPerfCounter,
} from './vsphere-double-answers.js'
import { makeWorld, type DoubleVm, type DoubleWorld } from './vsphere-double-world.js'

/**
 * A vSphere server written by hand from VMware's documentation and from recorded answers of a simulator, with what simulators
 * lack: sessions that expire, outages, late samples. It was never compared with a real ESXi.
 */

export interface DoubleOptions {
  readonly hosts?: number
  readonly vms?: number
  /** The server's clock, milliseconds. */
  readonly now: () => number
  readonly dropsZeros?: boolean
  readonly newestFirst?: boolean
  /** Start times of QueryPerf are inclusive. */
  readonly startsInclusively?: boolean
  /** A counter that this server does not have: `cpu.used.summation`. */
  readonly withoutCounter?: string
}

export const doubleUser = 'reader@example'
export const doublePassword = 'geheim <&>'

interface DoubleSession {
  /** Objects that were told to it, as they were. */
  readonly told: Map<string, string>
  /** Filters and views that it holds, by id. */
  readonly holds: Set<string>
  version: number
}

export async function startVsphereDouble(options: DoubleOptions): Promise<VsphereDouble> {
  const certificate = await makeCertificate()
  const double = new VsphereDouble(options, certificate)
  await double.listen()
  return double
}

/** Made by `startVsphereDouble`. */
export class VsphereDouble {
  readonly world: DoubleWorld
  /** How often each method was called. */
  readonly calls = new Map<string, number>()
  /** Bytes of all answers. */
  sentBytes = 0
  /** Samples of these entities come late. */
  readonly lateByMs = new Map<string, number>()
  readonly thumbprint: string
  readonly caPem: string
  readonly #server: Server
  readonly #sessions = new Map<string, DoubleSession>()
  readonly #sockets = new Set<Duplex>()
  readonly #waiting = new Set<() => void>()
  #isOut = false
  /** Method that answers with this fault from now on. */
  readonly faults = new Map<string, string>()

  constructor(
    private readonly options: DoubleOptions,
    { key, cert }: { readonly key: string; readonly cert: string },
  ) {
    this.world = makeWorld({ hosts: options.hosts ?? 1, vms: options.vms ?? 2, nowMs: options.now() })
    this.caPem = cert
    this.thumbprint = new X509Certificate(cert).fingerprint256
    this.#server = createServer({ key, cert }, (incoming, outgoing) => {
      this.#serve(incoming, outgoing).catch((error: unknown) =>
        outgoing.destroy(error instanceof Error ? error : undefined),
      )
    })
    this.#server.on('connection', (socket) => {
      if (this.#isOut) {
        socket.destroy()
        return
      }
      this.#sockets.add(socket)
      socket.on('close', () => this.#sockets.delete(socket))
    })
  }

  async listen(): Promise<void> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
  }

  get url(): URL {
    const address = this.#server.address()
    return new URL(`https://localhost:${typeof address === 'object' ? address?.port : 0}/sdk`)
  }

  count(method: string): number {
    return this.calls.get(method) ?? 0
  }

  vm(index: number): DoubleVm {
    const vm = this.world.vms[index]
    if (vm === undefined) throw new Error(`no VM ${index}`)
    return vm
  }

  /** Forgets all sessions: the next call of each is told that it is not authenticated. */
  expireSessions(): void {
    this.#sessions.clear()
    this.changed()
  }

  /** Filters and views of all sessions. */
  get held(): number {
    return [...this.#sessions.values()].reduce((sum, { holds }) => sum + holds.size, 0)
  }

  /** Takes no connections and breaks those that are. */
  outage(isOut: boolean): void {
    this.#isOut = isOut
    if (isOut) for (const socket of this.#sockets) socket.destroy()
  }

  /** Something about the VMs has changed: those who wait for changes are told. */
  changed(): void {
    for (const wake of this.#waiting) wake()
  }

  async close(): Promise<void> {
    this.changed()
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
    await once(this.#server, 'close')
  }

  async #serve(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of incoming) if (chunk instanceof Buffer) chunks.push(chunk)
    const envelope = parseXml(Buffer.concat(chunks).toString('utf8'))
    const call = child(envelope, 'Body')?.children[0]
    if (call === undefined) throw new Error('no call')
    this.calls.set(call.name, this.count(call.name) + 1)
    const key = /vmware_soap_session="([^"]+)"/.exec(incoming.headers.cookie ?? '')?.[1] ?? ''
    const { text, cookie } = await this.#answer(call, key)
    this.sentBytes += text.length
    outgoing.writeHead(text.includes('<soapenv:Fault>') ? 500 : 200, {
      'content-type': 'text/xml; charset=utf-8',
      ...(cookie === undefined ? {} : { 'set-cookie': `vmware_soap_session="${cookie}"; Path=/; HttpOnly; Secure;` }),
    })
    outgoing.end(text)
  }

  async #answer(call: XmlElement, key: string): Promise<{ text: string; cookie?: string }> {
    const told = this.faults.get(call.name)
    if (told !== undefined) return { text: fault(told, `the double was told to answer with ${told}`) }
    if (call.name === 'RetrieveServiceContent') {
      return { text: reply(call.name, [serviceContent((this.options.hosts ?? 1) > 1)]) }
    }
    if (call.name === 'Login') {
      const isKnown = childText(call, 'userName') === doubleUser && childText(call, 'password') === doublePassword
      if (!isKnown)
        return { text: fault('InvalidLogin', 'Cannot complete login due to an incorrect user name or password.') }
      const cookie = randomUUID()
      this.#sessions.set(cookie, { told: new Map(), holds: new Set(), version: 0 })
      return { text: reply(call.name, [`<returnval><key>${cookie}</key><userName>x</userName></returnval>`]), cookie }
    }
    const session = this.#sessions.get(key)
    if (session === undefined) return { text: fault('NotAuthenticated', 'The session is not authenticated.') }
    if (call.name === 'WaitForUpdatesEx') return { text: await this.#updates(call, key, session) }
    return { text: this.#plainAnswer(call, key, session) }
  }

  /** Ids of VMs without the tools that hear requests. */
  readonly withoutTools = new Set<string>()
  /** By id: how a task ends, once it has been looked at. */
  readonly #tasks = new Map<string, { error: string | undefined; looks: number; readonly end: () => void }>()

  /** Power of a VM, as the API's reference has it. */
  #power(call: XmlElement): string {
    const vm = this.world.vms.find(({ id }) => id === childText(call, '_this'))
    if (vm === undefined) return fault('ManagedObjectNotFound', 'no such VM')
    const isOn = vm.power === 'poweredOn'
    if (call.name === 'ShutdownGuest' || call.name === 'RebootGuest') {
      if (!isOn) return fault('InvalidPowerState', 'The attempted operation cannot be performed in the current state.')
      if (this.withoutTools.has(vm.id))
        return fault('ToolsUnavailable', 'Cannot complete operation because VMware Tools is not running.')
      if (call.name === 'ShutdownGuest') this.#turn(vm, 'poweredOff')
      return reply(call.name, [])
    }
    const isWrong = call.name === 'PowerOnVM_Task' ? isOn : !isOn
    const error = isWrong ? 'The attempted operation cannot be performed in the current state.' : undefined
    const id = `task-${this.#tasks.size + 1}`
    const end = (): void => {
      if (call.name === 'PowerOnVM_Task') this.#turn(vm, 'poweredOn')
      if (call.name === 'PowerOffVM_Task') this.#turn(vm, 'poweredOff')
    }
    this.#tasks.set(id, { error, looks: 0, end })
    return reply(call.name, [`<returnval type="Task">${id}</returnval>`])
  }

  #turn(vm: DoubleVm, power: DoubleVm['power']): void {
    vm.power = power
    if (power === 'poweredOn') vm.bootedAtMs = this.options.now()
    this.changed()
  }

  /** Runs at the first look, and has ended at the second. */
  #taskContent(id: string): string[] {
    const task = this.#tasks.get(id)
    if (task === undefined) return []
    task.looks += 1
    const isOver = task.looks > 1
    if (task.looks === 2 && task.error === undefined) task.end()
    const state = !isOver ? 'running' : task.error === undefined ? 'success' : 'error'
    const error =
      isOver && task.error !== undefined
        ? `<propSet><name>info.error</name><val><fault/><localizedMessage>${task.error}</localizedMessage></val></propSet>`
        : ''
    return [
      `<objects><obj type="Task">${id}</obj><propSet><name>info.state</name><val>${state}</val></propSet>${error}</objects>`,
    ]
  }

  #plainAnswer(call: XmlElement, key: string, session: DoubleSession): string {
    const { name } = call
    switch (name) {
      case 'PowerOnVM_Task':
      case 'PowerOffVM_Task':
      case 'ResetVM_Task':
      case 'ShutdownGuest':
      case 'RebootGuest':
        return this.#power(call)
      case 'Logout':
        this.#sessions.delete(key)
        return reply(name, [])
      case 'CurrentTime':
        return reply(name, [`<returnval>${new Date(this.options.now()).toISOString()}</returnval>`])
      case 'CreateContainerView':
        return made(name, 'ContainerView', session)
      case 'CreateFilter':
        return made(name, 'PropertyFilter', session)
      case 'DestroyPropertyFilter':
      case 'DestroyView':
        return session.holds.delete(childText(call, '_this') ?? '')
          ? reply(name, [])
          : fault('ManagedObjectNotFound', 'no such object')
      case 'RetrievePropertiesEx':
        return reply(name, [this.#page(this.#objectsWanted(call), 0, Number(textOf(call, 'options', 'maxObjects')))])
      case 'QueryPerfProviderSummary':
        return reply(name, [
          '<returnval><currentSupported>true</currentSupported><refreshRate>20</refreshRate></returnval>',
        ])
      case 'QueryPerf':
        return reply(
          name,
          children(call, 'querySpec').map((spec) =>
            perfAnswer(this.world, spec, {
              nowMs: this.options.now(),
              dropsZeros: this.options.dropsZeros ?? false,
              newestFirst: this.options.newestFirst ?? false,
              startsInclusively: this.options.startsInclusively ?? false,
              lateByMs: (id) => this.lateByMs.get(id) ?? 0,
            }),
          ),
        )
      case 'ContinueRetrievePropertiesEx': {
        const rest = this.#rest.get(childText(call, 'token') ?? '')
        return rest === undefined
          ? fault('InvalidProperty', 'token')
          : reply(name, [this.#page(rest.all, rest.from, rest.size)])
      }
      default:
        return fault('InvalidRequest', `the double has no ${name}`)
    }
  }

  /** The objects of a PropertyFilterSpec, with the counters that this server has. */
  #objectsWanted(call: XmlElement): readonly string[] {
    const { withoutCounter } = this.options
    if (textOf(call, 'specSet', 'propSet', 'type') === 'Task')
      return this.#taskContent(textOf(call, 'specSet', 'objectSet', 'obj') ?? '')
    const objects = objectsWanted(call, this.world)
    return withoutCounter === undefined ? objects : objects.map((object) => withoutPerfCounter(object, withoutCounter))
  }

  readonly #rest = new Map<string, { all: readonly string[]; from: number; size: number }>()

  #page(all: readonly string[], from: number, size: number): string {
    const objects = all.slice(from, from + size)
    if (from + size >= all.length) return `<returnval>${objects.join('')}</returnval>`
    const token = randomUUID()
    this.#rest.set(token, { all, from: from + size, size })
    return `<returnval><token>${token}</token>${objects.join('')}</returnval>`
  }

  /** Waits until something is new to the session, no longer than it asked. */
  async #updates(call: XmlElement, key: string, session: DoubleSession): Promise<string> {
    if (![...session.holds].some((id) => id.startsWith('PropertyFilter')))
      return fault('InvalidCollectorVersion', 'no filter')
    if (childText(call, 'version') === undefined) session.told.clear()
    const most = Number(textOf(call, 'options', 'maxObjectUpdates'))
    const untilMs = performance.now() + Number(textOf(call, 'options', 'maxWaitSeconds')) * 1000
    for (;;) {
      if (!this.#sessions.has(key)) return fault('NotAuthenticated', 'The session is not authenticated.')
      const sets = this.#news(session, most)
      if (sets.length > 0) {
        session.version += 1
        const truncated = sets.length > most ? '<truncated>true</truncated>' : ''
        return reply('WaitForUpdatesEx', [
          `<returnval><version>${session.version}</version><filterSet>${sets
            .slice(0, most)
            .map(({ xml }) => xml)
            .join('')}</filterSet>${truncated}</returnval>`,
        ])
      }
      const leftMs = untilMs - performance.now()
      if (leftMs <= 0) return reply('WaitForUpdatesEx', [])
      await this.#change(leftMs)
    }
  }

  #change(mostMs: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        clearTimeout(timer)
        this.#waiting.delete(wake)
        resolve()
      }
      const timer = setTimeout(wake, mostMs)
      this.#waiting.add(wake)
    })
  }

  /** All that is new to the session; the first `most` of it count as told. */
  #news(session: DoubleSession, most: number): readonly { readonly xml: string }[] {
    const present = new Set(this.world.vms.map((vm) => vm.id))
    const gone = [...session.told.keys()].filter((id) => !present.has(id))
    const news = gone.map((id) => ({
      id,
      text: undefined as string | undefined,
      xml: `<objectSet><kind>leave</kind><obj type="VirtualMachine">${id}</obj></objectSet>`,
    }))
    for (const { id, ...vm } of this.world.vms) {
      const changes = Object.entries(watchedProperties({ id, ...vm })).map(
        ([name, [, value]]) => `<changeSet><name>${name}</name><op>assign</op><val>${value}</val></changeSet>`,
      )
      const text = changes.join('')
      const known = session.told.get(id)
      if (known === text) continue
      const kind = known === undefined ? 'enter' : 'modify'
      const xml = `<objectSet><kind>${kind}</kind><obj type="VirtualMachine">${escapeXml(id)}</obj>${text}</objectSet>`
      news.push({ id, text, xml })
    }
    for (const { id, text } of news.slice(0, most)) {
      if (text === undefined) session.told.delete(id)
      else session.told.set(id, text)
    }
    return news
  }
}

function made(method: string, type: string, { holds }: DoubleSession): string {
  const id = `${type}-${randomUUID()}`
  holds.add(id)
  return reply(method, [`<returnval type="${type}">${id}</returnval>`])
}

function textOf(call: XmlElement, ...path: readonly string[]): string | undefined {
  return path.reduce<XmlElement | undefined>((at, name) => child(at, name), call)?.text
}

/** The objects of a PropertyFilterSpec: named ones, or all of the type if it names a view. */
function objectsWanted(call: XmlElement, world: DoubleWorld): readonly string[] {
  const spec = child(call, 'specSet')
  const set = child(spec, 'propSet')
  const type = childText(set, 'type') ?? ''
  const paths = children(set, 'pathSet').map((path) => path.text)
  const all: Readonly<Record<string, readonly { readonly id: string }[]>> = {
    HostSystem: world.hosts,
    VirtualMachine: world.vms,
  }
  const named = children(spec, 'objectSet').flatMap((one) => {
    const object = child(one, 'obj')
    if (object?.attributes.get('type') === 'ContainerView') return (all[type] ?? []).map(({ id }) => id)
    return object === undefined ? [] : [object.text]
  })
  return named.flatMap((id) => objectContent(world, type, id, paths) ?? [])
}
