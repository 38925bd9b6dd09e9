import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

import { stringify } from 'yaml'
import { z } from 'zod'

import type { Log } from '../../common/log.js'
import { agentView, hostView } from '../../controller/api/views.js'
import { freePort } from '../support/free-port.js'
import { joinTokens } from '../support/fleet-on-lab.js'
import { waitFor } from '../support/wait-for.js'
import { AgentCrowd, type AgentFigures } from './agent-crowd.js'
import { BuiltProgram } from '../support/built-program.js'
import { storedHistory, type StoredHistory } from './stored-history.js'

export interface OutageOptions {
  readonly data: string
  readonly awayMs: number
  /** Besides the elab fleet's one agent: agents with one host each. */
  readonly agents: number
  /** Beat of the state lane; the fast lane has 1 s. */
  readonly stateMs: number
  /** Bound of each agent's spool; its own default if undefined. */
  readonly maxReports: number | undefined
  readonly seed: number
  readonly log: Log
}

export interface Outage {
  readonly hosts: number
  /** Reports that waited when the controller came back, of all agents. */
  readonly waiting: number
  /** From the start of the controller's process until its API answers. */
  readonly startedAfterMs: number
  /** From the start of the controller's process until nothing but fresh reports waits. */
  readonly caughtUpAfterMs: number
  readonly reportsPerSecond: number
  /** Age of the newest fresh report, the oldest of all hosts at any look: before the outage, and while the backlog drained. */
  readonly freshAgeMsBefore: number
  readonly freshAgeMsDraining: number
  /** By the agents' own count, and as the API shows it. */
  readonly dropped: number
  readonly droppedShown: number
  /** The most beats that an agent missed, by its own count: a busy machine leaves gaps that are no losses. */
  readonly skippedBeats: number
  /** From before the outage, or from the first report that was kept, until its end and after. */
  readonly history: StoredHistory
  /** Of the outage alone: what came late. */
  readonly away: StoredHistory
  /** How long after the controller went the first report that was kept was made; 0 if none was lost. */
  readonly lostMs: number
}

const lookEveryMs = 250
/** For figures of the time before. */
const quietMs = 20_000
/** A host that is up again has this long to send the little that it held back as fresh. */
const settleMs = 3000
/** Reports of one host that may always be on their way. */
const freshOfHost = 3
const caughtUpWithinMs = 20 * 60_000

const hostList = z.object({ hosts: z.array(hostView) })
const agentList = z.object({ agents: z.array(agentView) })
const readyMessage = z.object({ ready: z.literal(true), url: z.string() })

/** The built controller goes and comes back while agents with all their hosts read on. */
export async function outage(options: OutageOptions): Promise<Outage> {
  const { data, awayMs, agents, maxReports } = options
  await mkdir(join(data, 'controller'), { recursive: true })
  const names = Array.from({ length: agents + 1 }, (_, index) => `agent ${index}`)
  const tokens = await joinTokens(data, names)
  const grpcPort = await freePort()
  let controller = await Controller.start(options, grpcPort)
  const crowd = await AgentCrowd.start({ data, grpcPort, joinTokens: tokens, maxReports, seed: options.seed })
  try {
    const hosts = agents + 5
    await waitFor(60_000, 'all hosts to be up', async () => (await controller.hostsUp()).length === hosts)
    await delay(quietMs / 2)
    const quietFrom = Date.now()
    const freshAgeMsBefore = await oldestAge(controller, endOf(quietMs / 2))
    const goneAt = Date.now()
    await controller.stop()
    await delay(awayMs)
    const backAt = Date.now()
    const before = await crowd.figures()
    const waiting = sum(before, ({ spoolReports }) => spoolReports)
    const began = performance.now()
    controller = await Controller.start(options, grpcPort)
    const startedAfterMs = performance.now() - began
    let isDraining = true
    const ages = oldestAge(controller, () => !isDraining)
    await waitFor(caughtUpWithinMs, 'the backlog to be gone', async () => {
      const now = await crowd.figures()
      return (
        now.every(({ connected }) => connected) && sum(now, ({ spoolReports }) => spoolReports) < hosts * freshOfHost
      )
    })
    const caughtUpAfterMs = performance.now() - began
    isDraining = false
    const freshAgeMsDraining = await ages
    await delay(options.stateMs * 3)
    const after = await crowd.figures()
    const dropped = sum(after, ({ droppedReports }) => droppedReports)
    const droppedShown = (await controller.agents()).reduce((all, agent) => all + agent.droppedReports, 0)
    const endMs = Date.now() - options.stateMs
    await crowd.stop()
    await controller.stop()
    const path = join(data, 'controller/series.db')
    const whole = await storedHistory(path, quietFrom, endMs, options.log)
    const isLost = dropped > 0
    const keptFrom = isLost ? whole.largestGapAtMs + whole.largestGapMs : quietFrom
    return {
      hosts,
      waiting,
      startedAfterMs: Math.round(startedAfterMs),
      caughtUpAfterMs: Math.round(caughtUpAfterMs),
      reportsPerSecond: Math.round(waiting / ((caughtUpAfterMs - startedAfterMs) / 1000)),
      freshAgeMsBefore,
      freshAgeMsDraining,
      dropped,
      droppedShown,
      skippedBeats: Math.max(0, ...after.map(({ skippedBeats }) => skippedBeats)),
      away: await storedHistory(
        path,
        Math.max(keptFrom, goneAt) + 2 * options.stateMs,
        backAt - 2 * options.stateMs,
        options.log,
      ),
      // Of what was lost there is nothing to say: all that is after it has to be there.
      history: isLost ? await storedHistory(path, keptFrom, endMs, options.log) : whole,
      lostMs: isLost ? keptFrom - goneAt : 0,
    }
  } finally {
    await crowd.stop()
    await controller.stop()
  }
}

