import { randomBytes } from 'node:crypto'
import { readFile, statfs } from 'node:fs/promises'
import { join } from 'node:path'

import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client'

import { makeDirectoryDurably, writeDurably } from '../common/durable-file.js'
import { Lifecycle } from '../common/lifecycle.js'
import type { Log } from '../common/log.js'
import { openWays } from './alerts/channels/open-channels.js'
import { ArrayWatch } from './array-watch/array-watch.js'
import { AlertDesk } from './alerts/desk/alert-desk.js'
import { SpareNumber } from './alerts/desk/spare-number.js'
import { alertSettingsOf, madeOnce, worldSources } from './alerts/policy-settings.js'
import { startApi, type Api } from './api/start-api.js'
import { ControllerAudit } from './audit/controller-audit.js'
import { CommandDesk } from './commands/command-desk.js'
import { commandMetrics } from './commands/command-metrics.js'
import { copiesElsewhere } from './commands/copies.js'
import type { ControllerConfig } from './config.js'
import { boxesOf, ownDisks } from './checks/storage.js'
import { FleetLook } from './fleet-look.js'
import { Fleet } from './fleet/fleet.js'
import { AgentRegistry } from './ingest/agent-registry.js'
import { openCertificateAuthority } from './ingest/ca.js'
import { Enrolment } from './ingest/enrolment.js'
import { openIngestServer } from './ingest/grpc-server.js'
import { ingestMetrics } from './ingest/ingest-metrics.js'
import type { OpenSessions } from './ingest/open-sessions.js'
import { RememberedHosts } from './ingest/remembered-from-wire.js'
import { ReportWriter } from './ingest/report-writer.js'
import type { Intervals } from './ingest/to-wire.js'
import { LoadHistory } from './plans/load-history.js'
import { PlanDesk } from './plans/plan-desk.js'
import { PlanShadow } from './plans/plan-shadow.js'
import { Planning } from './plans/planning.js'
import { LivePolicy } from './policy/live-policy.js'
import { PolicyHistory } from './policy/policy-history.js'
import { policyIndex } from './policy/policy-index.js'
import { policyMetrics } from './policy/policy-metrics.js'
import { labelsOf } from './policy/resolve.js'
import { RemedyDesk } from './remedies/remedy-desk.js'
import { openEmbeddedState } from './store/embedded-state/embedded-state.js'
import { BackupDesk } from './store/embedded/backup-desk.js'
import { openStore } from './store/open-store.js'
import { storeMetrics } from './store/store-metrics.js'
import { SpaceTrends } from './trends/space-trends.js'
import { certificateEnds } from './watch/certificate-ends.js'
import { ChangeWatch } from './watch/change-watch.js'
import { circumstancesNow } from './watch/circumstances-now.js'
import { ServiceWatch } from './watch/service-watch.js'

export interface ControllerOptions {
  readonly config: ControllerConfig
  readonly version: string
  readonly log: Log
  readonly now: () => number
  /** Where the built page is. */
  readonly webDir: string | undefined
}

export interface Controller {
  /** Base address of page and API. */
  readonly url: string
  readonly grpcPort: number
  loginLink(): Promise<string>
  stop(): Promise<void>
}

const tickEveryMs = 1000
const lookAtTrendsEveryMs = 60_000
const lookAtOverlapEveryMs = 3_600_000
const localTokenValidMs = 365 * 86_400_000

/** Builds all parts of the controller and connects them, from the store up to the page. */
export async function startController(options: ControllerOptions): Promise<Controller> {
  const { config, version, log, now } = options
  const lifecycle = new Lifecycle(log)
  try {
    return await build(options, lifecycle)
  } catch (error) {
    log.debug({ version, data: config.data, at: now() }, 'start failed; what was started is stopped')
    await lifecycle.stop()
    throw error
  }
}

