import type { AddressInfo } from 'node:net'
import { resolve } from 'node:path'

import fastifyCookie from '@fastify/cookie'
import fastifySwagger from '@fastify/swagger'
import Fastify, { type FastifyRequest } from 'fastify'
import {
  jsonSchemaTransform,
  serializerCompiler,
  validatorCompiler,
  type ZodTypeProvider,
} from 'fastify-type-provider-zod'
import { Counter, type Registry } from 'prom-client'

import type { Log } from '../../common/log.js'
import { AccessDesk } from '../access/access-desk.js'
import { sessionSchema, tokenSchema, type Caller, type Right } from '../access/caller.js'
import { PasswordHashing } from '../access/password.js'
import { Users } from '../access/users.js'
import type { AlertDesk } from '../alerts/desk/alert-desk.js'
import type { ArrayWatch } from '../array-watch/array-watch.js'
import type { ControllerAudit } from '../audit/controller-audit.js'
import { LimitedAudit } from '../audit/limited-audit.js'
import type { CommandDesk } from '../commands/command-desk.js'
import type { FleetLook } from '../fleet-look.js'
import type { RemedyDesk } from '../remedies/remedy-desk.js'
import type { FleetReader } from '../fleet/fleet-reader.js'
import type { Enrolment } from '../ingest/enrolment.js'
import type { PlanShadow } from '../plans/plan-shadow.js'
import type { PlanDesk } from '../plans/plan-desk.js'
import type { Planning } from '../plans/planning.js'
import type { PolicyInForce } from '../policy/live-policy.js'
import type { PolicyHistory } from '../policy/policy-history.js'
import type { StateStore } from '../store/state-store.js'
import type { TimeSeries } from '../store/time-series.js'
import type { ApiApp } from './app.js'
import { Authenticator } from './authenticator.js'
import { ConnectionGuard, defaultHttpLimits, type HttpLimits } from './connection-guard.js'
import { answerBrokenRequest, sendError } from './error-handler.js'
import { FleetViews } from './fleet-views.js'
import { Grants } from './grants.js'
import { addGuard, type RouteAccess } from './guard.js'
import { ensureLocalToken, localAdmin } from './local-token.js'
import { isLoopbackHost } from './origin.js'
import { noteRefused } from './refused-requests.js'
import { addAgentRoutes } from './routes/agents.js'
import { addAlertHistoryRoute } from './routes/alert-history.js'
import { addAlertRouteRoutes } from './routes/alert-routes.js'
import { addAlertRoutes } from './routes/alerts.js'
import { addArrayRoutes } from './routes/arrays.js'
import { addAuthorityRoutes } from './routes/authority.js'
import { addAuditRoutes } from './routes/audit.js'
import { addCapacityForecastRoute } from './routes/capacity-forecast.js'
import { addCapacityRoute } from './routes/capacity.js'
import { addCommandRoutes } from './routes/commands.js'
import { addEventHistoryRoute } from './routes/event-history.js'
import { addEventStreamRoute } from './routes/event-stream.js'
import { addFleetRoute } from './routes/fleet.js'
import { addHealthRoutes, type Readiness } from './routes/health.js'
import { addHostRoutes } from './routes/hosts.js'
import { addJoinTokenRoutes, type AgentEndpoint } from './routes/join-tokens.js'
import { addPlanRoutes } from './routes/plans.js'
import { addOpenapiRoute } from './routes/openapi.js'
import { addPolicyRoutes } from './routes/policy.js'
import { addQueueRoutes } from './routes/queue.js'
import { addRemedyRoute } from './routes/remedies.js'
import { addSeriesRoute } from './routes/series.js'
import { addSessionRoutes } from './routes/session.js'
import { addSilenceRoutes } from './routes/silences.js'
import { addStoreBackupRoutes, type Backups } from './routes/store-backup.js'
import { addTokenRoutes } from './routes/tokens.js'
import { addTopRoute } from './routes/top.js'
import { addUserRoutes } from './routes/users.js'
import { addVmActionRoute } from './routes/vm-actions.js'
import { addVmRoutes } from './routes/vms.js'
import { addWhyRoute } from './routes/why.js'
import { addStaticPage } from './static-page.js'
import { defaultHubLimits, StreamHub, type HubLimits } from './stream-hub.js'

