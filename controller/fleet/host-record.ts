import type {
  ArrayFacts,
  ArrayObservation,
  ExportObservation,
  HostHello,
  HostObservation,
  InventoryObservation,
  ReportObservation,
} from '../model/observation.js'
import {
  isRunning,
  occupiesMemory,
  type Gap,
  type Host,
  type HostExchange,
  type HostStatus,
  type StorageHealth,
  type WriteCache,
} from '../model/snapshot.js'
import type { Point } from '../store/time-series.js'
import { whyNot, type Metrics } from './absence.js'
import { ArrayFigures } from './array-figures.js'
import type { Contradictions } from './contradictions.js'
import { ExportFigures } from './export-figures.js'
import { storageAfter } from './kept-storage.js'
import { MachineFigures } from './machine-figures.js'
import type { CopyContext, VmCopy } from './vm-copy.js'

/** Copies of VMs that one host may have: more than one report can name. */
export const mostCopies = 8192

/** One host and its copies of VMs. Owned by the fleet; nothing else writes it. */
export class HostRecord {
  status: HostStatus = 'silent'
  statusSince: number
  lastReportAt: number | undefined
  /** When the last report came, by our own clock. */
  lastReceivedAt: number | undefined
  inventory: InventoryObservation | undefined
  /** When its VMs were last listed, in its inventory or by the state lane. */
  listedAt = -Infinity
  gaps: readonly Gap[] = []
  clockOffsetMs: number | undefined
  readonly copies = new Map<string, VmCopy>()
  #storage: { readonly health: StorageHealth; readonly bootId: string } | undefined
  readonly #machine: MachineFigures
  readonly #arrays: ArrayFigures
  readonly #exports: ExportFigures

  constructor(
    public hello: HostHello,
    public agentId: string,
    at: number,
    private readonly contradictions: Contradictions,
  ) {
    this.statusSince = at
    this.#machine = new MachineFigures(hello.capabilities, contradictions)
    this.#arrays = new ArrayFigures(contradictions)
    this.#exports = new ExportFigures(contradictions)
  }

  /** The same host without a memory of its totals: what comes next is compared with nothing before. */
  afresh(): HostRecord {
    const host = new HostRecord(this.hello, this.agentId, this.statusSince, this.contradictions)
    host.status = this.status
    host.lastReportAt = this.lastReportAt
    host.lastReceivedAt = this.lastReceivedAt
    host.inventory = this.inventory
    host.listedAt = this.listedAt
    host.gaps = this.gaps
    host.#storage = this.#storage
    host.clockOffsetMs = this.clockOffsetMs
    for (const [uuid, copy] of this.copies) host.copies.set(uuid, copy.afresh(host.context(uuid)))
    return host
  }

  get id(): string {
    return this.hello.hostId
  }

  /** As the machine calls itself, or else the agent's configuration. */
  get name(): string {
    return this.inventory?.host.name ?? this.hello.name
  }

  get arrays(): readonly ArrayFacts[] {
    return this.inventory?.arrays ?? []
  }

  /** Its agent introduces it anew. @returns whether it can measure other things than before, which changes all its figures */
  introduce(hello: HostHello): boolean {
    const change = { before: this.hello.capabilities, after: hello.capabilities }
    this.hello = hello
    if (JSON.stringify(change.before) === JSON.stringify(change.after)) return false
    this.#machine.reconsider(change)
    this.#arrays.reconsider(change)
    if (whyNot('storage-exports', change.after) !== undefined) this.#exports.forget()
    for (const copy of this.copies.values()) copy.reconsider(change)
    return true
  }

  context(seriesId: string): CopyContext {
    return {
      hostId: this.id,
      simulated: this.hello.simulated,
      capabilities: this.hello.capabilities,
      contradictions: this.contradictions,
      seriesId,
    }
  }

  enter(status: HostStatus, at: number): boolean {
    if (status === this.status) return false
    this.status = status
    this.statusSince = at
    return true
  }

  /** Sum over the VMs that hold memory here of what each may grow to; undefined while that of one is not known. */
  configuredBytes(): number | undefined {
    let bytes = 0
    for (const copy of this.copies.values()) {
      if (!occupiesMemory(copy.state)) continue
      if (copy.memoryMaxBytes === undefined) return undefined
      bytes += copy.memoryMaxBytes
    }
    return bytes
  }

