import { createHash } from 'node:crypto'

import { z } from 'zod'

import { vmStateReasons, vmStates } from '../hypervisor.js'
import { createDiskTurn } from './cached-array.js'
import type { HostJob, SimHost, SimVm } from './entities.js'
import type { FleetSpec } from '../../../common/fleet-file/fleet-spec.js'
import { profileNames } from './load-profiles.js'
import { define, resumeRun, setJob } from './vm-life.js'
import { createWorld, type World, type WorldOptions } from './world.js'

/**
 * A world between two lives of its process: all that the next step depends on. Restored and run on, it does what it
 * would have done without the break.
 */
export type WorldState = z.infer<typeof worldState>

const number = z.number()
const least0 = z.number().nonnegative()
const totals = z.array(least0).max(64)

const vmState = z.strictObject({
  name: z.string(),
  host: z.string(),
  state: z.enum(vmStates),
  stateReason: z.enum(vmStateReasons),
  /** Absent from what was saved before there were commands: as the fleet file says. */
  autostart: z.boolean().optional(),
  /** Absent: none. */
  limits: z.record(z.string(), least0).optional(),
  runs: least0,
  runId: z.string(),
  random: least0,
  load: z.strictObject({
    profile: z.enum(profileNames),
    noise: number,
    bursting: z.boolean(),
    /** Null: it never ends. */
    phaseEndsMs: number.nullable(),
    bootingUntilMs: number,
    nightHour: least0,
  }),
  backlogBytes: least0,
  usedBytes: least0,
  touchedBytes: least0,
  readCarry: least0,
  writeCarry: least0,
  served: least0,
  lastReadSeconds: least0,
  lastWriteSeconds: least0,
  stalledReads: least0,
  stalledWrites: least0,
  totals,
})

const worldState = z.strictObject({
  version: z.literal(2),
  /** Hash of the fleet that the world was made of. */
  fleet: z.string(),
  seed: number,
  startMs: number,
  stepMs: z.number().positive(),
  nowMs: number,
  nextEvent: z.int().nonnegative(),
  skippedEvents: z.array(z.string()).max(100),
  hosts: z.array(
    z.strictObject({
      name: z.string(),
      up: z.boolean(),
      boots: least0,
      bootId: z.string(),
      bootedAtMs: number,
      loads: z.tuple([least0, least0, least0]),
      rootFreeBytes: least0,
      rootFillBytesPerSecond: least0,
      totals,
      paths: z.array(totals),
      jobs: z
        .array(
          z.strictObject({
            path: z.int().nonnegative(),
            profile: z.enum(profileNames),
            readCarry: least0,
            writeCarry: least0,
            lastReadSeconds: least0,
            lastWriteSeconds: least0,
            stalledReads: least0,
            stalledWrites: least0,
          }),
        )
        .default([]),
    }),
  ),
  arrays: z.array(
    z.strictObject({
      fillBytes: least0,
      overcommittedMs: least0,
      frozenUntilMs: number,
      frozen: z.boolean(),
      frozenMs: least0,
      waitingBytes: least0,
      acceptedBytesPerSecond: least0,
      drainedBytesPerSecond: least0,
      busy: least0,
      readSeconds: least0,
      writeSeconds: least0,
    }),
  ),
  vms: z.array(vmState),
})

export function saveWorld(world: World): WorldState {
  return {
    version: 2,
    fleet: hashOf(world.spec),
    seed: world.seed,
    startMs: world.startMs,
    stepMs: world.stepMs,
    ...world.progress,
    hosts: world.hosts.map(saveHost),
    arrays: world.arrays.map(({ state }) => ({ ...state })),
    vms: world.vms.map(saveVm),
  }
}

/**
 * Makes the saved world again.
 * @returns undefined if the state is of another fleet, seed, step or version, or is damaged: then a new world has to begin
 */
export function restoreWorld(
  state: unknown,
  spec: FleetSpec,
  { seed, stepMs }: Required<Pick<WorldOptions, 'seed' | 'stepMs'>>,
): World | undefined {
  const parsed = worldState.safeParse(state)
  if (!parsed.success) return undefined
  const saved = parsed.data
  if (saved.fleet !== hashOf(spec) || saved.seed !== seed || saved.stepMs !== stepMs) return undefined
  const world = createWorld(spec, { seed, stepMs, startMs: saved.startMs, empty: true })
  const sameShape =
    saved.hosts.length === world.hosts.length &&
    saved.arrays.length === world.arrays.length &&
    saved.vms.length === world.vms.length
  if (!sameShape) return undefined
  const whole = [
    ...world.hosts.map((host, index) => restoreHost(host, saved.hosts[index])),
    ...world.vms.map((vm, index) => restoreVm(world, vm, saved.vms[index])),
  ]
  if (whole.includes(false)) return undefined
  for (const [index, array] of world.arrays.entries()) Object.assign(array.state, saved.arrays[index])
  world.resumeAt(saved)
  return world
}

