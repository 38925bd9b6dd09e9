import { z } from 'zod'

import {
  agentView,
  alertDetailView,
  alertHistoryView,
  alertRouteView,
  alertView,
  arrayView,
  auditCheckView,
  auditEntryView,
  backupView,
  authorityView,
  capacityForecastView,
  capacityView,
  commandView,
  queueView,
  type QueueView,
  eventView,
  finishedRotationView,
  fleetView,
  hostView,
  joinTokenView,
  policyCheckView,
  policyTextView,
  policyVersionView,
  policyView,
  type PolicyCheckView,
  type PolicyTextView,
  type PolicyVersionView,
  type PolicyView,
  newJoinTokenView,
  newTokenView,
  routeTestView,
  silenceView,
  tokenView,
  topView,
  userView,
  vmView,
  whyView,
  type AgentView,
  type AlertDetailView,
  type AlertHistoryView,
  type AlertRouteView,
  type AlertView,
  type ArrayView,
  type AuditCheckView,
  type AuditEntryView,
  type BackupView,
  type AuthorityView,
  type CapacityForecastView,
  type CapacityView,
  type CommandView,
  type EventView,
  type FinishedRotationView,
  type FleetView,
  type HostView,
  type JoinTokenView,
  type NewJoinTokenView,
  type NewTokenView,
  type RouteTestView,
  type SilenceView,
  type TokenView,
  type TopView,
  type UserView,
  type VmView,
  type WhyView,
} from '../api/views.js'
import {
  failureCardView,
  keptPlanView,
  planDigestView,
  planView,
  type FailureCardView,
  type KeptPlanView,
  type PlanDigestView,
  type PlanView,
} from '../api/plan-views.js'
import { NotFoundError } from './cli-error.js'
import { type Connection, shownUrl } from './connection.js'
import { download } from './download.js'
import { notAController } from './failure.js'
import { defaultLimits, request, type RequestLimits } from './request.js'
import { similarNames } from './similar-names.js'

const cursor = { nextCursor: z.string().optional() }
const hostPage = z.object({ hosts: z.array(hostView), ...cursor })
const vmPage = z.object({ vms: z.array(vmView), ...cursor })
const arrayPage = z.object({ arrays: z.array(arrayView), ...cursor })
const agentPage = z.object({ agents: z.array(agentView), ...cursor })
const alertPage = z.object({ alerts: z.array(alertView), ...cursor })
const alertHistory = z.object({ history: z.array(alertHistoryView) })
const silences = z.object({ silences: z.array(silenceView) })
const alertRoutes = z.object({ routes: z.array(alertRouteView) })
const eventPage = z.object({ events: z.array(eventView) })
const joinTokens = z.object({ joinTokens: z.array(joinTokenView) })
const policyVersions = z.object({ versions: z.array(policyVersionView) })
const keptPlans = z.object({ plans: z.array(keptPlanView) })
const commandList = z.object({ commands: z.array(commandView) })
const auditList = z.object({ entries: z.array(auditEntryView) })
const userList = z.object({ users: z.array(userView) })
const tokenList = z.object({ tokens: z.array(tokenView) })
const loginLink = z.object({ url: z.string(), expiresAt: z.number() })

export type LoginLink = z.infer<typeof loginLink>

const pageRows = 1000

/** More than any fleet has; a controller that always names a next page must not keep us for ever. */
const mostPages = 10_000

/** The controller's API as this program uses it. Every call throws CliError for what a person can act on. */
export class ApiClient {
  constructor(
    private readonly connection: Connection,
    private readonly limits: RequestLimits = defaultLimits,
  ) {}

  /** The name or address by which this program reaches the controller. */
  get controllerHost(): string {
    return this.connection.url.hostname
  }

  fleet(signal: AbortSignal): Promise<FleetView> {
    return this.#get('fleet', fleetView, signal)
  }

  hosts(signal: AbortSignal): Promise<readonly HostView[]> {
    return this.#all('hosts', hostPage, ({ hosts }) => hosts, signal)
  }

  /** One host by its name or its id. */
  host(name: string, signal: AbortSignal): Promise<HostView> {
    return this.#named('host', name, 'hosts', hostView, () => this.hosts(signal), signal)
  }

  vms(signal: AbortSignal): Promise<readonly VmView[]> {
    return this.#all('vms', vmPage, ({ vms }) => vms, signal)
  }