/** The built controller on ports that agents find again. */
class Controller {
  private constructor(
    private readonly program: BuiltProgram,
    private readonly url: string,
    private readonly token: string,
  ) {}

  static async start({ data, stateMs }: OutageOptions, grpcPort: number): Promise<Controller> {
    const beat = `${stateMs}ms`
    const config = {
      data,
      http: { port: 0 },
      grpc: { port: grpcPort },
      intervals: { state: beat, fast: '1s', block: beat, guestMemory: '30s' },
    }
    const file = join(data, 'controller.yaml')
    await writeFile(file, stringify(config))
    const program = BuiltProgram.start('controller', ['--config', file], join(data, 'controller.log'))
    const { url } = readyMessage.parse(await program.said())
    return new Controller(program, url, (await readFile(join(data, 'controller/api-token'), 'utf8')).trim())
  }

  /** Hosts that are up, with the time of the newest fresh report, milliseconds since the epoch. */
  async hostsUp(): Promise<readonly { readonly id: string; readonly lastReportAt: number }[]> {
    const { hosts } = hostList.parse(await this.#api('/api/v1/hosts'))
    return hosts.flatMap(({ id, status, lastReportAt }) =>
      status === 'up' && lastReportAt !== undefined ? [{ id, lastReportAt }] : [],
    )
  }

  async agents(): Promise<z.output<typeof agentList>['agents']> {
    return agentList.parse(await this.#api('/api/v1/agents')).agents
  }

  async stop(): Promise<void> {
    this.program.interrupt()
    await this.program.ended
  }

  async #api(path: string): Promise<unknown> {
    const answer = await fetch(`${this.url}${path}`, { headers: { authorization: `Bearer ${this.token}` } })
    if (answer.status !== 200) throw new Error(`${path}: ${answer.status} ${await answer.text()}`)
    return answer.json()
  }
}

/** Looks again and again, and gives the largest age seen of any host that has been up for a while, milliseconds. */
async function oldestAge(controller: Controller, isOver: () => boolean): Promise<number> {
  let oldest = 0
  const upSince = new Map<string, number>()
  while (!isOver()) {
    const now = Date.now()
    for (const { id, lastReportAt } of await controller.hostsUp()) {
      const since = upSince.get(id) ?? now
      upSince.set(id, since)
      if (now - since > settleMs) oldest = Math.max(oldest, now - lastReportAt)
    }
    await delay(lookEveryMs)
  }
  return Math.round(oldest)
}

function endOf(ms: number): () => boolean {
  const end = performance.now() + ms
  return () => performance.now() > end
}

function sum(figures: readonly AgentFigures[], value: (one: AgentFigures) => number): number {
  return figures.reduce((all, one) => all + value(one), 0)
}
