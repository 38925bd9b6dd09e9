import type { World } from '../../agent/hypervisor/simulated/world.js'
import { createWorld } from '../../agent/hypervisor/simulated/world.js'
import { loadFleet } from '../../common/fleet-file/fleet-file.js'
import type { SimArray, SimVm } from '../../agent/hypervisor/simulated/entities.js'
import { newArrayModel } from '../../controller/arrays/array-model.js'
import { step } from '../../controller/arrays/step.js'
import { admissions } from '../../controller/commands/admission.js'
import type { Command } from '../../controller/commands/command.js'
import type { ArrayCondition } from '../../controller/model/array-condition.js'

/** What somebody wants done on the elab's array. A copy is of so many bytes; a check of a file system takes so long while the array answers. */
export type Request =
  | { readonly name: string; readonly atSecond: number; readonly copies: string; readonly bytes: number }
  | { readonly name: string; readonly atSecond: number; readonly checks: string; readonly seconds: number }

/** As in April 2011: two copies and a check, within seconds of each other. */
export const april2011: readonly Request[] = [
  { name: 'copy of kure', atSecond: 18, copies: 'kure', bytes: 2e9 },
  { name: 'check on xenhv01', atSecond: 18, checks: 'xenhv01', seconds: 60 },
  { name: 'copy of tritm', atSecond: 20, copies: 'tritm', bytes: 2e9 },
]

export interface Played {
  /** Seconds in which nothing ended at the array, and in which its cache was full. */
  readonly frozenSeconds: number
  readonly fullSeconds: number
  /** Of somebody who writes little: mean over the worst 10 s in which anything ended. */
  readonly worstWriteMs: number
  /** By request, seconds from the start; undefined: not within the time that was played. */
  readonly began: Readonly<Record<string, number | undefined>>
  readonly ended: Readonly<Record<string, number | undefined>>
  /** Bytes a second that it was told to keep to. */
  readonly rates: Readonly<Record<string, number | undefined>>
}

interface Job {
  readonly request: Request
  state: 'asked' | 'running' | 'done'
  began: number | undefined
  ended: number | undefined
  rate: number | undefined
  left: number
}

const startMs = Date.UTC(2011, 3, 12, 5)
const stepMs = 250
const boxId = 'iscsi1'

/**
 * Plays the same requests on the simulated elab in virtual time: each begins when it is asked for, or by the admission of the controller, which knows the
 * array by its model alone. The simulated array freezes by itself where several heavy users keep its cache full for 20 s.
 * @param told what the policy says of the array; undefined: nothing
 */
export function playFreeze(
  requests: readonly Request[],
  {
    admission,
    seconds,
    seed = 1,
    told = { capacityBytes: 512 * 2 ** 20, drainBytesPerSecond: 25e6, basis: 'policy' },
  }: {
    readonly admission: boolean
    readonly seconds: number
    readonly seed?: number
    readonly told?: Parameters<typeof newArrayModel>[1]
  },
): Played {
  const world = createWorld(loadFleet('deploy/fleets/elab.yaml'), { seed, startMs, stepMs })
  const array = arrayOf(world)
  const jobs = requests.map((request): Job => {
    const left = 'copies' in request ? request.bytes : request.seconds
    return { request, state: 'asked', began: undefined, ended: undefined, rate: undefined, left }
  })
  let model = newArrayModel(boxId, told, startMs)
  let condition: ArrayCondition | undefined
  let [frozenSeconds, fullSeconds] = [0, 0]
  const waits: number[] = []
  for (let second = 1; second <= seconds; second += 1) {
    for (const { job, rate } of goingNow(jobs, admission, condition, second)) begin(world, job, rate, second)
    let [accepted, frozenSteps, fullSteps] = [0, 0, 0]
    const stepsInSecond = 1000 / stepMs
    for (let one = 0; one < stepsInSecond; one += 1) {
      world.advance(world.nowMs + stepMs)
      const { state, model: truth } = array
      if (state.frozen) frozenSteps += 1
      else accepted += (state.acceptedBytesPerSecond * stepMs) / 1000
      if (state.fillBytes >= 0.99 * truth.cacheBytes) fullSteps += 1
      for (const job of jobs) work(world, job, state.frozen, second)
    }
    frozenSeconds += frozenSteps / stepsInSecond
    fullSeconds += fullSteps / stepsInSecond
    const isStill = frozenSteps === stepsInSecond
    const latencyMs = isStill ? undefined : array.state.writeSeconds * 1000
    if (latencyMs !== undefined) waits.push(latencyMs)
    const stepped = step(
      model,
      {
        at: startMs + second * 1000,
        seconds: 1,
        writeBytes: accepted,
        late: undefined,
        largestWriterBytes: undefined,
        readBytes: undefined,
        writeRequests: accepted / 65_536,
        readRequests: undefined,
        writeLatencyMs: latencyMs,
        readLatencyMs: undefined,
        inFlight: isStill ? 16 : 1,
        canaryMs: latencyMs,
        canaryOverdueMs: isStill ? 2000 : undefined,
        smallWriteLatencyMs: latencyMs,
        writeCache: 'write-back',
        rebuilding: undefined,
        degraded: undefined,
      },
      settings,
    )
    model = stepped.model
    condition = stepped.condition
  }
  const of = <T>(value: (job: Job) => T): Record<string, T> =>
    Object.fromEntries(jobs.map((job) => [job.request.name, value(job)]))
  return {
    frozenSeconds,
    fullSeconds,
    worstWriteMs: worstMean(waits, 10),
    began: of(({ began }) => began),
    ended: of(({ ended }) => ended),
    rates: of(({ rate }) => rate),
  }
}

