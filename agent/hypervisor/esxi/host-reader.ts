import { childText } from '../libvirt/xml.js'
import type { Gap, Sample } from '../hypervisor.js'
import { hostGrowth, vmGrowth } from './growth.js'
import type { EsxiHostFacts } from './host-facts.js'
import { perfArguments, samplesIn, type PerfQuery, type PerfSample } from './perf-query.js'
import { entitiesIn } from './perf-text.js'
import { inCalls, mayHaveSamples, planQueries, type ReadableVm } from './plan-queries.js'
import { advance, isNews, type Growth, type RunningTotals, type TotalsAt } from './running-totals.js'
import type { Invoke, Login } from './session.js'
import type { Site } from './site.js'
import { refElement, wholeNumber } from './soap-message.js'
import { fileSystemsOf, type Datastore } from './storage-facts.js'
import { timeline, type TimedSample, type VmHistory } from './timeline.js'
import type { HostTotals } from './totals-file.js'

/** What a pass needs to know of the host. */
export interface HostContext {
  readonly facts: EsxiHostFacts
  readonly datastores: readonly Datastore[]
}

interface Reading {
  readonly totals: HostTotals
  readonly replayable: HostTotals
  readonly sample: Sample
}

/** vSphere's own interval; the server is asked for it all the same. */
const usualIntervalMs = 20_000
/** After so many intervals without a sample a host counts as lost. */
const patience = 5
const mostStarts = 10_000

/**
 * Reads the samples of one host and its VMs, each once. What was counted changes only when a whole pass has succeeded: a pass
 * that fails is made up for by the next.
 */
export class HostReader {
  #totals: HostTotals
  #replayable: HostTotals
  #intervalMs: number | undefined
  #searchedUntilMs = 0
  /** The totals as they were kept: told once more, so that the controller has something to count from. */
  #kept: HostTotals | undefined
  readonly #beganAtMs: number
  readonly #startedAt = new Map<string, number>()

  constructor(
    private readonly site: Site,
    private readonly now: () => number,
    kept: HostTotals,
  ) {
    this.#totals = kept
    this.#replayable = kept
    this.#kept = kept
    this.#beganAtMs = now()
  }

  get totals(): HostTotals {
    return this.#totals
  }

  /** The totals from which the last pass can be told again, to the letter. */
  get replayable(): HostTotals {
    return this.#replayable
  }

