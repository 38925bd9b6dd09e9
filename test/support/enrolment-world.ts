import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { stringify } from 'yaml'

import { startAgent, type Agent } from '../../agent/agent.js'
import { agentConfigSchema } from '../../agent/config.js'
import { joinController } from '../../agent/join.js'
import { loadIdentity, type Identity } from '../../agent/report/identity.js'
import { loadConfig } from '../../common/config.js'
import { createLog } from '../../common/log.js'
import { controllerConfigSchema } from '../../controller/config.js'
import { startController, type Controller } from '../../controller/controller.js'
import { runCliHere, type CliRun } from './cli/run-cli.js'

/** A whole controller on free ports and agents of simulated hosts, all in this process, with a clock that the test moves. */
export interface EnrolmentWorld {
  readonly controller: Controller
  /** host:port where agents connect. */
  readonly address: string
  readonly clock: { offsetMs: number }
  /** `headroom …` against this controller. */
  cli(line: string): Promise<CliRun>
  /** Its standard output as JSON; throws if the exit code is not 0. */
  cliJson(line: string): Promise<unknown>
  /** The value of a counter of refusals. */
  refused(reason: string): Promise<number>
  /** A machine with these simulated hosts and no identity yet. */
  machine(name: string, hosts: readonly string[]): Promise<Machine>
  restartController(): Promise<void>
  stop(): Promise<void>
}

export interface Machine {
  readonly dataDir: string
  /** `headroom-agent join …`; resolves to what it printed. */
  join(args: readonly string[], stdin?: string): Promise<string>
  identity(): Promise<Identity>
  start(): Promise<Agent>
}

export async function startEnrolmentWorld(): Promise<EnrolmentWorld> {
  const root = await mkdtemp(join(tmpdir(), 'headroom-enrolment-'))
  const log = createLog('test', 'silent')
  const clock = { offsetMs: 0 }
  const now = (): number => Date.now() + clock.offsetMs
  const stops: (() => Promise<unknown>)[] = []
  const start = (grpcPort: number): Promise<Controller> =>
    startController({
      config: controllerConfigSchema.parse({
        data: join(root, 'controller'),
        http: { port: 0 },
        grpc: { port: grpcPort },
        auth: { localAgent: false },
        intervals: { state: '1s', fast: '1s', block: '1s' },
      }),
      version: '0.0.0-test',
      log,
      now,
      webDir: undefined,
    })
  let controller = await start(0)
  const { grpcPort } = controller
  const token = async (): Promise<string> =>
    (await readFile(join(root, 'controller', 'controller', 'api-token'), 'utf8')).trim()
  const cli = async (line: string): Promise<CliRun> =>
    runCliHere(line.split(' '), { HEADROOM_URL: controller.url, HEADROOM_TOKEN: await token() })

  return {
    get controller() {
      return controller
    },
    address: `127.0.0.1:${grpcPort}`,
    clock,
    cli,
    async cliJson(line) {
      const { code, stdout, stderr } = await cli(`${line} --json`)
      if (code !== 0) throw new Error(`headroom ${line}: exit ${code}: ${stderr}`)
      return JSON.parse(stdout) as unknown
    },
    async refused(reason) {
      const text = await (await fetch(`${controller.url}/metrics`)).text()
      const match = new RegExp(`^headroom_ingest_refused_connections_total\\{reason="${reason}"\\} (\\d+)$`, 'm')
      return Number(match.exec(text)?.[1] ?? 0)
    },
    async machine(name, hosts) {
      const dir = join(root, name)
      const dataDir = join(dir, 'data')
      await mkdir(dataDir, { recursive: true })
      const fleet = join(dir, 'fleet.yaml')
      await writeFile(fleet, stringify({ name, hosts: hosts.map(simulatedHost), arrays: [], vms: [] }))
      const configFile = join(dir, 'agent.yaml')
      const config = { data: dataDir, name, hypervisors: [{ kind: 'simulated', fleet }], metrics: { port: 0 } }
      await writeFile(configFile, stringify(config))
      return {
        dataDir,
        async join(args, stdin = '') {
          let printed = ''
          await joinController([...args, '--config', configFile], {
            readStdin: () => Promise.resolve(stdin),
            print: (line) => {
              printed += `${line}\n`
            },
            now: () => Date.now(),
            version: '0.0.0-test',
            service: () => undefined,
            signal: new AbortController().signal,
          })
          return printed
        },
        async identity() {
          const identity = await loadIdentity(dataDir)
          if (identity === undefined) throw new Error(`${name} has not joined`)
          return identity
        },
        async start() {
          const agent = await startAgent({
            config: loadConfig(configFile, agentConfigSchema),
            version: '0.0.0-test',
            log,
            now: () => Date.now(),
            monotonicMs: () => performance.now(),
          })
          stops.push(() => agent.stop())
          return agent
        },
      }
    },
    async restartController() {
      await controller.stop()
      controller = await start(grpcPort)
    },
    async stop() {
      await Promise.all(stops.map((stop) => stop()))
      await controller.stop()
      await rm(root, { recursive: true, force: true })
    },
  }
}

function simulatedHost(name: string): object {
  return {
    name,
    cores: 2,
    mhz: 2400,
    memoryMiB: 4096,
    hypervisor: 'kvm',
    version: 'QEMU 7.2',
    os: 'Debian 12',
    localDisksGB: [100],
  }
}
