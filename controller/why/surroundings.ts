import { formatMemory, formatRate } from '../../common/units.js'
import { roomText } from '../checks/capacity-findings.js'
import { boxesOf, isLocal, ownDisks } from '../checks/storage.js'
import { hostSubject, type Subject } from '../model/finding.js'
import { isRunning, valueOf, type Disk, type Metric, type Snapshot } from '../model/snapshot.js'
import type { Around, Known, Reason } from './reason.js'

/** Neighbours that are named. */
const mostNamed = 3

/** For each array that the VM lies on: what it carries, who makes that, and how long it takes. */
export function trafficReasons(around: Around, { snapshot, policy }: Pick<Known, 'snapshot' | 'policy'>): Reason[] {
  const boxOf = boxesOf(snapshot, policy)
  const own = ownDisks(around.vm, snapshot)
  const boxes = new Map(own.map((disk) => [boxOf(disk.arrayKey).id, disk.arrayKey]))
  return [...boxes].map(([id, arrayKey]) => {
    const disks = [...snapshot.disks.values()].filter((disk) => disk.arrayKey !== '' && boxOf(disk.arrayKey).id === id)
    const subject: Subject = { kind: 'array', id: arrayKey, name: boxOf(arrayKey).name }
    return { topic: 'traffic', severity: 'info', subject, says: trafficText(disks, own, around, snapshot) }
  })
}

function trafficText(disks: readonly Disk[], own: readonly Disk[], { vm }: Around, { vms }: Snapshot): string {
  const byVm = new Map<string, number>()
  let bytes = 0
  let requests = 0
  for (const { vmUuid, metrics } of disks) {
    const made = sumOf(metrics, ['readBytesPerSecond', 'writeBytesPerSecond'])
    requests += sumOf(metrics, ['readRequestsPerSecond', 'writeRequestsPerSecond']) ?? 0
    if (made === undefined) continue
    bytes += made
    byVm.set(vmUuid, (byVm.get(vmUuid) ?? 0) + made)
  }
  if (byVm.size === 0) return 'what its VMs read and write is not known'
  const others = [...byVm].filter(([uuid, made]) => uuid !== vm.uuid && made > 0).toSorted((a, b) => b[1] - a[1])
  const share = (made: number): string => `${Math.round((made / Math.max(bytes, 1)) * 100)}%`
  const named = others.slice(0, mostNamed).map(([uuid, made]) => `${vms.get(uuid)?.name ?? uuid} ${share(made)}`)
  const ownBytes = byVm.get(vm.uuid)
  const latency = [
    ...(latencyText('reads', own, 'readLatencyMs') ?? []),
    ...(latencyText('writes', own, 'writeLatencyMs') ?? []),
  ]
  return [
    `carries ${formatRate(bytes)} in ${Math.round(requests)} requests/s of ${new Set(disks.map(({ vmUuid }) => vmUuid)).size} VMs`,
    `this VM ${ownBytes === undefined ? 'is not measured' : share(ownBytes)}${named.length === 0 ? '' : `, ${named.join(', ')}`}`,
    ...(latency.length === 0 ? [] : [`of this VM ${latency.join(', ')}`]),
  ].join('; ')
}

function latencyText(what: string, disks: readonly Disk[], field: string): readonly string[] | undefined {
  const known = disks.flatMap(({ metrics }) => valueOf(metrics[field]) ?? [])
  return known.length === 0 ? undefined : [`${what} take ${Math.max(...known).toFixed(1)} ms`]
}

/** How busy the host is, and who makes it so. */
export function loadReasons({ vm, host }: Around, { snapshot }: Pick<Known, 'snapshot'>): Reason[] {
  if (host === undefined) return []
  const used = valueOf(host.metrics['cpuUsedCores'])
  const threads = host.cpuThreads ?? host.cpuCores
  const busy = [...snapshot.vms.values()]
    .filter((one) => one.hostId === host.id && isRunning(one.state))
    .map((one) => ({ name: one.uuid === vm.uuid ? 'this VM' : one.name, cores: valueOf(one.metrics['cpuCores']) ?? 0 }))
    .filter(({ cores }) => cores >= 0.01)
    .toSorted((a, b) => b.cores - a.cores)
    .slice(0, mostNamed)
    .map(({ name, cores }) => `${name} ${cores.toFixed(2)}`)
  const waits = [
    ['a CPU', 'psiCpuSomeFraction'],
    ['memory', 'psiMemorySomeFraction'],
    ['I/O', 'psiIoSomeFraction'],
  ].flatMap(([what, field]) => {
    const fraction = valueOf(host.metrics[field ?? ''])
    return fraction === undefined || fraction < 0.01 ? [] : [`${Math.round(fraction * 100)}% of the time for ${what}`]
  })
  const wait = valueOf(vm.metrics['vcpuWaitFraction'])
  const says = [
    used === undefined
      ? 'how busy its CPUs are is not known'
      : `${used.toFixed(2)}${threads === undefined ? '' : ` of ${threads}`} CPUs busy`,
    ...(busy.length === 0 ? [] : [`most by ${busy.join(', ')}`]),
    ...(wait === undefined || wait < 0.01 ? [] : [`this VM waits ${Math.round(wait * 100)}% of the time for a CPU`]),
    ...(waits.length === 0 ? [] : [`its tasks wait ${waits.join(', ')}`]),
  ]
  return [{ topic: 'load', severity: 'info', subject: hostSubject(host), says: says.join('; ') }]
}

/** Room on the host, and what becomes of the VM if it fails. */
export function roomReasons({ vm, host }: Around, { snapshot, policy, capacity }: Known): Reason[] {
  const row = capacity.hosts.find((one) => one.host.id === host?.id)
  if (host === undefined || row === undefined) return []
  const { ledger, failure } = row
  const { balance } = ledger
  const says =
    'absent' in balance
      ? `room is not known: ${balance.absent}`
      : `room for new VMs: ${roomText(balance, policy)}; its VMs may grow to ${formatMemory(ledger.configuredBytes)}, ${formatMemory(ledger.reserveBytes)} is kept for the hypervisor`
  const isTied = ownDisks(vm, snapshot).some(({ arrayKey }) => isLocal(arrayKey, snapshot.arrays.get(arrayKey)))
  const fate = isTied
    ? 'this VM cannot start elsewhere until its local disks are moved'
    : failure.restartable.unplaced.includes(vm.name)
      ? 'this VM finds no place on the others'
      : 'this VM finds a place elsewhere'
  const subject = hostSubject(host)
  return [
    { topic: 'room', severity: 'info', subject, says },
    { topic: 'room', severity: 'info', subject, says: `if it fails, ${fate}` },
  ]
}

/** Of those that are known; undefined if none is. */
function sumOf(metrics: Readonly<Record<string, Metric>>, fields: readonly string[]): number | undefined {
  const known = fields.flatMap((field) => valueOf(metrics[field]) ?? [])
  return known.length === 0 ? undefined : known.reduce((sum, value) => sum + value, 0)
}