  /** One VM by its name or its UUID. */
  vm(name: string, signal: AbortSignal): Promise<VmView> {
    return this.#named('VM', name, 'vms', vmView, () => this.vms(signal), signal)
  }

  /** One VM that is known to be there; a plain NotFoundError if it went meanwhile. */
  vmByUuid(uuid: string, signal: AbortSignal): Promise<VmView> {
    return this.#get(`vms/${encodeURIComponent(uuid)}`, vmView, signal)
  }

  /** Everything that bears on one VM, by its name or its UUID. */
  async why(name: string, signal: AbortSignal): Promise<WhyView> {
    const { uuid } = await this.vm(name, signal)
    return this.#get(`vms/${encodeURIComponent(uuid)}/why`, whyView, signal)
  }

  arrays(signal: AbortSignal): Promise<readonly ArrayView[]> {
    return this.#all('arrays', arrayPage, ({ arrays }) => arrays, signal)
  }

  /** One array by its name or its key. */
  array(name: string, signal: AbortSignal): Promise<ArrayView> {
    return this.#named('array', name, 'arrays', arrayView, () => this.arrays(signal), signal)
  }

  agents(signal: AbortSignal): Promise<readonly AgentView[]> {
    return this.#all('agents', agentPage, ({ agents }) => agents, signal)
  }

  capacity(
    sizes: { readonly reserve: string | undefined; readonly vmMemory: string | undefined },
    signal: AbortSignal,
  ): Promise<CapacityView> {
    return this.#get('capacity', capacityView, signal, sizes)
  }

  capacityForecast(
    query: { readonly of: string; readonly days: string },
    signal: AbortSignal,
  ): Promise<CapacityForecastView> {
    return this.#get('capacity/forecast', capacityForecastView, signal, query)
  }

  policy(signal: AbortSignal): Promise<PolicyView> {
    return this.#get('policy', policyView, signal)
  }