async function build(options: ControllerOptions, lifecycle: Lifecycle): Promise<Controller> {
  const { config, version, log, now } = options
  const dir = join(config.data, 'controller')
  makeDirectoryDurably(dir)
  const state = openEmbeddedState({ path: join(dir, 'state.db') })
  lifecycle.add('state store', () => state.close())
  const audit = await ControllerAudit.open(state)
  const policyHistory = new PolicyHistory(state, audit)
  const policy = await LivePolicy.open({ file: config.policyFile, history: policyHistory, log, now })
  policy.start()
  lifecycle.add('policy', () => policy.stop())
  const { store, embedded } = await openStore({
    config: config.store,
    retention: config.retention,
    directory: dir,
    log,
    now,
  })
  lifecycle.add('time series', () => store.close())
  const backups = embedded === undefined ? undefined : await BackupDesk.open(embedded, dir, log, now)
  if (backups !== undefined) lifecycle.add('backup', () => backups.close())

  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  storeMetrics(registry, store)
  policyMetrics(registry, policy)
  const metrics = ingestMetrics(registry)

  const fleet = new Fleet()
  fleetMetrics(registry, fleet)

  const writer = new ReportWriter({ store, metrics, log, maxPending: 4096, maxPoints: 20_000 })
  await writer.start()
  lifecycle.add('report writer', () => writer.stop())

  const ca = await openCertificateAuthority(state, now())
  const agents = new AgentRegistry(state, ca)
  const remembered = new RememberedHosts(state, log)
  // What was told by one that is revoked was perhaps not forgotten before the last end.
  const trusted = new Set((await agents.list()).map(({ id }) => id))
  for (const input of await remembered.inputs((agentId) => trusted.has(agentId))) fleet.apply(input, now())
  // What is remembered is what the fleet is compared with as its agents come back.
  const changes = await ChangeWatch.open({ fleet, state, registry, log })
  lifecycle.add('recent changes', () => changes.stop())
  if (config.auth.localAgent) await offerLocalToken(join(dir, 'local-join-token'), agents, config, now)
  const sessions: OpenSessions = new Map()
  const watched: { arrays?: ArrayWatch } = {}
  const commands = await CommandDesk.open({
    state,
    audit,
    hostName: (hostId) => fleet.snapshot().hosts.get(hostId)?.name ?? hostId,
    ownerOf: (vm) => labelsOf(policyIndex(policy.policy()), vm).owner?.value,
    approvals: () => policy.policy().approvals,
    copies: (vm) => copiesElsewhere(fleet.snapshot(), vm),
    boxesOf: (vm) => {
      const snapshot = fleet.snapshot()
      const boxOf = boxesOf(snapshot, policy.policy())
      const boxes = ownDisks(vm, snapshot).map(({ arrayKey }) => boxOf(arrayKey))
      return [...new Map(boxes.map(({ id, name }) => [id, { id, name }])).values()]
    },
    conditionOf: (boxId) => (watched.arrays === undefined ? 'not-yet' : watched.arrays.conditionOf(boxId)),
    // Nobody approves before they are there.
    whyNot: (command) => remedies.whyNot(command),
    now,
    newId: () => randomBytes(16).toString('hex'),
    log,
  })
  commandMetrics(registry, () => commands.figures())
  commands.start()
  lifecycle.add('commands', () => commands.stop())
  const {
    limits: { connections, ...limits },
    ...address
  } = config.grpc
  const ingest = await openIngestServer({
    ...address,
    ca,
    registry: agents,
    metrics,
    log,
    now,
    session: {
      fleet,
      writer,
      registry: agents,
      metrics,
      log,
      now,
      intervals: () => intervalsFor(config.intervals, fleet.snapshot().hosts.size),
      sessions,
      remembered,
      commands,
    },
    renewExpiredWithinMs: config.auth.renewExpiredWithin,
    audit: (what) => audit.record(now(), what),
    connectionLimits: { ...limits, agents: connections },
    agentLimits: limits,
  })
  lifecycle.add('gRPC', () => ingest.close())
  const enrolment = new Enrolment({
    registry: agents,
    ca,
    sessions,
    refreshCertificate: () => ingest.refreshCertificate(),
    leaveFleet: async (agentId) => {
      fleet.apply({ type: 'agent-revoked', agentId }, now())
      await remembered.keepOnly(agentId, new Set())
    },
    overlapMs: config.auth.caOverlap,
    audit: (what) => audit.record(now(), what),
    log,
    now,
  })
  lifecycle.add('enrolment', () => enrolment.stop())
  endOverlapInTime(enrolment, log, lifecycle)

  const tick = setInterval(() => {
    fleet.apply(
      { type: 'tick', silentAfterMs: intervalsFor(config.intervals, fleet.snapshot().hosts.size).stateMs * 3 + 5000 },
      now(),
    )
  }, tickEveryMs)
  lifecycle.add('tick', () => clearInterval(tick))

  const { limits: httpLimits, publicUrl, trustProxy, ...httpAddress } = config.http
  const settings = madeOnce(alertSettingsOf)
  const trends = new SpaceTrends({ store, snapshot: () => fleet.snapshot(), registry, log, now, random: Math.random })
  trends.start(lookAtTrendsEveryMs)
  lifecycle.add('trends', () => trends.stop())
  const service = new ServiceWatch({
    certificates: async () => certificateEnds(await agents.list(), ca, ingest, config.auth.renewExpiredWithin),
    store: async () => ({
      health: await store.health(),
      writeProblem: writer.problem,
      queueMaxBytes: config.store.kind === 'embedded' ? undefined : config.store.queue.maxSize,
      disk: await diskOf(dir),
    }),
    log,
    now,
  })
  service.start()
  lifecycle.add('watch of the controller itself', () => service.stop())
  const arrays = await ArrayWatch.open({
    fleet,
    policy: () => policy.inForce().policy,
    fastMs: () => intervalsFor(config.intervals, fleet.snapshot().hosts.size).fastMs,
    state,
    store,
    registry,
    log,
    now,
  })
  lifecycle.add('arrays', () => arrays.stop())
  watched.arrays = arrays
  const look = new FleetLook({
    fleet,
    policy: () => policy.inForce(),
    // Nobody looks before the desk is there.
    circumstances: circumstancesNow({
      changes,
      service,
      trends,
      arrays,
      channels: {
        get troubles() {
          return alerts.troubles
        },
      },
      moves: {
        get unsettled() {
          return commands.unsettledMoves
        },
      },
      version,
    }),
  })
  const alerts: AlertDesk = await AlertDesk.open({
    state,
    spareNumber: new SpareNumber(join(dir, 'alert-number')),
    registry,
    log,
    look: () => {
      const seen = look.current()
      return { ...worldSources(seen), findings: [...seen.findings.stands, ...seen.findings.kept] }
    },
    settings: () => settings(policy.inForce().policy),
    openWays: (routes) => openWays(routes, { mail: config.mail, publicUrl, now }),
    now,
    monotonicMs: () => performance.now(),
    random: Math.random,
    newId: () => randomBytes(8).toString('hex'),
  })
  lifecycle.add('alerts', () => alerts.stop())
  const remedies = new RemedyDesk({ alerts, commands, sight: () => look.current(), now, log })
  lifecycle.add('remedies of alerts', () => remedies.stop())
  // One after the other: so what is new of arrays is judged once, with all the rest.
  const beat = setInterval(() => {
    arrays.look()
    alerts.beat()
    remedies.beat()
  }, tickEveryMs)
  lifecycle.add('beat of arrays and alerts', () => clearInterval(beat))

  const utcOffsetMinutes = (): number => -new Date(now()).getTimezoneOffset()
  const planning = new Planning({
    look,
    commands,
    history: new LoadHistory({ store, now, utcOffsetMinutes }),
    now,
  })
  const rights: { api?: Pick<Api, 'stillMay'> } = {}
  const plans = await PlanDesk.open({
    state,
    audit,
    planning,
    commands,
    look,
    // No plan goes on before users and tokens are there.
    stillMay: (right) => rights.api?.stillMay(right),
    now,
    utcOffsetMinutes,
    log,
  })
  const shadow = await PlanShadow.open({ state, planning, plans, look, now, utcOffsetMinutes, log })
  shadow.start()
  lifecycle.add('looks of the planner', () => shadow.stop())
  const api = await startApi({
    ...httpAddress,
    httpLimits,
    trustProxy,
    streamLimits: httpLimits,
    fleet,
    look,
    store,
    state,
    policy: () => policy.inForce(),
    policyHistory,
    alerts,
    arrays,
    commands,
    planning,
    plans,
    shadow,
    remedies,
    audit,
    log,
    version,
    staticDir: options.webDir,
    registry,
    ready: () => {
      const reasons = writer.problem === '' ? [] : [`the store does not take data: ${writer.problem}`]
      return { ok: reasons.length === 0, reasons }
    },
    now,
    tokenFile: join(dir, 'api-token'),
    enrolment,
    backups,
    agentEndpoint: { host: config.grpc.host, port: ingest.port, advertise: config.grpc.advertise },
  })
  lifecycle.add('API', () => api.close())
  rights.api = api
  plans.start()
  lifecycle.add('plans', () => plans.stop())
  return {
    url: api.url,
    grpcPort: ingest.port,
    loginLink: () => api.loginLink(),
    stop: () => lifecycle.stop(),
  }
}