  /** A VM was seen to start, on our clock. For servers that do not say when a VM was started. */
  started(uuid: string, atMs: number): void {
    this.#startedAt.set(uuid, atMs)
    if (this.#startedAt.size > mostStarts) this.#startedAt.delete([...this.#startedAt.keys()][0] ?? '')
  }

  /** One pass. @throws what `invoke` throws */
  async read(invoke: Invoke, login: Login, context: HostContext): Promise<Sample> {
    const { totals, replayable, sample } = await this.#read(invoke, login, context)
    this.#totals = totals
    this.#replayable = replayable
    this.#kept = undefined
    return sample
  }

  async #read(invoke: Invoke, login: Login, context: HostContext): Promise<Reading> {
    const { site } = this
    const before = this.#totals
    const clockOffsetMs = await site.clockOffset(invoke, login, before.clockOffsetMs)
    const intervalMs = await this.#interval(invoke, login, context)
    const serverNowMs = this.now() + clockOffsetMs
    const watched = site.vmsOn(context.facts.id)
    const definitions = await site.definitions(invoke, login.content, watched)
    const vms = watched.flatMap((vm): ReadableVm[] => {
      const hardware = definitions.get(vm.id)?.hardware
      if (hardware === undefined) return []
      const { vcpus, memoryBytes } = hardware
      const disks = hardware.disks.map((disk) => disk.target)
      return [{ vm, vcpus, memoryBytes, disks, nics: hardware.nics.map((nic) => nic.device) }]
    })
    // A clock that was set back: what was counted lies in the future now, and nothing would ever be news again.
    const known = isAhead(before, serverNowMs + intervalMs) ? { ...before, host: undefined, vms: new Map() } : before
    const isDue = known.host === undefined || serverNowMs - known.host.atMs >= intervalMs
    const read = isDue
      ? await this.#query(invoke, login, { known, vms, context, intervalMs, serverNowMs })
      : new Map<string, readonly PerfSample[]>()
    const told = this.#count(known, read, { vms, context, intervalMs })
    const totals = { ...told.totals, clockOffsetMs }
    const replayable = { ...told.replayable, clockOffsetMs }
    const gaps = this.#hostGap(told.totals.host, { serverNowMs, intervalMs, clockOffsetMs })
    const [last, ...earlier] = told.timeline(clockOffsetMs).toReversed()
    if (last === undefined)
      return { totals, replayable, sample: { vms: [], gaps: [...gaps, ...waiting(vms, this.#beganAtMs)] } }
    return { totals, replayable, sample: { ...last, gaps: [...last.gaps, ...gaps], earlier: earlier.toReversed() } }
  }

  /** @returns samples by object, oldest first */
  async #query(
    invoke: Invoke,
    login: Login,
    input: {
      readonly known: HostTotals
      readonly vms: readonly ReadableVm[]
      readonly context: HostContext
      readonly intervalMs: number
      readonly serverNowMs: number
    },
  ): Promise<ReadonlyMap<string, readonly PerfSample[]>> {
    const { known, vms, context, intervalMs, serverNowMs } = input
    const counters = await this.site.counters(invoke, login)
    const ask = async (queries: readonly PerfQuery[]): Promise<ReturnType<typeof samplesIn>> => {
      const found: ReturnType<typeof samplesIn>[number][] = []
      for (const call of inCalls(queries, { intervalMs, serverNowMs })) {
        const args = perfArguments(call, counters, intervalMs)
        const text = await invoke.text('QueryPerf', login.content.perfManager, args)
        found.push(...samplesIn(entitiesIn(text), counters))
      }
      return found
    }
    const queries = planQueries({
      hostId: context.facts.id,
      host: known.host,
      vms,
      totals: known.vms,
      datastores: context.datastores.map((one) => one.instance),
      hostNics: context.facts.nics,
      counters,
      intervalMs,
      serverNowMs,
      searchedUntilMs: this.#searchedUntilMs,
    })
    const byId = new Map<string, readonly PerfSample[]>()
    const unclear: { readonly query: PerfQuery; readonly times: readonly number[] }[] = []
    const queryOf = new Map(queries.map((query) => [query.entity.id, query]))
    for (const { entityId, samples, unclear: isUnclear } of await ask(queries)) {
      const query = queryOf.get(entityId)
      if (query === undefined) continue
      const wanted = samples.filter(({ atMs }) => query.afterMs === undefined || atMs > query.afterMs)
      if (isUnclear) unclear.push({ query, times: wanted.map(({ atMs }) => atMs) })
      else byId.set(entityId, wanted)
    }
    for (const [id, samples] of await oneByOne(unclear, intervalMs, ask)) byId.set(id, samples)
    const until = queries[0]?.untilMs
    if (until !== undefined && [...byId.values()].every((samples) => samples.length === 0))
      this.#searchedUntilMs = until
    return byId
  }

  /** Adds up what was read. Pure but for what was kept at the start. */
  #count(
    known: HostTotals,
    read: ReadonlyMap<string, readonly PerfSample[]>,
    {
      vms,
      context,
      intervalMs,
    }: { readonly vms: readonly ReadableVm[]; readonly context: HostContext; readonly intervalMs: number },
  ): {
    readonly totals: HostTotals
    readonly replayable: HostTotals
    readonly timeline: (clockOffsetMs: number) => readonly TimedSample[]
  } {
    const { facts, datastores } = context
    const arrayOf = new Map(datastores.map((one) => [one.instance, one.arrayKey]))
    const hostSamples = read.get(facts.id) ?? []
    const allGrowths = hostSamples.map((sample) =>
      hostGrowth(sample, { cores: facts.cores, nics: facts.nics, datastores: arrayOf }),
    )
    // The host's run is told for a whole pass: what comes after a hole waits for the next.
    const growths = upToHole(allGrowths.filter((growth) => isNews(known.host, growth)))
    const cutMs = growths.length < allGrowths.length ? (growths.at(-1)?.atMs ?? Infinity) : Infinity
    const host = advance(known.host, growths, { beganAtMs: undefined, hasCpu: false })
    const totals = new Map<string, RunningTotals>()
    const replayable = new Map<string, RunningTotals>()
    const histories = vms.map((readable): VmHistory => {
      const { vm } = readable
      const before = known.vms.get(vm.uuid)
      const samples = (read.get(vm.id) ?? []).filter((sample) => sample.atMs <= cutMs)
      const vmGrowths = samples.map((sample) => vmGrowth(sample, readable))
      const startedAt = this.#startedAt.get(vm.uuid)
      const seenMs = startedAt === undefined ? undefined : startedAt + known.clockOffsetMs
      const next = advance(before, vmGrowths, { beganAtMs: vm.bootedAtMs ?? seenMs, hasCpu: true })
      if (next.state !== undefined) totals.set(vm.uuid, next.state)
      const from = before ?? beginOf(next.told)
      if (from !== undefined) replayable.set(vm.uuid, from)
      const isOff = !mayHaveSamples(vm, next.state, { host: host.state, intervalMs })
      return {
        readable,
        told: [...again(this.#kept?.vms.get(vm.uuid)), ...next.told],
        samples: byTime(samples),
        last: before,
        isOff,
      }
    })
    // One that went elsewhere may come back within the hour; later its totals are of no use.
    const oldestMs = (host.state?.atMs ?? 0) - 3_600_000
    for (const [uuid, one] of known.vms) {
      if (!totals.has(uuid) && one.atMs > oldestMs) {
        totals.set(uuid, one)
        replayable.set(uuid, one)
      }
    }
    // A kept run that has ended since has nothing to be compared with.
    const keptHost = this.#kept?.host?.runId === host.state?.runId ? this.#kept?.host : undefined
    const hostTold = [...again(keptHost), ...host.told]
    return {
      totals: { ...known, host: host.state, vms: totals },
      replayable: { ...known, host: known.host ?? beginOf(host.told), vms: replayable },
      timeline: (clockOffsetMs) =>
        host.state === undefined
          ? []
          : timeline(
              {
                told: hostTold,
                samples: byTime(hostSamples),
                lastAtMs: host.state.atMs,
                memoryBytes: facts.facts.memoryBytes,
                threads: facts.facts.cpuThreads,
                nics: facts.nics,
                arrays: [...new Set(arrayOf.values())],
                fileSystems: fileSystemsOf(datastores),
              },
              histories,
              clockOffsetMs,
            ),
    }
  }

  #hostGap(
    host: RunningTotals | undefined,
    {
      serverNowMs,
      intervalMs,
      clockOffsetMs,
    }: { readonly serverNowMs: number; readonly intervalMs: number; readonly clockOffsetMs: number },
  ): readonly Gap[] {
    const lastMs = host?.atMs ?? this.#beganAtMs + clockOffsetMs
    // While a backlog is read the last sample is old, and all is well.
    if (serverNowMs - lastMs <= patience * intervalMs || this.#totals.host?.atMs !== host?.atMs) return []
    const message = 'the server has no new samples of this host'
    return [{ group: 'state', reason: 'disconnected', message, sinceMs: Math.round(lastMs - clockOffsetMs) }]
  }

  async #interval(invoke: Invoke, login: Login, { facts }: HostContext): Promise<number> {
    if (this.#intervalMs === undefined) {
      const args = refElement('entity', { type: 'HostSystem', id: facts.id })
      const [summary] = await invoke('QueryPerfProviderSummary', login.content.perfManager, args)
      const seconds = wholeNumber(childText(summary, 'refreshRate'), 1)
      this.#intervalMs = seconds === undefined || seconds > 3600 ? usualIntervalMs : seconds * 1000
    }
    return this.#intervalMs
  }
}

/**
 * Asks for each of the times alone: then a series without a value is 0, without doubt. The window is half an interval wide, so
 * that a server which counts its start in gives no second sample.
 */
async function oneByOne(
  unclear: readonly { readonly query: PerfQuery; readonly times: readonly number[] }[],
  intervalMs: number,
  ask: (queries: readonly PerfQuery[]) => Promise<ReturnType<typeof samplesIn>>,
): Promise<ReadonlyMap<string, readonly PerfSample[]>> {
  const byId = new Map<string, PerfSample[]>(unclear.map(({ query }) => [query.entity.id, []]))
  const times = new Set(unclear.flatMap((one) => one.times))
  for (const atMs of [...times].toSorted((a, b) => a - b)) {
    const queries = unclear
      .filter((one) => one.times.includes(atMs))
      .map(({ query }) => ({ ...query, afterMs: atMs - intervalMs / 2, untilMs: atMs }))
    for (const { entityId, samples, unclear: isStill } of await ask(queries)) {
      const sample = samples.find((one) => one.atMs === atMs)
      if (sample !== undefined && !isStill) byId.get(entityId)?.push(sample)
    }
  }
  return byId
}

function byTime(samples: readonly PerfSample[]): ReadonlyMap<number, PerfSample> {
  return new Map(samples.map((sample) => [sample.atMs, sample]))
}

/** Where a run began that was not known before: the pass that began it can be told again from there. */
function beginOf([first]: readonly TotalsAt[]): RunningTotals | undefined {
  return first?.isBegin === true ? { runId: first.runId, atMs: first.atMs, totals: first.totals } : undefined
}

function again(kept: RunningTotals | undefined): readonly TotalsAt[] {
  return kept === undefined ? [] : [{ ...kept, isBegin: true }]
}

/** The growths before the first missing interval. */
function upToHole(growths: readonly Growth[]): readonly Growth[] {
  const hole = growths.findIndex((growth, index) => {
    const before = growths[index - 1]
    return before !== undefined && growth.atMs - before.atMs > growth.intervalMs * 1.5
  })
  return hole === -1 ? growths : growths.slice(0, hole)
}

function isAhead(totals: HostTotals, latestMs: number): boolean {
  return totals.host !== undefined && totals.host.atMs > latestMs
}

function waiting(vms: readonly ReadableVm[], sinceMs: number): readonly Gap[] {
  return vms.map(({ vm }) => ({
    vmUuid: vm.uuid,
    group: 'cpu',
    reason: 'failed',
    message: 'its first sample is still to come',
    sinceMs,
  }))
}