  async policyHistory(signal: AbortSignal): Promise<readonly PolicyVersionView[]> {
    return (await this.#get('policy/history', policyVersions, signal)).versions
  }

  policyVersion(number: number, signal: AbortSignal): Promise<PolicyTextView> {
    return this.#get(`policy/history/${number}`, policyTextView, signal)
  }

  /** What the text of a policy file would do. Nothing is changed by asking. */
  checkPolicy(text: string, file: string, signal: AbortSignal): Promise<PolicyCheckView> {
    return this.#post('policy/check', policyCheckView, signal, { text, file: file.slice(-300) })
  }

  /** @param array only what uses that array, by its name or its key */
  top(by: string, count: number, signal: AbortSignal, array: string | undefined): Promise<TopView> {
    return this.#get('top', topView, signal, { by, n: count, array })
  }

  async events(
    filter: { readonly vm: string | undefined; readonly limit: number },
    signal: AbortSignal,
  ): Promise<readonly EventView[]> {
    const { events } = await this.#get('events/history', eventPage, signal, filter)
    return events
  }

  alerts(phase: 'firing' | 'any', signal: AbortSignal): Promise<readonly AlertView[]> {
    return this.#all('alerts', alertPage, ({ alerts }) => alerts, signal, { phase })
  }

  /** An alert that fires or fired, by its number. */
  alert(number: number, signal: AbortSignal): Promise<AlertDetailView> {
    return this.#get(`alerts/${number}`, alertDetailView, signal)
  }

  acknowledgeAlert(number: number, note: string, signal: AbortSignal): Promise<AlertView> {
    return this.#post(`alerts/${number}/ack`, alertView, signal, { note })
  }

  async alertHistory(
    filter: Readonly<Record<string, string | number | undefined>>,
    signal: AbortSignal,
  ): Promise<readonly AlertHistoryView[]> {
    return (await this.#get('alerts/history', alertHistory, signal, filter)).history
  }

  async silences(signal: AbortSignal): Promise<readonly SilenceView[]> {
    return (await this.#get('alerts/silences', silences, signal)).silences
  }

  createSilence(
    silence: { readonly check?: string; readonly subject?: string; readonly for: string; readonly reason: string },
    signal: AbortSignal,
  ): Promise<SilenceView> {
    return this.#post('alerts/silences', silenceView, signal, silence)
  }

  async endSilence(id: string, signal: AbortSignal): Promise<void> {
    await this.#post(`alerts/silences/${encodeURIComponent(id)}/end`, z.object({ id: z.string() }), signal)
  }

  /** @param host its name or id */
  setMaintenance(
    host: string,
    asked: { readonly on: boolean; readonly reason: string },
    signal: AbortSignal,
  ): Promise<HostView> {
    return this.#post(`hosts/${encodeURIComponent(host)}/maintenance`, hostView, signal, asked)
  }

  /** Bulk commands that wait for their turn, the next one first. */
  async queue(signal: AbortSignal): Promise<QueueView['queue']> {
    return (await this.#get('queue', queueView, signal)).queue
  }

  async moveInQueue(id: string, to: number, signal: AbortSignal): Promise<QueueView['queue']> {
    return (await this.#post(`queue/${encodeURIComponent(id)}/move`, queueView, signal, { to })).queue
  }

  /** Carries out what an alert proposes for a VM. */
  carryOutRemedy(
    number: number,
    asked: { readonly vm: string; readonly dryRun: boolean },
    signal: AbortSignal,
  ): Promise<CommandView> {
    return this.#post(`alerts/${number}/remedies`, commandView, signal, asked)
  }

  /** Asks for a command; one that is refused comes back so, with the reason. */
  askCommand(
    asked: {
      readonly verb: string
      readonly vm: string
      readonly args: Readonly<Record<string, string>>
      readonly note?: string
      readonly dryRun: boolean
    },
    signal: AbortSignal,
  ): Promise<CommandView> {
    return this.#post('commands', commandView, signal, asked)
  }

  /** By its number or its id. */
  command(id: string, signal: AbortSignal): Promise<CommandView> {
    return this.#get(`commands/${encodeURIComponent(id)}`, commandView, signal)
  }

  async commands(
    filter: { readonly state: string; readonly limit: number },
    signal: AbortSignal,
  ): Promise<readonly CommandView[]> {
    return (await this.#get('commands', commandList, signal, filter)).commands
  }

  cancelCommand(id: string, signal: AbortSignal): Promise<CommandView> {
    return this.#post(`commands/${encodeURIComponent(id)}/cancel`, commandView, signal)
  }

  approveCommand(id: string, signal: AbortSignal): Promise<CommandView> {
    return this.#post(`commands/${encodeURIComponent(id)}/approve`, commandView, signal)
  }

  rejectCommand(id: string, reason: string, signal: AbortSignal): Promise<CommandView> {
    return this.#post(`commands/${encodeURIComponent(id)}/reject`, commandView, signal, { reason })
  }

  async users(signal: AbortSignal): Promise<readonly UserView[]> {
    return (await this.#get('users', userList, signal)).users
  }

  addUser(
    user: { readonly name: string; readonly role: string; readonly password: string },
    signal: AbortSignal,
  ): Promise<UserView> {
    return this.#post('users', userView, signal, user)
  }

  /** Gives a user another role or password, or removes one. */
  changeUser(
    name: string,
    change: { readonly role: string } | { readonly password: string } | 'remove',
    signal: AbortSignal,
  ): Promise<UserView> {
    const path = `users/${encodeURIComponent(name)}`
    if (change === 'remove') return this.#post(`${path}/remove`, userView, signal)
    return this.#post(`${path}/${'role' in change ? 'role' : 'password'}`, userView, signal, change)
  }

  /** Gives the user of these credentials another password. */
  changeOwnPassword(
    passwords: { readonly oldPassword: string; readonly newPassword: string },
    signal: AbortSignal,
  ): Promise<UserView> {
    return this.#post('password', userView, signal, passwords)
  }

  async tokens(signal: AbortSignal): Promise<readonly TokenView[]> {
    return (await this.#get('tokens', tokenList, signal)).tokens
  }

  createToken(
    token: {
      readonly name: string
      readonly role: string
      readonly ofUser: boolean
      readonly owner?: string | undefined
      readonly vms?: readonly string[] | undefined
      readonly verbs?: readonly string[] | undefined
      readonly valid: string
      readonly note: string
    },
    signal: AbortSignal,
  ): Promise<NewTokenView> {
    return this.#post('tokens', newTokenView, signal, token)
  }

  revokeToken(id: string, signal: AbortSignal): Promise<TokenView> {
    return this.#post(`tokens/${encodeURIComponent(id)}/revoke`, tokenView, signal)
  }

  async audit(filter: { readonly limit: number }, signal: AbortSignal): Promise<readonly AuditEntryView[]> {
    return (await this.#get('audit', auditList, signal, filter)).entries
  }

  verifyAudit(signal: AbortSignal): Promise<AuditCheckView> {
    return this.#get('audit/verify', auditCheckView, signal)
  }

  planRebalance(
    asked: {
      readonly maxMoves?: number | undefined
      readonly withCold?: boolean | undefined
      readonly seed?: number | undefined
    },
    signal: AbortSignal,
  ): Promise<PlanView> {
    const { maxMoves, withCold, seed } = asked
    return this.#plan('rebalance', planView, signal, {
      maxMoves,
      withCold: withCold === true ? 'true' : undefined,
      seed,
    })
  }

  planOfHost(kind: 'drain' | 'return', host: string, signal: AbortSignal): Promise<PlanView> {
    return this.#plan(kind, planView, signal, { host })
  }

  planPlace(
    asked: {
      readonly memory: string
      readonly vcpus: number
      readonly class?: string | undefined
      readonly name?: string | undefined
    },
    signal: AbortSignal,
  ): Promise<PlanView> {
    return this.#plan('place', planView, signal, asked)
  }

  failureCard(host: string, signal: AbortSignal): Promise<FailureCardView> {
    return this.#plan('card', failureCardView, signal, { host })
  }

  /** Makes a plan and keeps it. */
  keepPlan(
    asked: {
      readonly kind: 'rebalance' | 'drain' | 'return'
      readonly host?: string | undefined
      readonly maxMoves?: number | undefined
      readonly withCold?: boolean | undefined
    },
    signal: AbortSignal,
  ): Promise<KeptPlanView> {
    return request(
      this.connection,
      { method: 'POST', path: 'plans', body: asked },
      keptPlanView,
      signal,
      this.#patient(),
    )
  }

  async plans(signal: AbortSignal): Promise<readonly KeptPlanView[]> {
    return (await this.#get('plans', keptPlans, signal)).plans
  }

  planDigest(signal: AbortSignal): Promise<PlanDigestView> {
    return this.#get('plans/digest', planDigestView, signal)
  }

  keptPlan(number: number, signal: AbortSignal): Promise<KeptPlanView> {
    return this.#get(`plans/${number}`, keptPlanView, signal)
  }

  changePlan(number: number, change: 'apply' | 'stop', signal: AbortSignal): Promise<KeptPlanView> {
    return this.#post(`plans/${number}/${change}`, keptPlanView, signal)
  }

  async alertRoutes(signal: AbortSignal): Promise<readonly AlertRouteView[]> {
    return (await this.#get('alerts/routes', alertRoutes, signal)).routes
  }

  /** Sends a test by each target of a route. */
  async testAlertRoute(
    route: string,
    owners: readonly string[],
    signal: AbortSignal,
  ): Promise<RouteTestView['results']> {
    const path = `alerts/routes/${encodeURIComponent(route)}/test`
    return (await this.#post(path, routeTestView, signal, { owners })).results
  }

  /** A new token with which one agent joins. */
  createJoinToken(
    options: { readonly hosts: readonly string[]; readonly valid: string; readonly note: string },
    signal: AbortSignal,
  ): Promise<NewJoinTokenView> {
    return this.#post('agents/join-tokens', newJoinTokenView, signal, options)
  }

  async joinTokens(signal: AbortSignal): Promise<readonly JoinTokenView[]> {
    return (await this.#get('agents/join-tokens', joinTokens, signal)).joinTokens
  }

  async revokeJoinToken(id: string, signal: AbortSignal): Promise<void> {
    await this.#post(`agents/join-tokens/${encodeURIComponent(id)}/revoke`, z.object({ id: z.string() }), signal)
  }

  /** Ends an agent, by its name or its id. */
  revokeAgent(agent: string, signal: AbortSignal): Promise<AgentView> {
    return this.#post(`agents/${encodeURIComponent(agent)}/revoke`, agentView, signal)
  }

  /** Removes an agent that is revoked or away, by its name or its id. */
  forgetAgent(agent: string, signal: AbortSignal): Promise<AgentView> {
    return this.#post(`agents/${encodeURIComponent(agent)}/forget`, agentView, signal)
  }

  /** Lets an agent speak for a host, each by name or id. */
  grantHost(agent: string, host: string, signal: AbortSignal): Promise<AgentView> {
    return this.#post(`agents/${encodeURIComponent(agent)}/hosts`, agentView, signal, { host })
  }

  authority(signal: AbortSignal): Promise<AuthorityView> {
    return this.#get('ca', authorityView, signal)
  }

  rotateAuthority(signal: AbortSignal): Promise<AuthorityView> {
    return this.#post('ca/rotate', authorityView, signal)
  }

  finishRotation(force: boolean, signal: AbortSignal): Promise<FinishedRotationView> {
    return this.#post('ca/finish', finishedRotationView, signal, { force })
  }

  startBackup(signal: AbortSignal): Promise<BackupView> {
    return this.#post('store/backup', backupView, signal)
  }

  backup(signal: AbortSignal): Promise<BackupView> {
    return this.#get('store/backup', backupView, signal)
  }

  /** Fetches the finished backup into a new file; resolves with its size. */
  fetchBackup(file: string, tell: (bytes: number, ofBytes: number) => void): Promise<number> {
    return download(this.connection, 'store/backup/file', file, tell)
  }

  async removeBackup(signal: AbortSignal): Promise<void> {
    await this.#post('store/backup/remove', backupView, signal)
  }

  /** A fresh link that opens the page once, without a token. */
  createLoginLink(signal: AbortSignal): Promise<LoginLink> {
    return this.#post('login-links', loginLink, signal)
  }

  #post<Schema extends z.ZodType>(
    path: string,
    schema: Schema,
    signal: AbortSignal,
    body?: unknown,
  ): Promise<z.output<Schema>> {
    return request(this.connection, { method: 'POST', path, body }, schema, signal, this.limits)
  }

  #get<Schema extends z.ZodType>(
    path: string,
    schema: Schema,
    signal: AbortSignal,
    query: Readonly<Record<string, string | number | undefined>> = {},
  ): Promise<z.output<Schema>> {
    return request(this.connection, { method: 'GET', path, query }, schema, signal, this.limits)
  }

  /** Plans of large fleets take their time: a minute, and as long to wait for others. */
  #plan<Schema extends z.ZodType>(
    kind: string,
    schema: Schema,
    signal: AbortSignal,
    query: Readonly<Record<string, string | number | undefined>>,
  ): Promise<z.output<Schema>> {
    return request(this.connection, { method: 'GET', path: `plans/${kind}`, query }, schema, signal, this.#patient())
  }

  #patient(): RequestLimits {
    return { ...this.limits, deadlineMs: Math.max(this.limits.deadlineMs, 130_000) }
  }

  /** One entity by name or id; where there is none, the error names similar ones. */
  async #named<Schema extends z.ZodType>(
    what: string,
    name: string,
    path: string,
    schema: Schema,
    known: () => Promise<readonly { readonly name: string }[]>,
    signal: AbortSignal,
  ): Promise<z.output<Schema>> {
    // These would be resolved away in an address, even encoded; no hypervisor lets anything be named so.
    if (name === '' || name === '.' || name === '..') throw noneNamed(what, name, [])
    try {
      return await this.#get(`${path}/${encodeURIComponent(name)}`, schema, signal)
    } catch (error) {
      if (error instanceof NotFoundError) throw noneNamed(what, name, await known())
      throw error
    }
  }

  /** Every row of a list, page by page. */
  async #all<Page extends { nextCursor?: string | undefined }, Row>(
    path: string,
    schema: z.ZodType<Page>,
    rowsOf: (page: Page) => readonly Row[],
    signal: AbortSignal,
    filter: Readonly<Record<string, string>> = {},
  ): Promise<readonly Row[]> {
    const rows: Row[] = []
    let next: string | undefined
    for (let page = 0; page < mostPages; page += 1) {
      const answer = await this.#get(path, schema, signal, { ...filter, limit: pageRows, cursor: next })
      for (const row of rowsOf(answer)) rows.push(row)
      if (answer.nextCursor === undefined) return rows
      if (answer.nextCursor === next) break
      next = answer.nextCursor
    }
    throw notAController(`${path} at ${shownUrl(this.connection)}`, 'its pages do not end')
  }
}

function noneNamed(what: string, name: string, known: readonly { readonly name: string }[]): NotFoundError {
  const similar = similarNames(
    name,
    known.map((one) => one.name),
  )
  const hint =
    similar.length === 0 ? `headroom ${what.toLowerCase()} list shows them all` : `similar: ${similar.join(', ')}`
  return new NotFoundError(`no ${what} is named ${name === '' ? '""' : name}`, hint)
}
