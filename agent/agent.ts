import { hostname } from 'node:os'
import { join } from 'node:path'

import { Backoff } from '../common/backoff.js'
import { Lifecycle, pause } from '../common/lifecycle.js'
import type { Log } from '../common/log.js'
import { areAlike, withAsked } from './asked-intervals.js'
import { AgentCommands } from './commands/agent-commands.js'
import { verbsHere } from './commands/command-checks.js'
import type { AgentConfig } from './config.js'
import { controllerAddress } from './controller-address.js'
import { errandsHere, type Errands } from './errands.js'
import { RefusedLogin } from './hypervisor/esxi/refused-login.js'
import type { Capability, Hypervisor } from './hypervisor/hypervisor.js'
import { cpuSeconds } from './cpu-seconds.js'
import { openMetricsServer, type AgentStatus } from './metrics-server.js'
import { KnownHosts } from './known-hosts.js'
import { entryLabel, loadHostIds, openSources, type Source } from './open-hypervisors.js'
import { EnrolmentRefused, obtainIdentity, RefusedToken } from './report/enrol.js'
import { loadIdentity, type Identity } from './report/identity.js'
import { machineClock } from './report/machine-clock.js'
import { reportToWire, type AgentHealth, type Pass } from './report/report-to-wire.js'
import { SpoolSet } from './report/spool-set.js'
import { encodeMessage, inventoryToWire, type Introduction } from './report/to-wire.js'
import { Uplink } from './report/uplink.js'
import { HostLoop, type Intervals } from './schedule/host-loop.js'

export interface AgentOptions {
  readonly config: AgentConfig
  readonly version: string
  readonly log: Log
  /** In this process if absent. */
  readonly errands?: Errands
  readonly now: () => number
  readonly monotonicMs: () => number
}

/** One host that this agent serves: its source, its loop and what it last said of itself. */
interface Served {
  readonly source: Source
  readonly loop: HostLoop
  capabilities: readonly Capability[]
  inventory: Buffer | undefined
  collectors: Pass['collectors']
  /** As the controller was told. */
  bootId: string
}

export interface Agent {
  readonly metricsPort: number
  status(): AgentStatus
  /** Once it has stopped: a thread hangs in a system call, and the process cannot end by itself. */
  readonly hangs: boolean
  stop(): Promise<void>
}

/**
 * Builds all parts of the agent and connects them. Hypervisors that cannot be reached yet and a controller that is not
 * there yet are waited for; meanwhile /healthz says so.
 */
