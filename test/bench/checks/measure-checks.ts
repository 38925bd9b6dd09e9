import { parseArgs } from 'node:util'

import { measuredBy } from '../../../agent/hypervisor/simulated/driver-limits.js'
import { sampleHost } from '../../../agent/hypervisor/simulated/host-sample.js'
import { createWorld, type World } from '../../../agent/hypervisor/simulated/world.js'
import { sampleGroups, type SampleGroup } from '../../../agent/hypervisor/hypervisor.js'
import { alertSettingsOf, worldSources } from '../../../controller/alerts/policy-settings.js'
import { emptyAlertState, step } from '../../../controller/alerts/step.js'
import { worldOf } from '../../../controller/alerts/world.js'
import { ArrayModels } from '../../../controller/array-watch/array-models.js'
import { judgeFleet } from '../../../controller/checks/fleet-findings.js'
import type { Circumstances } from '../../../controller/model/circumstances.js'
import type { Finding } from '../../../controller/model/finding.js'
import type { Snapshot } from '../../../controller/model/snapshot.js'
import { beginWatch, watchStep, type Watched } from '../../../controller/watch/watch-step.js'
import { Replay } from '../../support/replay.js'
import { latencyOf, quantile, rounded } from '../store/figures.js'
import { knownTrends, largePolicy, stormFleet, wellFleet } from './large-fleet.js'

/**
 * One row of the bench: a fleet (`well`, `storm`) and what hosts tell between two ticks: `all` everything, or what their `lanes` do by default, all
 * disks each second and the rest of a tenth of the hosts. Some seconds of the simulated fleet are recorded through the wire's form and the fleet's state,
 * and looked at one after the other, forth and back, so that the bench measures checks and not the simulation: whatever hosts told is another object
 * than in the look before, and so is what is known of each array's write cache. Prints one line of JSON. Beside the time on the wall, in which other processes may run, stands the processor time
 * of all threads (V8's own too).
 */
const { values } = parseArgs({
  options: { row: { type: 'string' }, vms: { type: 'string' }, ticks: { type: 'string' }, seed: { type: 'string' } },
})
const [fleetName, pace] = values.row?.split('/') ?? []
const size = { hosts: 200, arrays: 200, vms: Number(values.vms) }
const fleetOf = { well: wellFleet, storm: stormFleet }[fleetName ?? '']
if (fleetOf === undefined || (pace !== 'all' && pace !== 'lanes')) throw new Error(`no such row: ${values.row}`)

/** Until what stands fires. The alerts' clock goes faster meanwhile. */
const warmUpTicks = 40
const warmUpElapsedMs = 30_000
const beatTicks = 10
/** Caches of arrays fill meanwhile. */
const settledMs = 60_000
const recordedSeconds = 4
/** Models of write caches see so many seconds before those that are looked at. */
const learningSeconds = 20
/** Trends are found out anew each minute. */
const trendsEveryTicks = 60
/** Rarely: what it leaves behind is collected in looks too. */
const calibrateEveryTicks = 10
const startMs = Date.UTC(2026, 2, 2, 9)

const policy = largePolicy(fleetName === 'well')
const settings = alertSettingsOf(policy)
const recorded = record()

interface Took {
  readonly checksMs: number
  readonly stepMs: number
  readonly processorMs: number
}

const took: Took[] = []
const loops: { readonly ms: number; readonly processorMs: number }[] = []
let state = emptyAlertState('bench')
let findings: readonly Finding[] = []
let trends = knownTrends(recorded[0]?.snapshot)
for (let tick = 0; tick < warmUpTicks + Number(values.ticks); tick += 1) {
  const back = tick % (2 * recorded.length - 2)
  const seen = recorded[Math.min(back, 2 * recorded.length - 2 - back)]
  if (seen === undefined) continue
  if (tick % trendsEveryTicks === 0) trends = knownTrends(seen.snapshot)
  const snapshot = { ...seen.snapshot, at: startMs + settledMs + tick * 1000 }
  judge(snapshot, { ...seen.circumstances, trends }, tick < warmUpTicks)
  if (tick % calibrateEveryTicks === 0) calibrate()
}

const measured = took.slice(warmUpTicks)
const processor = latencyOf(measured.map(({ processorMs }) => processorMs))
const calibrationMs = quantile(
  loops.map(({ ms }) => ms),
  0.5,
)
const calibrationProcessorMs = quantile(
  loops.map(({ processorMs }) => processorMs),
  0.5,
)
const whole = latencyOf(measured.map(({ checksMs, stepMs }) => checksMs + stepMs))
console.log(
  JSON.stringify({
    vmsSeen: recorded[0]?.snapshot.vms.size,
    vmsNewEachTick: rounded(Math.min(...recorded.slice(1).map((one, at) => newShare(one, recorded[at])))),
    writeCaches: countedBy(recorded[0]?.circumstances.arrays?.values() ?? [], ({ condition }) => condition.state),
    trends: trends.size,
    findings: findings.length,
    byCheck: countedBy(findings, ({ check }) => check),
    firing: [...state.alerts.values()].filter(({ phase }) => phase === 'firing').length,
    checks: latencyOf(measured.map(({ checksMs }) => checksMs)),
    alertStep: latencyOf(measured.map(({ stepMs }) => stepMs)),
    whole,
    processor,
    calibrationMs: rounded(calibrationMs),
    p50TimesCalibration: rounded(whole.p50Ms / calibrationMs),
    p99TimesCalibration: rounded(whole.p99Ms / calibrationMs),
    calibrationProcessorMs: rounded(calibrationProcessorMs),
    processorP50TimesCalibration: rounded(processor.p50Ms / calibrationProcessorMs),
    processorP99TimesCalibration: rounded(processor.p99Ms / calibrationProcessorMs),
  }),
)

