import { ArrayModels } from '../../../controller/array-watch/array-models.js'
import { judgeFleet } from '../../../controller/checks/fleet-findings.js'
import type { Exchanged, HostExchange, Metric, Snapshot } from '../../../controller/model/snapshot.js'
import { policyWith } from '../../support/policy-with.js'
import { buildSnapshot, hostIdOf, known, uuidOf } from '../../support/snapshot-builder.js'
import { linesOf, type RecordedDisk, type RecordedLun, type RecordedCanary, type Recording } from './recording.js'
import type { Told } from './told.js'

/**
 * Plays what a controller can know of a run to the controller's own models: the VMs' disks and the canary as its agents told them, and each
 * host's counters of its LUNs as the target counted them, which hosts with an initiator in their kernel have themselves. The truth is not
 * looked at.
 */
export function toldByReplay(recording: Recording): Told[] {
  const models = new ArrayModels()
  const policy = policyWith()
  const { arrayKey } = recording.head
  const told: Told[] = []
  for (const snapshot of snapshotsOf(recording)) {
    models.look(snapshot, policy, snapshot.at)
    const condition = models.watched.get(arrayKey)?.condition
    if (condition === undefined) continue
    const { findings } = judgeFleet(snapshot, policy, { arrays: models.watched })
    const ofCache = findings.stands.filter(({ check }) => check === 'array-cache')
    const related = ofCache.find(({ part }) => part === '')?.related ?? []
    const named = (role: 'culprit' | 'victim'): string[] =>
      related.flatMap((one) => (one.role === role ? [one.subject.name] : []))
    const { at, state, fill, capacity, drain, secondsToSaturation, burst } = condition
    told.push({
      at,
      state,
      fill,
      capacity,
      drain,
      secondsToSaturation,
      secondsForTwoCopies: burst.secondsForTwoCopies,
      culprits: named('culprit'),
      victims: named('victim'),
      hasBurstFinding: ofCache.some(({ part }) => part === 'burst'),
    })
  }
  return told
}

/** One at each look at the hosts' LUN counters. */
function* snapshotsOf(recording: Recording): Generator<Snapshot> {
  const { head } = recording
  const built = buildSnapshot({
    hosts: head.hostLuns.map(({ host }) => ({ name: host, memoryMiB: 4096 })),
    vms: head.vms.map(({ name, host }) => ({ name, host, memoryMiB: 96, array: head.arrayKey })),
    arrays: [{ key: head.arrayKey, name: 'box1', kind: 'iscsi' }],
  })
  const [array] = built.arrays.values()
  if (array === undefined) return
  const disks = new DiskBook(linesOf(recording, 'disk'))
  const hosts = new HostBook(recording)
  const canaries = linesOf(recording, 'canary')
  let canary: RecordedCanary | undefined
  let revision = 1
  for (const [at, rows] of looksAt(linesOf(recording, 'lun'))) {
    revision += 1
    disks.goTo(at)
    hosts.look(at, rows)
    while (canaries[0] !== undefined && canaries[0].at <= at) canary = canaries.shift()
    yield {
      ...built,
      at,
      revision,
      disks: new Map(
        Array.from(built.disks, ([id, disk]) => {
          const name = head.vms.find((vm) => uuidOf(vm.name) === disk.vmUuid)?.name ?? ''
          return [id, { ...disk, revision, ...disks.of(name) }]
        }),
      ),
      arrays: new Map([
        [
          array.key,
          {
            ...array,
            revision,
            exchanges: hosts.exchanges(disks),
            metrics: canary === undefined ? {} : canaryOf(canary),
          },
        ],
      ]),
    }
  }
}

function looksAt(rows: readonly RecordedLun[]): ReadonlyMap<number, RecordedLun[]> {
  const looks = new Map<number, RecordedLun[]>()
  for (const row of rows) {
    const look = looks.get(row.at)
    if (look === undefined) looks.set(row.at, [row])
    else look.push(row)
  }
  return looks
}

function canaryOf({ at, canaryMs, canaryOverdueMs }: RecordedCanary): Record<string, Metric> {
  return {
    ...(canaryMs === undefined ? {} : { canaryMs: known(canaryMs, at) }),
    ...(canaryOverdueMs === undefined ? {} : { canaryOverdueMs: known(canaryOverdueMs, at) }),
  }
}