export async function startAgent(options: AgentOptions): Promise<Agent> {
  const { config, errands = errandsHere, log, now } = options
  const lifecycle = new Lifecycle(log)
  const stop = new AbortController()
  const clock = machineClock(now)
  /** What the wall clock was ahead of the monotonic one. */
  const baseAtStart = now() - options.monotonicMs()
  const spools = new SpoolSet(
    join(config.data, 'spool'),
    {
      maxReports: config.spool.maxReports,
      maxBytes: config.spool.maxSize,
      maxAgeMs: config.spool.maxAge,
    },
    log,
    // How long a report has waited does not depend on whether the machine's clock was set meanwhile.
    () => baseAtStart + options.monotonicMs(),
    clock(),
  )
  spools.start()
  lifecycle.add('spool', () => spools.stop())
  const hostIds = await loadHostIds(config, log)
  const knownHosts = await KnownHosts.load(config.data, log)
  lifecycle.add('known hosts', () => knownHosts.close())
  const served: Served[] = []
  let hangs = false
  let intervals: Intervals = intervalsOf(config)
  let uplink: Uplink | undefined
  let waitingFor = 'the hypervisors are being opened'
  /** Why entries of the configuration are not open yet. */
  const unopened = new Map<object, string>()
  /** Entries of the configuration whose hosts are not there yet. */
  const awaited = new Set(config.hypervisors)

  const dropped = (): number => spools.dropped + (uplink?.tooLarge ?? 0)
  const health = (): AgentHealth => ({
    cpuSeconds: cpuSeconds(),
    rssBytes: process.memoryUsage.rss(),
    spoolReports: spools.size,
    spoolBytes: spools.bytes,
    droppedReports: dropped(),
    skippedTicks: served.reduce((total, one) => total + one.loop.skippedTicks, 0),
  })

  // The controller corrects our times by what the hello said: it must hear when this machine's clock is set.
  let clockBase = baseAtStart
  const watchClock = (): void => {
    const base = now() - options.monotonicMs()
    if (Math.abs(base - clockBase) < clockStepMs) return
    log.warn({ byMs: Math.round(base - clockBase) }, 'the clock of this machine was set')
    clockBase = base
    uplink?.introduceAgain({ clockWasSet: true })
  }

  const commands = await AgentCommands.open({
    dataDir: config.data,
    allow: config.allow,
    programs: config.exec,
    host: (hostId) => {
      const host = served.find(({ source }) => source.hypervisor.identity.hostId === hostId)
      return host && { control: host.source.hypervisor.control }
    },
    mayCome: (hostId) => hostIds.mayBeOf([...awaited], hostId),
    now,
    monotonicMs: options.monotonicMs,
    wake: () => uplink?.tellOfCommands(),
    log,
  })
  lifecycle.add('commands', () => commands.stop())

  const serve = (source: Source): Served => {
    const { hostId, name } = source.hypervisor.identity
    const host: Served = {
      source,
      capabilities: [],
      inventory: undefined,
      collectors: [],
      bootId: source.hypervisor.identity.bootId,
      loop: new HostLoop({
        hypervisor: source.hypervisor,
        machine: source.machine,
        intervals: () => intervals,
        log: log.child({ host: name }),
        now,
        monotonicMs: options.monotonicMs,
        onCapabilities: (capabilities) => {
          const changed = JSON.stringify(capabilities) !== JSON.stringify(host.capabilities)
          host.capabilities = capabilities
          // The hello carries them: a new session tells the controller.
          if (changed) uplink?.introduceAgain()
        },
        onInventory: (inventory, revision) => {
          host.inventory = encodeMessage(inventoryToWire(inventory, { hostId, revision, atMs: now() }))
          uplink?.sendInventory(hostId, host.inventory)
        },
        onPass: (pass) => {
          if (pass.collectors.length > 0) host.collectors = pass.collectors
          const { bootId } = source.hypervisor.identity
          // A host that is read from elsewhere may boot while we run.
          if (bootId !== host.bootId) uplink?.introduceAgain()
          host.bootId = bootId
          const agent = pass.lane === 'state' ? health() : undefined
          watchClock()
          const header = { hostId, bootId, agent, clock: clock() }
          spools.add((spoolId, seq) => encodeMessage(reportToWire(pass, { ...header, spoolId, seq })))
        },
      }),
    }
    return host
  }

  const status = (): AgentStatus => ({
    version: options.version,
    connected: uplink?.connected ?? false,
    problem: uplink?.problem ?? '',
    reconnects: uplink?.reconnects ?? 0,
    spoolReports: spools.size,
    spoolBytes: spools.bytes,
    droppedReports: dropped(),
    commands: commands.figures(),
    waitingFor,
    unopened: [...unopened.values()],
    hosts: served.map(({ source, loop, collectors }) => ({
      name: source.hypervisor.identity.name,
      unreachable: loop.unreachable,
      problem: loop.problem,
      lastPassAt: loop.lastPassAt,
      skippedTicks: loop.skippedTicks,
      collectors,
    })),
  })

  const metrics = await openMetricsServer({
    ...config.metrics,
    status,
    now,
    staleAfterMs: () => intervals.stateMs * 5,
  })
  lifecycle.add('metrics server', () => metrics.close())

  let reporting = false
  const startHost = ({ loop, source }: Served): void => {
    loop.start()
    lifecycle.add(`schedule of ${source.hypervisor.identity.name}`, () => loop.stop())
  }

  /** Each hypervisor on its own: one that is not there keeps no other waiting, and joins when it comes. */
  const openEntry = async (entry: AgentConfig['hypervisors'][number]): Promise<void> => {
    const refusedLogin = new RefusedLogin()
    const sources = await persistently(
      stop.signal,
      log,
      `the hypervisor (${entryLabel(entry)}) is not there`,
      (problem) => {
        unopened.set(entry, problem)
        if (served.length === 0) waitingFor = problem
      },
      () => openSources(entry, config, { errands, hostIds, refusedLogin, log, now, signal: stop.signal }),
    )
    unopened.delete(entry)
    for (const source of sources ?? []) {
      lifecycle.add(`hypervisor ${source.hypervisor.identity.name}`, () => source.hypervisor.close())
      lifecycle.add(`machine of ${source.hypervisor.identity.name}`, async () => {
        if ((await source.machine?.close?.()) === false) hangs = true
      })
    }
    const hosts = (sources ?? []).map((source) => serve(source))
    // Capabilities and inventories first, so that the hello is complete.
    await Promise.all(hosts.map(({ loop }) => loop.prepare()))
    served.push(...hosts)
    if (sources !== undefined) awaited.delete(entry)
    if (!reporting || stop.signal.aborted) return
    uplink?.introduceAgain()
    for (const host of hosts) {
      if (host.inventory !== undefined) uplink?.sendInventory(host.source.hypervisor.identity.hostId, host.inventory)
      startHost(host)
    }
  }
  const openings = config.hypervisors.map((entry) => openEntry(entry))

  const run = async (): Promise<void> => {
    await Promise.race(openings)
    // A token is good once, and grants the hosts that are named with it: the others get a moment to be there too.
    if ((await loadIdentity(config.data)) === undefined) {
      await Promise.race([Promise.all(openings), pause(othersWithinMs, stop.signal)])
    }
    const [controller] = config.controllers
    if (controller === undefined || stop.signal.aborted) return
    waitingFor = 'waiting for enrolment'
    const refused = new RefusedToken()
    const identity = await persistently(
      stop.signal,
      log,
      'not enrolled yet',
      (problem) => {
        waitingFor = problem
      },
      (): Promise<Identity> =>
        obtainIdentity({
          dataDir: config.data,
          address: controller.address,
          joinTokenFile: controller.joinTokenFile,
          agentName: config.name ?? hostname(),
          version: options.version,
          hosts: served.map(({ source }) => source.hypervisor.identity),
          log,
          now,
          certificateRequest: () => errands.certificateRequest(),
          refused,
          signal: stop.signal,
        }),
    )
    if (identity === undefined || stop.signal.aborted) return
    waitingFor = ''
    uplink = new Uplink(
      {
        address: controllerAddress(config, identity),
        dataDir: config.data,
        version: options.version,
        spools,
        introductions: () =>
          knownHosts.named(
            served.map(({ source, capabilities }) => ({
              identity: source.hypervisor.identity,
              capabilities,
              ...verbsOf(source.hypervisor, config),
            })),
            // Reports that wait may be of hosts that the configuration does not have any more.
            awaited.size > 0 || spools.backlog.length > 0,
          ),
        inventories: () =>
          new Map(
            served.flatMap(({ source, inventory }) =>
              inventory === undefined ? [] : [[source.hypervisor.identity.hostId, inventory] as const],
            ),
          ),

        onSettings: (asked) => {
          const before = intervals
          intervals = withAsked(before, asked)
          if (!areAlike(before, intervals)) log.info({ intervals }, 'intervals set by the controller')
        },
        commands,
        certificateRequest: () => errands.certificateRequest(),
        clock,
        log,
        now,
      },
      identity,
    )
    uplink.start()
    lifecycle.add('uplink', () => uplink?.stop())
    reporting = true
    for (const host of served) startHost(host)
  }
  const running = run().catch((error: unknown) => {
    waitingFor = error instanceof Error ? error.message : String(error)
    log.fatal({ err: error }, 'the agent cannot go on')
  })

  return {
    metricsPort: metrics.port,
    status,
    get hangs() {
      return hangs
    },
    async stop() {
      stop.abort()
      await Promise.allSettled([running, ...openings])
      await lifecycle.stop()
    },
  }
}