/** Labels decide nothing of what happens. */
function hashOf({ labels: _labels, ...world }: FleetSpec): string {
  return createHash('sha256').update(JSON.stringify(world)).digest('hex')
}

function saveHost(host: SimHost): WorldState['hosts'][number] {
  return {
    name: host.spec.name,
    up: host.up,
    boots: host.boots,
    bootId: host.bootId,
    bootedAtMs: host.bootedAtMs,
    loads: [host.load1, host.load5, host.load15],
    rootFreeBytes: host.rootFreeBytes,
    rootFillBytesPerSecond: host.rootFillBytesPerSecond,
    totals: host.totals.values(),
    paths: host.paths.map((path) => path.totals.values()),
    jobs: host.paths.flatMap(({ job }, path) => (job === undefined ? [] : [saveJob(job, path)])),
  }
}

function saveJob(
  { profile, readCarry, writeCarry, turn }: HostJob,
  path: number,
): WorldState['hosts'][number]['jobs'][number] {
  return {
    path,
    profile,
    readCarry,
    writeCarry,
    lastReadSeconds: turn.readSeconds,
    lastWriteSeconds: turn.writeSeconds,
    stalledReads: turn.stalledReads,
    stalledWrites: turn.stalledWrites,
  }
}

function restoreHost(host: SimHost, saved: WorldState['hosts'][number] | undefined): boolean {
  if (saved?.name !== host.spec.name || saved.paths.length !== host.paths.length) return false
  host.up = saved.up
  host.boots = saved.boots
  host.bootId = saved.bootId
  host.bootedAtMs = saved.bootedAtMs
  host.rootFreeBytes = saved.rootFreeBytes
  host.rootFillBytesPerSecond = saved.rootFillBytesPerSecond
  for (const { path: at, profile, readCarry, writeCarry, ...last } of saved.jobs) {
    const path = host.paths[at]
    if (path === undefined) return false
    const turn = createDiskTurn()
    turn.readSeconds = last.lastReadSeconds
    turn.writeSeconds = last.lastWriteSeconds
    turn.stalledReads = last.stalledReads
    turn.stalledWrites = last.stalledWrites
    setJob(path, { profile, turn, readCarry, writeCarry })
  }
  ;[host.load1, host.load5, host.load15] = saved.loads
  return (
    host.totals.restore(saved.totals) &&
    host.paths.every((path, index) => path.totals.restore(saved.paths[index] ?? []))
  )
}

function saveVm(vm: SimVm): WorldState['vms'][number] {
  return {
    name: vm.spec.name,
    host: vm.path.host.spec.name,
    state: vm.state,
    stateReason: vm.stateReason,
    autostart: vm.autostart,
    ...(Object.keys(vm.limits).length > 0 && { limits: vm.limits }),
    runs: vm.runs,
    runId: vm.runId,
    random: vm.random.state,
    load: { ...vm.load, phaseEndsMs: Number.isFinite(vm.load.phaseEndsMs) ? vm.load.phaseEndsMs : null },
    backlogBytes: vm.backlogBytes,
    usedBytes: vm.usedBytes,
    touchedBytes: vm.touchedBytes,
    readCarry: vm.readCarry,
    writeCarry: vm.writeCarry,
    served: vm.served,
    lastReadSeconds: vm.turn.readSeconds,
    lastWriteSeconds: vm.turn.writeSeconds,
    stalledReads: vm.turn.stalledReads,
    stalledWrites: vm.turn.stalledWrites,
    totals: vm.totals.values(),
  }
}

function restoreVm(world: World, vm: SimVm, saved: WorldState['vms'][number] | undefined): boolean {
  if (saved?.name !== vm.spec.name) return false
  const host = world.hosts.find(({ spec }) => spec.name === saved.host)
  const path = host?.paths.find(({ array }) => array === vm.path.array)
  if (path === undefined) return false
  define(vm, path)
  vm.state = saved.state
  vm.stateReason = saved.stateReason
  vm.autostart = saved.autostart ?? vm.spec.autostart
  vm.limits = saved.limits ?? {}
  vm.runs = saved.runs
  vm.random.state = saved.random
  Object.assign(vm.load, saved.load, { phaseEndsMs: saved.load.phaseEndsMs ?? Infinity })
  vm.backlogBytes = saved.backlogBytes
  vm.usedBytes = saved.usedBytes
  vm.touchedBytes = saved.touchedBytes
  vm.readCarry = saved.readCarry
  vm.writeCarry = saved.writeCarry
  vm.served = saved.served
  vm.turn.readSeconds = saved.lastReadSeconds
  vm.turn.writeSeconds = saved.lastWriteSeconds
  vm.turn.stalledReads = saved.stalledReads
  vm.turn.stalledWrites = saved.stalledWrites
  if (saved.runId !== '') resumeRun(vm, saved.runId)
  return vm.totals.restore(saved.totals)
}
