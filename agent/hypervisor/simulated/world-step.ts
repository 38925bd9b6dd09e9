import { stepArray, type DiskTurn } from './cached-array.js'
import { hostTotals, pathTotals, vmTotals } from './counters.js'
import type { Entities, HostJob, SimHost, SimPath, SimVm } from './entities.js'
import { fairLevel } from './fair-share.js'
import { dayTime, noiseMemory, updateDemand, type DayTime } from './guest-load.js'
import { profiles, type Profile } from './load-profiles.js'

/** What is the same in every step of a world. */
export interface StepRules {
  readonly stepMs: number
  readonly utcOffsetHours: number
  readonly noiseMemory: number
  /** How much of a load average is left after a step, for 1, 5 and 15 minutes. */
  readonly loadMemory: readonly [number, number, number]
  /** How much of the distance between memory used and memory wanted is left after a step. */
  readonly usedMemory: number
}

export function stepRules(stepMs: number, utcOffsetHours: number): StepRules {
  const left = (timeMs: number): number => Math.exp(-stepMs / timeMs)
  return {
    stepMs,
    utcOffsetHours,
    noiseMemory: noiseMemory(stepMs),
    loadMemory: [left(60_000), left(300_000), left(900_000)],
    usedMemory: left(600_000),
  }
}

/** Moves everything on from `nowMs` by one step: demand, then the arrays, then the CPUs. */
export function step({ hosts, arrays, vms }: Entities, rules: StepRules, nowMs: number): void {
  const time = dayTime(nowMs, rules.utcOffsetHours)
  const seconds = rules.stepMs / 1000
  for (const host of hosts) {
    host.totals.mark()
    host.rootFreeBytes = Math.max(0, host.rootFreeBytes - host.rootFillBytesPerSecond * seconds)
    for (const path of host.paths) {
      path.totals.mark()
      path.inFlight = 0
      if (path.job !== undefined) demandOf(path.job, seconds)
    }
  }
  for (const vm of vms) {
    vm.totals.mark()
    if (vm.state === 'paused') rest(vm)
    else if (vm.runId !== '') demand(vm, rules, time, seconds)
  }
  for (const array of arrays) stepArray(array.model, array.state, array.turns, nowMs, rules.stepMs)
  for (const host of hosts) {
    if (!host.up) continue
    for (const vm of host.active) if (vm.state !== 'paused') account(vm, seconds)
    for (const path of host.paths) if (path.job !== undefined) accountJob(path, path.job, seconds)
    shareCpu(host, rules, seconds)
  }
}

/** A halted guest wants nothing; what it has not written yet waits with it. */
function rest({ turn, want }: SimVm): void {
  turn.writeWant = 0
  turn.readWant = 0
  Object.assign(want, { cpu: 0, read: 0, write: 0, receive: 0, transmit: 0 })
}

function demand(vm: SimVm, rules: StepRules, time: DayTime, seconds: number): void {
  updateDemand(vm.load, vm.random, time, rules.noiseMemory, vm.want)
  const profile: Profile = profiles[vm.load.profile]
  const { turn, want, spec } = vm
  turn.writeSize = profile.writeSize
  turn.readSize = profile.readSize
  turn.depth = profile.depth
  turn.writeWant = vm.backlogBytes + want.write * seconds
  turn.readWant = want.read * seconds
  hold(vm, seconds)
  const target = want.memory * spec.memoryBytes
  vm.usedBytes = target + (vm.usedBytes - target) * rules.usedMemory
  vm.touchedBytes = Math.max(vm.touchedBytes, Math.min(spec.memoryBytes, vm.usedBytes * 1.1))
}

/** What a host itself does goes on as fast as the array lets it: nothing waits in a guest's memory. */
function demandOf({ profile, turn }: HostJob, seconds: number): void {
  const { busy, writeSize, readSize, depth } = profiles[profile]
  turn.writeSize = writeSize
  turn.readSize = readSize
  turn.depth = depth
  turn.writeWant = busy.write * seconds
  turn.readWant = busy.read * seconds
}