  /** Applies the machine's own figures; returns what is worth storing. */
  observe(host: HostObservation, bootId: string, at: number): Point[] {
    const memoryConfiguredBytes = this.configuredBytes()
    const memoryManagedBytes = this.inventory?.host.memoryBytes
    const computed = {
      ...(memoryConfiguredBytes === undefined ? {} : { memoryConfiguredBytes }),
      ...(memoryManagedBytes === undefined ? {} : { memoryManagedBytes }),
    }
    return this.#machine.observe(host, { hello: this.hello, bootId, at }, computed)
  }

  /** Applies what this host exchanged with one array, if that is something that it can count. */
  observeArray(array: ArrayObservation, bootId: string, at: number): Point[] {
    return this.#arrays.observe(array, { hello: this.hello, bootId, at })
  }

  /** Applies what others did to the LUNs that it exports. */
  observeExports(exports: readonly ExportObservation[], bootId: string, at: number): Point[] {
    return this.#exports.observe(exports, { hello: this.hello, bootId, at })
  }

  tellStorage(told: StorageHealth, bootId: string): void {
    const before = this.#storage?.bootId === bootId ? this.#storage.health : undefined
    this.#storage = { health: storageAfter(before, told), bootId }
  }

  /** By key of the array, of those that it has counters for. */
  get arrayMetrics(): ReadonlyMap<string, Metrics> {
    return this.#arrays.metrics
  }

  /** What it exchanged with an array by its own counters; undefined where it has none. */
  arrayExchange(key: string): HostExchange | undefined {
    const exchange = this.#arrays.exchange(key)
    return exchange === undefined ? undefined : { hostId: this.id, ...exchange }
  }

  /** Whether it has counters of the array, and not only a canary. */
  countsArray(key: string): boolean {
    return this.#arrays.counts(key)
  }

  writeCacheOf(key: string): WriteCache | undefined {
    return this.#arrays.writeCache(key)
  }

  /** A host that tells of its arrays tells of all of them: the others have no figures of now. @returns those */
  keepArrays(keys: ReadonlySet<string>): readonly string[] {
    return this.#arrays.keep(keys)
  }

  toHost(revision: number): Host {
    const facts = this.inventory?.host
    const memoryBytes = facts?.memoryBytes
    return {
      id: this.id,
      revision,
      name: this.name,
      kind: this.hello.kind,
      simulated: this.hello.simulated,
      agentId: this.agentId,
      status: this.status,
      statusSince: this.statusSince,
      lastReportAt: this.lastReportAt,
      bootId: this.hello.bootId,
      hypervisorVersion: facts?.hypervisorVersion ?? '',
      managementVersion: facts?.managementVersion ?? '',
      os: facts?.os ?? '',
      kernel: facts?.kernel ?? '',
      machine: facts?.machine ?? '',
      cpuModel: facts?.cpuModel ?? '',
      cpuCores: facts?.cpuCores,
      cpuThreads: facts?.cpuThreads,
      cpuMhz: facts?.cpuMhz,
      memoryBytes:
        memoryBytes === undefined
          ? { absent: 'no inventory yet' }
          : { value: memoryBytes, at: this.inventory?.at ?? this.statusSince, source: 'hypervisor' },
      localDisks: facts?.localDisks ?? [],
      capabilities: this.hello.capabilities,
      gaps: this.gaps,
      ...this.#machine.inSnapshot,
      exports: this.#exports.inSnapshot,
      served: this.#exports.served,
      storageHealth: this.#storage?.health,
      clockOffsetMs: this.clockOffsetMs,
    }
  }

  /** @returns the copy that goes for it, where there are too many */
  add(copy: VmCopy): VmCopy | undefined {
    const [oldest] = this.copies.values()
    // A host that tells of ever new ones, and never of all, must not fill our memory.
    const gone = this.copies.size >= mostCopies ? oldest : undefined
    if (gone !== undefined) this.copies.delete(gone.uuid)
    this.copies.set(copy.uuid, copy)
    return gone
  }

  /**
   * The fast lane reads the VMs whose disks may have moved: the other running ones are idle, unless they could not be read.
   * @returns the copies whose figures that changed
   */
  proveIdle(report: ReportObservation, contextOf: (copy: VmCopy) => CopyContext): VmCopy[] {
    const told = new Set([...report.vms.map((vm) => vm.uuid), ...report.gaps.map((gap) => gap.vmUuid)])
    // A gap of the whole host: nothing is proven of anyone.
    if (told.has('')) return []
    return [...this.copies.values()].filter(
      (copy) => isRunning(copy.state) && !told.has(copy.uuid) && copy.proveIdle(report.at, contextOf(copy)),
    )
  }
}