const nothing = { readBytes: 0, writeBytes: 0, readRequests: 0, writeRequests: 0, readSeconds: 0, writeSeconds: 0 }
type Totals = { -readonly [Name in keyof typeof nothing]: number }

/** What each VM's disk came to: rates times intervals. */
class DiskBook {
  readonly #left: RecordedDisk[]
  readonly #totals = new Map<string, Totals>()
  readonly #last = new Map<string, RecordedDisk>()

  constructor(lines: readonly RecordedDisk[]) {
    this.#left = [...lines]
  }

  goTo(at: number): void {
    for (let next = this.#left[0]; next !== undefined && next.at <= at; next = this.#left[0]) {
      this.#left.shift()
      this.#take(next)
    }
  }

  of(vm: string): { readonly metrics: Record<string, Metric>; readonly exchanged: Exchanged | undefined } {
    const last = this.#last.get(vm)
    if (last === undefined) return { metrics: {}, exchanged: undefined }
    const { line: _line, vm: _vm, at, ...values } = last
    const metrics = Object.fromEntries(
      Object.entries(values).flatMap(([field, value]) => (value === undefined ? [] : [[field, known(value, at)]])),
    )
    return { metrics, exchanged: { ...this.#totals.get(vm) } }
  }

  waits(vm: string): Pick<Totals, 'readSeconds' | 'writeSeconds'> {
    return this.#totals.get(vm) ?? nothing
  }

  #take(line: RecordedDisk): void {
    const before = this.#last.get(line.vm)
    const totals = this.#totals.get(line.vm) ?? { ...nothing }
    this.#totals.set(line.vm, totals)
    this.#last.set(line.vm, line)
    if (before === undefined) return
    const seconds = (line.at - before.at) / 1000
    const reads = (line.readRequestsPerSecond ?? 0) * seconds
    const writes = (line.writeRequestsPerSecond ?? 0) * seconds
    totals.readBytes += (line.readBytesPerSecond ?? 0) * seconds
    totals.writeBytes += (line.writeBytesPerSecond ?? 0) * seconds
    totals.readRequests += reads
    totals.writeRequests += writes
    totals.readSeconds += (reads * (line.readLatencyMs ?? 0)) / 1000
    totals.writeSeconds += (writes * (line.writeLatencyMs ?? 0)) / 1000
  }
}

/** What a copy of a host's own writes at least, bytes. */
const leastCopy = 1e6

/** What each host's sessions came to, one that has ended as it was. */
class HostBook {
  readonly #sessions = new Map<string, RecordedLun>()
  /** A copy of the host's own has one request under way at all times: it waits for as long as it lasts. */
  readonly #ownSeconds = new Map<string, number>()
  readonly #ownLuns: ReadonlySet<number>
  #at: number | undefined

  constructor(private readonly recording: Recording) {
    this.#ownLuns = new Set(recording.head.hostLuns.map(({ lun }) => lun))
  }

  look(at: number, rows: readonly RecordedLun[]): void {
    for (const row of rows) {
      const key = `${row.lun} ${row.session}`
      const before = this.#sessions.get(key)
      this.#sessions.set(key, row)
      const copies =
        this.#ownLuns.has(row.lun) && before !== undefined && row.writeBytes - before.writeBytes > leastCopy
      if (copies && this.#at !== undefined) {
        this.#ownSeconds.set(row.host, (this.#ownSeconds.get(row.host) ?? 0) + (at - this.#at) / 1000)
      }
    }
    this.#at = at
  }

  exchanges(disks: DiskBook): HostExchange[] {
    const { vms, hostLuns } = this.recording.head
    return hostLuns.map(({ host }) => {
      const totals = { ...nothing, writeSeconds: this.#ownSeconds.get(host) ?? 0 }
      for (const row of this.#sessions.values()) {
        if (row.host !== host) continue
        totals.readBytes += row.readBytes
        totals.writeBytes += row.writeBytes
        totals.readRequests += row.readRequests
        totals.writeRequests += row.writeRequests
      }
      for (const vm of vms) {
        if (vm.host !== host) continue
        const { readSeconds, writeSeconds } = disks.waits(vm.name)
        totals.readSeconds += readSeconds
        totals.writeSeconds += writeSeconds
      }
      return { hostId: hostIdOf(host), at: this.#at ?? 0, exchanged: totals }
    })
  }
}