/** A moment of the fleet, and what the controller watched beside it. */
interface Seen {
  readonly snapshot: Snapshot
  readonly circumstances: Circumstances
}

function record(): Seen[] {
  const world = createWorld(fleetOf?.(size) ?? wellFleet(size), { seed: Number(values.seed), startMs, stepMs: 1000 })
  const replay = new Replay(world)
  const arrays = new ArrayModels()
  let watched: Watched | undefined
  replay.connect(startMs)
  world.advance(startMs + settledMs)
  const seen: Seen[] = []
  for (let second = 1; seen.length < recordedSeconds; second += 1) {
    const atMs = startMs + settledMs + second * 1000
    world.advance(atMs)
    for (const [at, host] of world.hosts.entries()) {
      // The first two reports make the fleet known.
      const isWhole = pace === 'all' || second <= 2 || (at + second) % beatTicks === 0
      report(world, replay, host, { atMs, isWhole, isNew: second === 1 })
    }
    if (second <= 2) continue
    const snapshot = replay.fleet.snapshot()
    arrays.look(snapshot, policy, atMs)
    watched = watched === undefined ? beginWatch(snapshot) : watchStep(watched, snapshot, [])
    if (second <= 2 + learningSeconds) continue
    seen.push({ snapshot, circumstances: { version: '1.0.0', arrays: arrays.watched, changes: watched.changes } })
  }
  return seen
}

function report(
  world: World,
  replay: Replay,
  host: World['hosts'][number],
  { atMs, isWhole, isNew }: { readonly atMs: number; readonly isWhole: boolean; readonly isNew: boolean },
): void {
  const { id: hostId, bootId, spec } = host
  const groups = new Set<SampleGroup>(isWhole ? sampleGroups : ['block'])
  const reading = { groups, can: measuredBy(spec.kind), atMs, share: world.shareAt(atMs) }
  const events = world.takeEvents(host)
  const tick = { atMs, hostId, hostName: spec.name, kind: spec.kind, bootId, events }
  const sample = host.up ? sampleHost(host, reading, { vmUuids: undefined, hasMoved: undefined }) : undefined
  const told = sample === undefined ? tick : { ...tick, sample }
  const inventory = isNew || events.length > 0 ? replay.inventoryAt(told) : undefined
  replay.take(told, { inventory, lane: isWhole ? 'state' : 'fast' })
}

function judge(snapshot: Snapshot, circumstances: Circumstances, isWarmUp: boolean): void {
  const beganCpu = process.cpuUsage()
  const beganMs = performance.now()
  const { labels, findings: said } = judgeFleet(snapshot, policy, circumstances)
  const checkedMs = performance.now()
  const done = step(
    state,
    [...said.stands, ...said.kept],
    worldOf(worldSources({ snapshot, policy, labels })),
    settings,
    {
      atMs: snapshot.at,
      elapsedMs: isWarmUp ? warmUpElapsedMs : 1000,
    },
  )
  const endedMs = performance.now()
  took.push({ checksMs: checkedMs - beganMs, stepMs: endedMs - checkedMs, processorMs: processorMsSince(beganCpu) })
  state = done.state
  findings = said.stands
}

function calibrate(): void {
  const beganCpu = process.cpuUsage()
  loops.push({ ms: calibrationLoop(), processorMs: processorMsSince(beganCpu) })
}

function processorMsSince(began: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(began)
  return (user + system) / 1000
}

function newShare({ snapshot: { vms } }: Seen, last: Seen | undefined): number {
  let fresh = 0
  for (const [uuid, vm] of vms) if (last?.snapshot.vms.get(uuid) !== vm) fresh += 1
  return fresh / vms.size
}

function countedBy<One>(all: Iterable<One>, nameOf: (one: One) => string): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const one of all) counts[nameOf(one)] = (counts[nameOf(one)] ?? 0) + 1
  return counts
}

/** Milliseconds that a fixed piece of the kind of work that checks are takes: maps, texts and sums. */
function calibrationLoop(): number {
  const beganMs = performance.now()
  const sums = new Map<string, number>()
  for (let at = 0; at < 50_000; at += 1) {
    const key = `h${at % 997}`
    sums.set(key, (sums.get(key) ?? 0) + at)
  }
  if (sums.size !== 997) throw new Error('the loop did not run')
  return performance.now() - beganMs
}