function accountJob(path: SimPath, job: HostJob, seconds: number): void {
  const { turn } = job
  const { frozen, frozenMs } = path.array.state
  if (frozen) path.inFlight += turn.stalledReads + turn.stalledWrites
  else completeOn(path, wholeRequests(job, turn, frozenMs / 1000), turn, 0, seconds)
}

/** A limit of the hypervisor's: what is beyond it does not reach the array. What is not written waits in the guest. */
function hold(vm: SimVm, seconds: number): void {
  const { turn, limits } = vm
  const wanted = turn.writeWant
  turn.writeWant = Math.min(wanted, mostBytes(limits, 'write', turn.writeSize) * seconds)
  turn.readWant = Math.min(turn.readWant, mostBytes(limits, 'read', turn.readSize) * seconds)
  vm.heldBytes = wanted - turn.writeWant
}

/** Bytes a second that the limits let through. */
function mostBytes(limits: SimVm['limits'], direction: 'read' | 'write', requestBytes: number): number {
  const bytes = limits[`${direction}_bytes_sec`] || Infinity
  const requests = limits[`${direction}_iops_sec`] || Infinity
  return Math.min(bytes, requests * requestBytes)
}

/** What the array let through, and what of it is left to write. */
function account(vm: SimVm, seconds: number): void {
  const { turn, totals, want, path } = vm
  const { array } = path
  const fresh = (want.write + want.read) * seconds
  vm.served = fresh > 0 ? Math.min(1, (turn.written + turn.read) / fresh) : 1
  vm.backlogBytes = Math.min(dirtyLimit(vm), Math.max(0, turn.writeWant + vm.heldBytes - turn.written))

  if (array.state.frozen) path.inFlight += turn.stalledReads + turn.stalledWrites
  else complete(vm, seconds)

  // Clients of a guest that waits for its disks wait too.
  const network = 0.3 + 0.7 * vm.served
  totals.add(vmTotals.receiveBytes, want.receive * network * seconds)
  totals.add(vmTotals.receivePackets, (want.receive * network * seconds) / bytesPerPacket)
  totals.add(vmTotals.transmitBytes, want.transmit * network * seconds)
  totals.add(vmTotals.transmitPackets, (want.transmit * network * seconds) / bytesPerPacket)
}

/** Books what the array let through. Only whole requests complete, the rest is carried to the next step. */
function complete(vm: SimVm, seconds: number): void {
  const { turn, totals, path } = vm
  const requests = wholeRequests(vm, turn, path.array.state.frozenMs / 1000)
  const { reads, writes, readSeconds, writeSeconds } = requests
  const flushes = writes * profiles[vm.load.profile].flushes
  totals.add(vmTotals.readRequests, reads)
  totals.add(vmTotals.readBytes, reads * turn.readSize)
  totals.add(vmTotals.readSeconds, readSeconds)
  totals.add(vmTotals.writeRequests, writes)
  totals.add(vmTotals.writeBytes, writes * turn.writeSize)
  totals.add(vmTotals.writeSeconds, writeSeconds)
  totals.add(vmTotals.flushRequests, flushes)
  totals.add(vmTotals.flushSeconds, flushes * turn.writeSeconds)
  completeOn(path, requests, turn, flushes, seconds)
  // Requests that come faster than they complete find no free slot.
  if (turn.written < turn.writeWant * 0.99) totals.add(vmTotals.outOfSlots, writes / 2)
}

interface Requests {
  readonly reads: number
  readonly writes: number
  readonly readSeconds: number
  readonly writeSeconds: number
}

/** Takes what is whole; what was in flight when the array froze has waited that long. */
function wholeRequests(
  carry: { readCarry: number; writeCarry: number },
  turn: DiskTurn,
  frozenSeconds: number,
): Requests {
  const reads = Math.floor((carry.readCarry + turn.read) / turn.readSize)
  const writes = Math.floor((carry.writeCarry + turn.written) / turn.writeSize)
  carry.readCarry = Math.max(0, carry.readCarry + turn.read - reads * turn.readSize)
  carry.writeCarry = Math.max(0, carry.writeCarry + turn.written - writes * turn.writeSize)
  const readSeconds = reads * turn.readSeconds + Math.min(reads, turn.stalledReads) * frozenSeconds
  const writeSeconds = writes * turn.writeSeconds + Math.min(writes, turn.stalledWrites) * frozenSeconds
  turn.stalledReads = 0
  turn.stalledWrites = 0
  return { reads, writes, readSeconds, writeSeconds }
}