export interface ApiOptions {
  /** Address to listen on. Only on a loopback address is the Host header held against this machine's own names. */
  readonly host: string
  /** 0: any free one. */
  readonly port: number
  readonly fleet: FleetReader
  readonly look: Pick<FleetLook, 'current'>
  readonly store: TimeSeries
  readonly state: StateStore
  readonly policy: () => PolicyInForce
  readonly policyHistory: Pick<PolicyHistory, 'list' | 'version'>
  readonly alerts: AlertDesk
  /** Absent where nobody watches them. */
  readonly arrays?: Pick<ArrayWatch, 'subscribe'>
  readonly commands: CommandDesk
  readonly planning: Planning
  readonly plans: PlanDesk
  readonly shadow: Pick<PlanShadow, 'current'>
  readonly remedies: RemedyDesk
  readonly audit: ControllerAudit
  readonly log: Log
  readonly version: string
  /** Where the built page is; without it there is only the API. */
  readonly staticDir: string | undefined
  /** Gets the API's own metrics, and is what `/metrics` answers. */
  readonly registry: Registry
  readonly ready: () => Readiness
  readonly now: () => number
  /** Where the local administrator's token is kept. */
  readonly tokenFile: string
  readonly enrolment: Enrolment
  /** Absent where the time series are kept by a server of their own. */
  readonly backups?: Backups
  readonly agentEndpoint: AgentEndpoint
  readonly streamLimits?: Partial<HubLimits>
  readonly httpLimits?: Partial<HttpLimits>
  /** Proxies that are believed where a request comes from; none if absent. */
  readonly trustProxy?: readonly string[]
  /** How dear passwords are to guess; tests want it cheap. */
  readonly passwords?: PasswordHashing
}

export interface Api {
  readonly url: string
  readonly port: number
  /** Every route, and who may call it. */
  readonly routes: readonly RouteAccess[]
  /** A link that opens the page, once, within 15 minutes. */
  loginLink(): Promise<string>
  /** What somebody may now who was let in before; undefined: nothing any more. */
  stillMay(right: Right): Caller | undefined
  /** Ends event streams at once, lets running requests end, and closes. */
  close(): Promise<void>
}

/** How long running requests may take to end when the server closes. */
const closeMs = 2000
const bodyLimit = 64 * 1024

/**
 * Starts the HTTP API and the page. Resolves when it listens and the local administrator's token is in its file.
 * @throws Error if the address cannot be used
 */
export async function startApi(options: ApiOptions): Promise<Api> {
  const { host, port, state, log, now, registry, audit, commands, passwords = new PasswordHashing() } = options
  const tokens = await Grants.load({ state, table: 'apiTokens', schema: tokenSchema, most: 1000, log })
  const sessions = await Grants.load({
    state,
    table: 'sessions',
    schema: sessionSchema,
    most: 10_000,
    mostOfName: 50,
    log,
  })
  const users = await Users.load(state, log)
  await ensureLocalToken(options.tokenFile, tokens, now())
  const authenticator = new Authenticator({ tokens, sessions, users, passwords })
  const access = new AccessDesk({
    users,
    tokens,
    sessions,
    passwords,
    audit,
    dropWaiting: async (name, why) => {
      await options.plans.stopOf(name, why)
      await commands.dropWaiting(name, why)
    },
    now,
  })
  const limitedAudit = new LimitedAudit(audit, log)
  const views = new FleetViews(options.look, options.alerts)
  const limits = { ...defaultHubLimits, ...options.streamLimits }
  const { fleet, alerts, arrays } = options
  const hub = new StreamHub({ fleet, alerts, arrays, views, registry, log, limits })
  const httpLimits = { ...defaultHttpLimits, ...options.httpLimits }
  const guard = new ConnectionGuard({ limits: httpLimits, registry, log, monotonicMs: () => performance.now() })
  const app = createApp({ log, limits: httpLimits, guard, trustProxy: options.trustProxy ?? [] }, (error, request) =>
    noteRefused(error, request, limitedAudit, now()),
  )
  guard.watch(app.server)
  let routes: readonly RouteAccess[]
  try {
    await addPlugins(app, options)
    countRequests(app, registry)
    routes = addGuard(app, { authenticator, now, loopbackOnly: isLoopbackHost(urlHost(host)) })
    addRoutes(app, options, { authenticator, access, limitedAudit, views, hub })
    await addStaticPage(app, options.staticDir === undefined ? undefined : resolve(options.staticDir))
    await app.listen({ host, port })
  } catch (error) {
    hub.close()
    await app.close()
    throw error
  }
  const boundPort = portOf(app.server.address())
  const url = urlOf(host, boundPort)
  return {
    url,
    port: boundPort,
    routes,
    loginLink: () => {
      const made = authenticator.createLoginKeyOf(localAdmin, now())
      return made === undefined
        ? Promise.reject(new Error('the token of this machine is gone'))
        : Promise.resolve(`${url}/login?key=${made.key}`)
    },
    stillMay: (right) => authenticator.stillMay(right, now()),
    close: async () => {
      hub.close()
      const deadline = setTimeout(() => app.server.closeAllConnections(), closeMs)
      await app.close()
      clearTimeout(deadline)
    },
  }
}

