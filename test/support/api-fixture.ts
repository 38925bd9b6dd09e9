import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { request, type IncomingHttpHeaders } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { Registry } from 'prom-client'

import { createLog } from '../../common/log.js'
import { PasswordHashing } from '../../controller/access/password.js'
import { ControllerAudit } from '../../controller/audit/controller-audit.js'
import { CommandDesk } from '../../controller/commands/command-desk.js'
import { copiesElsewhere } from '../../controller/commands/copies.js'
import { AlertDesk } from '../../controller/alerts/desk/alert-desk.js'
import { SpareNumber } from '../../controller/alerts/desk/spare-number.js'
import type { Way } from '../../controller/alerts/channels/open-channels.js'
import { targetId } from '../../controller/alerts/grouping.js'
import { defaultAlertSettings, type AlertSettings, type Route } from '../../controller/alerts/settings.js'
import { startApi, type Api, type ApiOptions } from '../../controller/api/start-api.js'
import { AgentRegistry } from '../../controller/ingest/agent-registry.js'
import { openCertificateAuthority } from '../../controller/ingest/ca.js'
import { Enrolment } from '../../controller/ingest/enrolment.js'
import type { OpenSessions } from '../../controller/ingest/open-sessions.js'
import type { Message } from '../../controller/model/alert.js'
import type { Finding } from '../../controller/model/finding.js'
import { FleetLook } from '../../controller/fleet-look.js'
import type { Policy } from '../../controller/model/policy.js'
import type { PolicyInForce } from '../../controller/policy/live-policy.js'
import { LoadHistory } from '../../controller/plans/load-history.js'
import { PlanShadow } from '../../controller/plans/plan-shadow.js'
import { PlanDesk } from '../../controller/plans/plan-desk.js'
import { Planning } from '../../controller/plans/planning.js'
import { PolicyHistory } from '../../controller/policy/policy-history.js'
import { defaultPolicy } from '../../controller/policy/policy-file.js'
import { policyIndex } from '../../controller/policy/policy-index.js'
import { labelsOf } from '../../controller/policy/resolve.js'
import { RemedyDesk } from '../../controller/remedies/remedy-desk.js'
import { openEmbeddedStore } from '../../controller/store/embedded/embedded-store.js'
import { openEmbeddedState } from '../../controller/store/embedded-state/embedded-state.js'
import type { StateStore } from '../../controller/store/state-store.js'
import type { TimeSeries } from '../../controller/store/time-series.js'
import { elabSnapshot } from './elab-fleet.js'
import { HandFleet } from './hand-fleet.js'
import { builtAt } from './snapshot-builder.js'

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
}