function completeOn(
  path: SimPath,
  { reads, writes, readSeconds, writeSeconds }: Requests,
  turn: DiskTurn,
  flushes: number,
  seconds: number,
): void {
  path.totals.add(pathTotals.readRequests, reads)
  path.totals.add(pathTotals.readBytes, reads * turn.readSize)
  path.totals.add(pathTotals.readSeconds, readSeconds)
  path.totals.add(pathTotals.writeRequests, writes)
  path.totals.add(pathTotals.writeBytes, writes * turn.writeSize)
  path.totals.add(pathTotals.writeSeconds, writeSeconds)
  path.totals.add(pathTotals.flushRequests, flushes)
  path.totals.add(pathTotals.flushSeconds, flushes * turn.writeSeconds)
  path.inFlight += Math.min(2 * turn.depth, (reads * turn.readSeconds + writes * turn.writeSeconds) / seconds)
}

/** Shares the host's CPUs fairly among its guests; what one does not get it waits for. */
function shareCpu(host: SimHost, rules: StepRules, seconds: number): void {
  const { totals } = host
  let bytes = 0
  let received = 0
  let transmitted = 0
  let waiting = 0
  for (const { turn, want, served } of host.active) {
    bytes += turn.written + turn.read
    received += want.receive * seconds
    transmitted += want.transmit * seconds
    waiting += 1 - served
  }
  const system = Math.min(host.spec.threads, 0.02 + ((bytes + received + transmitted) / seconds) * cpuSecondsPerByte)
  const wants = host.active.map((vm) => {
    vm.cpuWantCores = vm.want.cpu * vm.spec.vcpus * (0.3 + 0.7 * vm.served)
    return vm.cpuWantCores
  })
  const level = fairLevel(wants, Math.max(0, host.spec.threads - system))
  let wanted = 0
  let guests = 0
  for (const vm of host.active) {
    vm.cpuGotCores = Math.min(vm.cpuWantCores, level)
    wanted += vm.cpuWantCores
    guests += vm.cpuGotCores
    vm.totals.add(vmTotals.cpuSeconds, vm.cpuGotCores * seconds)
    vm.totals.add(vmTotals.waitSeconds, (vm.cpuWantCores - vm.cpuGotCores) * seconds)
  }
  const idle = Math.max(0, host.spec.threads - guests - system)
  const iowait = Math.min(idle, waiting * 0.8)
  totals.add(hostTotals.userSeconds, guests * seconds)
  totals.add(hostTotals.guestSeconds, guests * seconds)
  totals.add(hostTotals.systemSeconds, system * seconds)
  totals.add(hostTotals.iowaitSeconds, iowait * seconds)
  totals.add(hostTotals.idleSeconds, (idle - iowait) * seconds)
  totals.add(hostTotals.psiCpuSeconds, Math.min(1, wanted - guests) * seconds)
  totals.add(hostTotals.psiIoSomeSeconds, Math.min(1, waiting) * seconds)
  totals.add(hostTotals.psiIoFullSeconds, (host.active.length > 0 ? waiting / host.active.length : 0) * seconds)
  totals.add(hostTotals.receiveBytes, received)
  totals.add(hostTotals.receivePackets, received / bytesPerPacket)
  totals.add(hostTotals.transmitBytes, transmitted)
  totals.add(hostTotals.transmitPackets, transmitted / bytesPerPacket)
  for (const path of host.paths) path.totals.add(pathTotals.busySeconds, path.array.state.busy * seconds)

  const runnable = wanted + waiting + system
  const [one, five, fifteen] = rules.loadMemory
  host.load1 = runnable + (host.load1 - runnable) * one
  host.load5 = runnable + (host.load5 - runnable) * five
  host.load15 = runnable + (host.load15 - runnable) * fifteen
}

const bytesPerPacket = 700
const cpuSecondsPerByte = 4e-9

/** Linux holds about a tenth of its memory as dirty pages before it stops the writer. */
function dirtyLimit(vm: SimVm): number {
  return vm.spec.memoryBytes / 10
}