function createApp(
  {
    log,
    limits,
    guard,
    trustProxy,
  }: {
    readonly log: Log
    readonly limits: HttpLimits
    readonly guard: ConnectionGuard
    readonly trustProxy: readonly string[]
  },
  noteError: (error: unknown, request: FastifyRequest) => Promise<void>,
): ApiApp {
  const app: ApiApp = Fastify({
    logger: false,
    bodyLimit,
    trustProxy: trustProxy.length === 0 ? false : [...trustProxy],
    // A browser keeps connections open; they must not hold up the end.
    forceCloseConnections: 'idle',
    requestTimeout: limits.requestMs,
    keepAliveTimeout: limits.keepAliveMs,
    http: { headersTimeout: limits.headersMs, connectionsCheckingInterval: limits.checkMs },
    routerOptions: { maxParamLength: 500 },
    clientErrorHandler: (error, socket) => answerBrokenRequest(guard.broken(error, socket), socket),
    frameworkErrors: (error, request, reply) => {
      void sendError(error, request, reply, log)
    },
  }).withTypeProvider<ZodTypeProvider>()
  app.setValidatorCompiler(validatorCompiler)
  app.setSerializerCompiler(serializerCompiler)
  app.setErrorHandler(async (error, request, reply) => {
    await noteError(error, request)
    return sendError(error, request, reply, log)
  })
  app.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'string', bodyLimit: 8192 },
    (_request, body, done) => done(null, Object.fromEntries(new URLSearchParams(String(body)))),
  )
  return app
}

async function addPlugins(app: ApiApp, { version }: ApiOptions): Promise<void> {
  await app.register(fastifyCookie)
  await app.register(fastifySwagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'headroom',
        version,
        description: 'A metric that is not known is left out of an answer. Times are milliseconds since the epoch.',
      },
      components: {
        securitySchemes: {
          token: { type: 'http', scheme: 'bearer' },
          session: { type: 'apiKey', in: 'cookie', name: 'headroom_session' },
        },
      },
      security: [{ token: [] }, { session: [] }],
    },
    transform: jsonSchemaTransform,
  })
}

function addRoutes(
  app: ApiApp,
  {
    store,
    policy,
    policyHistory,
    alerts,
    look,
    commands,
    planning,
    plans,
    shadow,
    remedies,
    audit,
    version,
    registry,
    ready,
    now,
    enrolment,
    agentEndpoint,
    backups,
  }: ApiOptions,
  {
    authenticator,
    access,
    limitedAudit,
    views,
    hub,
  }: {
    authenticator: Authenticator
    access: AccessDesk
    limitedAudit: LimitedAudit
    views: FleetViews
    hub: StreamHub
  },
): void {
  addHealthRoutes(app, { ready, registry })
  addSessionRoutes(app, { authenticator, audit: limitedAudit, now })
  addUserRoutes(app, access, { authenticator, audit: limitedAudit, now })
  addTokenRoutes(app, access)
  addFleetRoute(app, { views, policy, store, version, now })
  addHostRoutes(app, { views, commands })
  addVmRoutes(app, views)
  addVmActionRoute(app, { commands, look })
  addWhyRoute(app, { views, alerts, store, now })
  addArrayRoutes(app, views)
  addAgentRoutes(app, views, enrolment)
  addJoinTokenRoutes(app, enrolment, agentEndpoint)
  addAuthorityRoutes(app, enrolment)
  addCapacityRoute(app, views)
  addCapacityForecastRoute(app, { views, store, now })
  addPolicyRoutes(app, { views, policy, history: policyHistory, now })
  addAlertRoutes(app, alerts, remedies)
  addRemedyRoute(app, remedies, now)
  addAlertHistoryRoute(app, alerts, now)
  addSilenceRoutes(app, alerts)
  addQueueRoutes(app, commands)
  addCommandRoutes(app, { commands, look, now })
  addPlanRoutes(app, { planning, plans, shadow, look, now })
  addAuditRoutes(app, { audit, look })
  addAlertRouteRoutes(app, alerts)
  addSeriesRoute(app, { views, store, now })
  addTopRoute(app, { views, store, now })
  addStoreBackupRoutes(app, backups)
  addEventHistoryRoute(app, { views, store, now })
  addEventStreamRoute(app, { hub, authenticator, now })
  addOpenapiRoute(app)
}

function countRequests(app: ApiApp, registry: Registry): void {
  const counter = new Counter({
    name: 'headroom_api_requests_total',
    help: 'Requests answered',
    labelNames: ['method', 'route', 'status'],
    registers: [registry],
  })
  app.addHook('onResponse', (request, reply, done) => {
    // The pattern of the route, not the path: labels must stay few.
    const route = request.is404 ? 'unknown' : (request.routeOptions.url ?? 'unknown')
    counter.inc({ method: request.method, route, status: reply.statusCode })
    done()
  })
}

function urlHost(host: string): string {
  return host.includes(':') ? `[${host}]` : host
}

/** Where a browser on this machine finds the server; one that listens on every address is found on loopback. */
function urlOf(host: string, port: number): string {
  const name = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host
  return new URL(`http://${urlHost(name)}:${port}`).origin
}

function portOf(address: string | AddressInfo | null): number {
  if (address === null || typeof address === 'string') throw new Error('the server has no port')
  return address.port
}