export interface Ask {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

/** The API over the elab fleet on a free port, with real stores, and a clock that the test sets. */
export interface ApiFixture {
  readonly api: Api
  readonly fleet: HandFleet
  readonly store: TimeSeries
  readonly state: StateStore
  readonly registry: Registry
  readonly tokenFile: string
  readonly token: string
  readonly clock: { now: number }
  /** What is in force; the rest of it is that of a controller without a policy file. */
  readonly rules: { policy: Policy } & Partial<PolicyInForce>
  readonly history: PolicyHistory
  readonly readiness: { ok: boolean; reasons: string[] }
  readonly agents: AgentRegistry
  /** Owner of alerts; it steps when the test says so, its clock is `clock`. What the checks say and the rules are the test's. */
  readonly desk: AlertDesk
  readonly checks: { findings: readonly Finding[]; settings: AlertSettings; readonly sent: Message[] }
  /** Stand-ins for sessions of agents go here. */
  readonly sessions: OpenSessions
  /** Sends exactly this path and these headers; nothing is resolved or added. */
  ask(path: string, ask?: Ask): Promise<Answer>
  /** The JSON of a GET with the administrator's token; throws if the status is not 200. */
  get(path: string): Promise<unknown>
  /** Another API over the same state, as after a restart. */
  restart(): Promise<void>
  stop(): Promise<void>
}

export async function startApiFixture(more: Partial<ApiOptions> = {}): Promise<ApiFixture> {
  const directory = await mkdtemp(join(tmpdir(), 'headroom-api-'))
  const log = createLog('test', 'silent')
  const clock = { now: builtAt }
  const now = (): number => clock.now
  const rules: ApiFixture['rules'] = { policy: defaultPolicy }
  const readiness = { ok: true, reasons: [] as string[] }
  const fleet = new HandFleet(elabSnapshot())
  const ownStore = more.store === undefined ? await openTestStore(directory, now) : undefined
  const store = more.store ?? ownStore
  if (store === undefined) throw new Error('no store')
  const state = openEmbeddedState({ path: join(directory, 'state.db') })
  const history = new PolicyHistory(state)
  const tokenFile = join(directory, 'secrets', 'api-token')
  const ca = await openCertificateAuthority(state, now())
  const agents = new AgentRegistry(state, ca)
  const sessions: OpenSessions = new Map()
  const enrolment = new Enrolment({
    audit: () => Promise.resolve(),
    registry: agents,
    ca,
    sessions,
    refreshCertificate: () => Promise.resolve(),
    leaveFleet: () => Promise.resolve(),
    overlapMs: 86_400_000,
    log,
    now,
  })
  const checks: ApiFixture['checks'] = { findings: [], settings: defaultAlertSettings, sent: [] }
  const start = async (): Promise<{ api: Api; registry: Registry; token: string; desk: AlertDesk }> => {
    const registry = new Registry()
    let ids = 0
    const desk = await AlertDesk.open({
      state,
      spareNumber: new SpareNumber(join(directory, 'alert-number')),
      registry,
      log,
      look: () => ({ snapshot: fleet.snapshot(), findings: checks.findings, said: (vm) => vm }),
      settings: () => checks.settings,
      openWays: (routes) => handWays(routes, checks.sent),
      now,
      monotonicMs: now,
      random: () => 0,
      newId: () => `id${String((ids += 1)).padStart(6, '0')}`,
    })
    const policy = (): PolicyInForce => {
      return { lines: new Map(), file: undefined, version: undefined, problem: undefined, ...rules }
    }
    const circumstances = {}
    const audit = await ControllerAudit.open(state)
    const commands = await CommandDesk.open({
      state,
      audit,
      hostName: (hostId) => fleet.snapshot().hosts.get(hostId)?.name ?? hostId,
      ownerOf: (vm) => labelsOf(policyIndex(rules.policy), vm).owner?.value,
      approvals: () => rules.policy.approvals,
      copies: (vm) => copiesElsewhere(fleet.snapshot(), vm),
      now,
      newId: () => `command-${String((ids += 1)).padStart(6, '0')}`,
      log,
    })
    const look = new FleetLook({ fleet, policy, circumstances: () => circumstances })
    const planning = new Planning({
      look,
      commands,
      history: new LoadHistory({ store, now, utcOffsetMinutes: () => 0 }),
      now,
    })
    const utcOffsetMinutes = (): number => 0
    // Nothing here lets it look, so that no plan goes on.
    const stillMay = (): undefined => undefined
    const plans = await PlanDesk.open({ state, audit, planning, commands, look, stillMay, now, utcOffsetMinutes, log })
    const remedies = new RemedyDesk({ alerts: desk, commands, sight: () => look.current(), now, log })
    const api = await startApi({
      host: '127.0.0.1',
      port: 0,
      fleet,
      look,
      planning,
      plans,
      shadow: await PlanShadow.open({ state, planning, plans, look, now, utcOffsetMinutes, log }),
      remedies,
      store,
      state,
      policy,
      policyHistory: history,
      alerts: desk,
      commands,
      audit,
      passwords: new PasswordHashing({ logN: 4, r: 8, p: 1 }),
      log,
      version: '0.0.0-test',
      staticDir: undefined,
      registry,
      ready: () => readiness,
      now,
      tokenFile,
      enrolment,
      agentEndpoint: { host: '127.0.0.1', port: 8421, advertise: undefined },
      ...more,
    })
    return { api, registry, desk, token: (await readFile(tokenFile, 'utf8')).trim() }
  }
  let running = await start()
  const ask: ApiFixture['ask'] = (path, options) => send(running.api.port, path, options)
  return {
    get api() {
      return running.api
    },
    get registry() {
      return running.registry
    },
    get token() {
      return running.token
    },
    get desk() {
      return running.desk
    },
    checks,
    fleet,
    store,
    state,
    tokenFile,
    clock,
    rules,
    history,
    readiness,
    agents,
    sessions,
    ask,
    get: async (path) => {
      const { status, text } = await ask(path, { headers: { authorization: `Bearer ${running.token}` } })
      if (status !== 200) throw new Error(`GET ${path}: ${status} ${text}`)
      return JSON.parse(text) as unknown
    },
    restart: async () => {
      await running.api.close()
      await running.desk.stop()
      running = await start()
    },
    stop: async () => {
      enrolment.stop()
      await running.api.close()
      await running.desk.stop()
      await ownStore?.close()
      await state.close()
      await rm(directory, { recursive: true })
    },
  }
}

/** Ways that keep what they are given; one to a webhook at `http://refuses/` refuses it. */
function handWays(routes: readonly Route[], sent: Message[]): ReadonlyMap<string, Way> {
  return new Map(
    routes.flatMap((route) =>
      route.to.map((target): [string, Way] => {
        const refuses = target.kind === 'webhook' && target.url === 'http://refuses/'
        const send: Way['channel']['send'] = (message) => {
          if (refuses) return Promise.resolve({ status: 'retry', reason: 'answered 500' })
          sent.push(message)
          return Promise.resolve({ status: 'sent' })
        }
        return [targetId(route.name, target), { route: route.name, target, channel: { send, close: () => undefined } }]
      }),
    ),
  )
}

/** A real time-series store in that directory. */
export function openTestStore(directory: string, now: () => number): Promise<TimeSeries> {
  return openEmbeddedStore({
    path: join(directory, 'series.db'),
    log: createLog('test', 'silent'),
    retention: { rawMs: 100 * 365 * 86_400_000, maxBytes: 1e9 },
    now,
  })
}

function send(port: number, path: string, { method = 'GET', headers = {}, body }: Ask = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ host: '127.0.0.1', port, path, method, headers, agent: false }, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => (text += chunk))
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }))
      response.on('error', reject)
    })
    outgoing.on('error', reject)
    outgoing.end(body)
  })
}