/** Tries until it works or the signal aborts. Says the problem once each time it changes. Enrolment refusals are tried on too: a person may put a new token there. */
async function persistently<Result>(
  signal: AbortSignal,
  log: Log,
  what: string,
  onProblem: (problem: string) => void,
  work: () => Promise<Result>,
): Promise<Result | undefined> {
  const backoff = new Backoff({ baseMs: 500, capMs: 10_000 })
  let last = ''
  while (!signal.aborted) {
    try {
      return await work()
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error)
      if (message !== last) {
        const level = error instanceof EnrolmentRefused ? 'error' : 'warn'
        log[level]({ reason: message }, what)
      }
      last = message
      onProblem(`${what}: ${message}`)
      await pause(backoff.nextMs(), signal)
    }
  }
  return undefined
}

/** What can be done on a host, whatever is allowed. */
function verbsOf({ control }: Hypervisor, { allow, exec }: AgentConfig): Pick<Introduction, 'verbs' | 'verbsReason'> {
  if (control !== undefined)
    return {
      verbs: [...verbsHere(control, exec)],
      ...(control.lacks !== undefined && { verbsReason: control.lacks.all }),
    }
  return { verbsReason: allow.length === 0 ? 'the agent only observes' : 'hosts of this kind can only be read' }
}

function intervalsOf(config: AgentConfig): Intervals {
  const { state, fast, block, guestMemory, inventory } = config.intervals
  return {
    stateMs: bounded(state),
    fastMs: bounded(fast),
    blockMs: bounded(block),
    guestMemoryMs: bounded(guestMemory),
    inventoryMs: bounded(inventory),
  }
}

/** After the first hypervisor, the others. */
const othersWithinMs = 10_000

/** A clock that moved by less is drifting, or being slewed. */
const clockStepMs = 2000

/** Bounds of the intervals that are configured here; those of what a controller may ask for are narrower. */
const shortestMs = 500
const longestMs = 3_600_000

function bounded(intervalMs: number): number {
  return Math.min(longestMs, Math.max(shortestMs, intervalMs))
}