const settings = { bulkCopyBytesPerSecond: undefined }

function arrayOf(world: World): SimArray {
  const array = world.arrays.find(({ name }) => name === boxId)
  if (array === undefined) throw new Error(`the fleet has no array ${boxId}`)
  return array
}

function vmOf(world: World, name: string): SimVm {
  const vm = world.vms.find(({ spec }) => spec.name === name)
  if (vm === undefined) throw new Error(`the fleet has no VM ${name}`)
  return vm
}

/** All that were asked for; or those that the admission lets go. */
function goingNow(
  jobs: readonly Job[],
  admission: boolean,
  condition: ArrayCondition | undefined,
  second: number,
): { readonly job: Job; readonly rate: number | undefined }[] {
  const asked = jobs.filter(({ state, request }) => state === 'asked' && request.atSecond <= second)
  if (!admission) return asked.map((job) => ({ job, rate: undefined }))
  const active = jobs.filter(({ state }) => state === 'running')
  const all = admissions(
    asked.map((job) => commandOf(job, jobs)),
    active.map((job) => commandOf(job, jobs)),
    () => condition,
    startMs + second * 1000,
  )
  return asked.flatMap((job) => {
    const one = all.get(job.request.name)
    return one?.admitted === true ? [{ job, rate: one.bytesPerSecond }] : []
  })
}

function commandOf(job: Job, jobs: readonly Job[]): Command {
  const number = jobs.indexOf(job) + 1
  return {
    id: job.request.name,
    number,
    verb: 'exec',
    args: {},
    hostId: '',
    hostName: '',
    vmUuid: job.request.name,
    vmName: '',
    dryRun: false,
    actor: '',
    state: job.state === 'running' ? 'running' : 'queued',
    reason: '',
    createdAt: 0,
    startBefore: Infinity,
    timeoutMs: 0,
    revision: 0,
    verdicts: [],
    output: '',
    outputEnd: 0,
    bulk: { boxes: [{ id: boxId, name: boxId }], place: number },
  }
}

function begin(world: World, job: Job, rate: number | undefined, second: number): void {
  const { request } = job
  Object.assign(job, { state: 'running', began: second, rate })
  if ('copies' in request) {
    world.apply({ atMs: 0, event: 'profile', vm: request.copies, profile: 'runaway' })
    // The program keeps to its rate.
    if (rate !== undefined) vmOf(world, request.copies).limits = { write_bytes_sec: rate }
  } else world.apply({ atMs: 0, event: 'host-job', host: request.checks, array: boxId, profile: 'fsck' })
}

/** One step further; done when nothing is left. */
function work(world: World, job: Job, isFrozen: boolean, second: number): void {
  const { request } = job
  if (job.state !== 'running') return
  const isCopy = 'copies' in request
  job.left -= isFrozen ? 0 : isCopy ? vmOf(world, request.copies).turn.written : stepMs / 1000
  if (job.left > 0) return
  Object.assign(job, { state: 'done', ended: second })
  if (isCopy) {
    world.apply({ atMs: 0, event: 'profile', vm: request.copies, profile: 'idle' })
    vmOf(world, request.copies).limits = {}
  } else world.apply({ atMs: 0, event: 'host-job-end', host: request.checks, array: boxId })
}

function worstMean(values: readonly number[], width: number): number {
  let worst = 0
  for (let from = 0; from + width <= values.length; from += 1) {
    const mean = values.slice(from, from + width).reduce((all, value) => all + value, 0) / width
    worst = Math.max(worst, mean)
  }
  return worst
}