/**
 * A join token for the agent on this machine, in a file that only this user can read. The agent uses it up; a token that
 * was not used is replaced at the next start.
 */
async function offerLocalToken(
  path: string,
  agents: AgentRegistry,
  config: ControllerConfig,
  now: () => number,
): Promise<void> {
  // At every start: an agent that lost its identity, or never got the answer to its enrolment, finds its way back.
  const before = await readFile(path, 'utf8').catch(() => '')
  if (before !== '') await agents.removeJoinToken(before.split('.', 1)[0] ?? '')
  const token = await agents.createJoinToken({
    now: now(),
    validMs: Math.min(localTokenValidMs, config.retention.raw * 10),
    grant: 'any',
    note: 'agent on the controller machine',
  })
  await writeDurably(path, `${token}\n`)
}

async function diskOf(directory: string): Promise<{ readonly freeBytes: number; readonly sizeBytes: number }> {
  const { bavail, blocks, bsize } = await statfs(directory)
  return { freeBytes: bavail * bsize, sizeBytes: blocks * bsize }
}

function endOverlapInTime(enrolment: Enrolment, log: Log, lifecycle: Lifecycle): void {
  const look = (): void => {
    enrolment.endOverlap().catch((error: unknown) => {
      log.error({ err: error }, 'the rotation of the certificate authority could not be ended')
    })
  }
  look()
  const timer = setInterval(look, lookAtOverlapEveryMs)
  lifecycle.add('end of a rotation', () => clearInterval(timer))
}

/** Hosts that one controller serves at the configured beats; with more, the beats grow longer. */
const hostsAtFullPace = 1000
const longestStateMs = 300_000
const longestFastMs = 10_000

/** The beats that agents are given, stretched with the size of the fleet so that its load stays level. */
export function intervalsFor(config: ControllerConfig['intervals'], hosts: number): Intervals {
  const stretch = Math.max(1, hosts / hostsAtFullPace)
  const stretched = (ms: number, mostMs: number): number => Math.round(Math.max(ms, Math.min(ms * stretch, mostMs)))
  return {
    stateMs: stretched(config.state, longestStateMs),
    fastMs: stretched(config.fast, longestFastMs),
    blockMs: stretched(config.block, longestStateMs),
    guestMemoryMs: stretched(config.guestMemory, longestStateMs),
    inventoryMs: config.inventory,
  }
}

function fleetMetrics(registry: Registry, fleet: Fleet): void {
  const contradicted: Counter<'metric'> = new Counter({
    name: 'headroom_fleet_contradicted_figures_total',
    help: 'Figures that were dropped because their hosts say that they cannot measure them',
    labelNames: ['metric'],
    registers: [registry],
    collect: () => {
      contradicted.reset()
      for (const [metric, count] of fleet.contradictions()) contradicted.inc({ metric }, count)
    },
  })
  const gauge = (name: string, help: string, value: () => number): void => {
    const metric: Gauge = new Gauge({ name, help, registers: [registry], collect: () => metric.set(value()) })
  }
  gauge('headroom_fleet_hosts', 'Hosts known', () => fleet.snapshot().hosts.size)
  gauge('headroom_fleet_hosts_up', 'Hosts whose reports arrive', () => {
    return [...fleet.snapshot().hosts.values()].filter((host) => host.status === 'up').length
  })
  gauge('headroom_fleet_vms', 'VMs known', () => fleet.snapshot().vms.size)
  gauge('headroom_fleet_agents_connected', 'Agents with an open session', () => {
    return [...fleet.snapshot().agents.values()].filter((agent) => agent.connected).length
  })
}
