#!/usr/bin/env node
import { fork, type ChildProcess } from 'node:child_process'
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { connect } from 'node:net'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

import { stringify } from 'yaml'
import { z } from 'zod'

import { duration, loadConfig } from '../common/config.js'
import { eventLabel, labelLines } from '../common/event-labels.js'
import { formatDuration } from '../common/units.js'

/**
 * `npm start`: the controller and an agent for this machine, two processes as in production. Where no hypervisor runs, the
 * agent simulates the elab fleet, labelled so.
 */

const usage = `Usage: npm start -- [options]

  --data DIR             state of controller and agent (./data)
  --http-port N          page and API (8420)
  --grpc-port N          where agents connect (8421)
  --agent-port N         the agent's own metrics (8422)
  --simulate             simulate the elab fleet even if a hypervisor runs here
  --fleet FILE           simulate this fleet file
  --labels               start nothing: print what somebody must act on of what happens in the demo, or in the fleet file
  --libvirt-socket PATH  read this libvirt socket
  --policy FILE          the fleet's rules
  --config FILE          more for the controller, such as its mail server: docs/alerts.md
`

/** Read-only sockets first: reading needs no more. */
const libvirtSockets = [
  '/run/libvirt/libvirt-sock-ro',
  '/run/libvirt/virtqemud-sock-ro',
  '/run/libvirt/libvirt-sock',
  '/run/libvirt/virtqemud-sock',
]

const readyMessage = z.object({
  ready: z.literal(true),
  url: z.string(),
  grpcPort: z.number(),
  loginLink: z.string(),
})

/** A log larger than this is moved aside; one such is kept. */
const mostLogBytes = 20_000_000

/** How long a child may take to end before it is killed. */
const endWithinMs = 10_000

const options = {
  data: { type: 'string', default: './data' },
  'http-port': { type: 'string', default: '8420' },
  'grpc-port': { type: 'string', default: '8421' },
  'agent-port': { type: 'string', default: '8422' },
  simulate: { type: 'boolean', default: false },
  fleet: { type: 'string' },
  labels: { type: 'boolean', default: false },
  'libvirt-socket': { type: 'string' },
  policy: { type: 'string' },
  config: { type: 'string' },
  help: { type: 'boolean', default: false },
} as const

function commandLine(): ReturnType<typeof parseArgs<{ options: typeof options }>>['values'] {
  try {
    return parseArgs({ options }).values
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`)
    process.exit(2)
  }
}

function fail(message: string): void {
  console.error(message)
  process.exitCode = 1
}

async function main(): Promise<void> {
  const values = commandLine()
  if (values.help) {
    console.log(usage)
    return
  }
  if (values.labels) {
    printLabels(values.fleet ?? scenario)
    return
  }
  const data = resolve(values.data)
  try {
    mkdirSync(join(data, 'agent'), { recursive: true, mode: 0o700 })
  } catch (error) {
    return fail(`The data directory ${data} cannot be used: ${error instanceof Error ? error.message : String(error)}`)
  }
  if (values.fleet !== undefined && !existsSync(values.fleet)) return fail(`There is no fleet file ${values.fleet}.`)
  if (values.policy !== undefined && !existsSync(values.policy))
    return fail(`There is no policy file ${values.policy}.`)
  if (values.config !== undefined && !existsSync(values.config))
    return fail(`There is no configuration file ${values.config}.`)
  if (values.config !== undefined && values.policy !== undefined)
    return fail('With --config the policy is named there: policyFile')
  const simulate = values.simulate || values.fleet !== undefined
  const socket = simulate ? undefined : await firstAnswering(values['libvirt-socket'])
  if (values['libvirt-socket'] !== undefined && socket === undefined) {
    return fail(`No libvirt answers at ${values['libvirt-socket']}.`)
  }

  const children: Child[] = []
  const stop = stopOnce(children)
  process.on('SIGINT', () => void stop(0))
  process.on('SIGTERM', () => void stop(0))

  const controllerArgs = ['--data', data, '--http-port', values['http-port'], '--grpc-port', values['grpc-port']]
  if (values.policy !== undefined) controllerArgs.push('--config', controllerFile(data, resolve(values.policy)))
  if (values.config !== undefined) controllerArgs.push('--config', resolve(values.config))
  const controller = startChild('controller', '../controller/main.js', controllerArgs, data)
  children.push(controller)
  controller.onEnd((code) => void stop(code))
  const ready = await controller.ready()
  if (ready === undefined) return

  // A world that was kept has had its freeze.
  const isFirst = values.fleet === undefined && !existsSync(join(data, 'agent', 'simulated-fleet.json'))
  const fleet = values.fleet ?? demoFleet(data)
  const agentFile = join(data, 'agent', 'agent.yaml')
  const agentConfig = {
    data: join(data, 'agent'),
    controllers: [
      { address: `127.0.0.1:${ready.grpcPort}`, joinTokenFile: join(data, 'controller', 'local-join-token') },
    ],
    hypervisors: [socket === undefined ? { kind: 'simulated', fleet } : { kind: 'libvirt', socket }],
    metrics: { port: Number(values['agent-port']) },
  }
  writeFileSync(agentFile, stringify(agentConfig), { mode: 0o600 })
  const agent = startChild('agent', '../agent/main.js', ['--config', agentFile], data)
  children.push(agent)
  agent.onEnd((code) => void stop(code))

  console.log(
    [
      '',
      `  headroom   ${ready.url}`,
      `  log in     ${ready.loginLink}   (once, within 15 minutes; more: ${loginCommand(ready.url, values.data)})`,
      socket === undefined
        ? `  watching   a SIMULATED fleet (${simulate ? 'as asked' : 'no libvirt answers on this machine'})${isFirst ? freezeNote : ''}`
        : `  watching   libvirt at ${socket}`,
      `  state      ${data}   (logs: controller.log, agent.log)`,
      '  stop       Ctrl-C',
      '',
    ].join('\n'),
  )
}

/** A log that is bounded, and that never takes the programs down with a full disk. */
class LogFile {
  #bytes = 0
  #lostBytes = 0

  constructor(private readonly path: string) {
    this.#bytes = existsSync(path) ? statSync(path).size : 0
  }

  write(text: string): void {
    try {
      if (this.#bytes > mostLogBytes) {
        renameSync(this.path, `${this.path}.1`)
        this.#bytes = 0
      }
      const lost = this.#lostBytes === 0 ? '' : `{"msg":"log lines were lost","bytes":${this.#lostBytes}}\n`
      appendFileSync(this.path, lost + text, { mode: 0o600 })
      this.#bytes += Buffer.byteLength(text)
      this.#lostBytes = 0
    } catch {
      if (this.#lostBytes === 0) console.error(`${this.path} cannot be written: log lines are lost`)
      this.#lostBytes += Buffer.byteLength(text)
    }
  }
}

/** The command that gives another link to this very controller. */
function loginCommand(url: string, data: string): string {
  const isDefault = url === 'http://127.0.0.1:8420' && resolve(data) === resolve('./data')
  return isDefault ? 'npx headroom login' : `npx headroom login --url ${url} --data ${data}`
}

interface Child {
  readonly name: string
  readonly process: ChildProcess
  /** The message that a controller sends when it listens; undefined if it ended before. */
  ready(): Promise<z.infer<typeof readyMessage> | undefined>
  onEnd(listener: (code: number) => void): void
}

function startChild(name: string, program: string, args: readonly string[], data: string): Child {
  const log = new LogFile(join(data, `${name}.log`))
  const path = fileURLToPath(new URL(program, import.meta.url))
  // A group of its own: Ctrl-C reaches this launcher alone, which ends its children in order.
  const child = fork(path, [...args], { stdio: ['ignore', 'pipe', 'pipe', 'ipc'], detached: true })
  let tail = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      log.write(text)
      tail = (tail + text).slice(-4000)
    })
  }
  child.on('exit', (code, signal) => {
    if (signal !== null && signal !== 'SIGTERM')
      console.error(`The ${name} was ended by ${signal}; all is stopped. Start again: npm start`)
    else if (code !== 0 && signal === null) console.error(`The ${name} ended with code ${code}:\n${plain(tail)}`)
  })
  return {
    name,
    process: child,
    ready: () =>
      new Promise((resolve) => {
        child.on('message', (message) => {
          const parsed = readyMessage.safeParse(message)
          if (parsed.success) resolve(parsed.data)
        })
        child.on('exit', () => resolve(undefined))
      }),
    onEnd: (listener) => {
      child.on('exit', (code) => listener(code ?? 1))
    },
  }
}

/** The last lines of a log as a person reads them: without the stack's frames. */
function plain(tail: string): string {
  const lines = tail.trimEnd().split('\n')
  return lines
    .filter((line) => !/^\s+at |^Node\.js v|^\s*$/.test(line))
    .slice(-5)
    .join('\n')
}

function stopOnce(children: readonly Child[]): (code: number) => Promise<void> {
  let stopping: Promise<void> | undefined
  return (code) => {
    stopping ??= (async () => {
      // The agent first, so that its last reports arrive.
      for (const child of children.toReversed()) await endChild(child)
      process.exit(code)
    })()
    return stopping
  }
}

async function endChild({ name, process: child }: Child): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => resolve())
  })
  child.kill('SIGTERM')
  const kill = setTimeout(() => {
    console.error(`The ${name} did not end within ${endWithinMs / 1000} s and was killed.`)
    child.kill('SIGKILL')
  }, endWithinMs)
  await ended
  clearTimeout(kill)
}

const freezeNote =
  '\n             it replays a minute of April 2011: kure and tritm copy, xenhv01 checks a file system, their array iscsi1 fills and freezes; then they stop, and it drains'

/** What happens in the demo, and what of it somebody must act on. It happens once: a world that was kept goes on after it. */
const scenario = fileURLToPath(new URL('scenarios/april-2011.yaml', import.meta.url))

/** The elab's file, with the scenario. */
function demoFleet(data: string): string {
  const quiet = readFileSync(fileURLToPath(new URL('fleets/elab.yaml', import.meta.url)), 'utf8')
  const path = join(data, 'agent', 'demo-fleet.yaml')
  writeFileSync(path, `${quiet}${readFileSync(scenario, 'utf8')}`, { mode: 0o600 })
  return path
}

/** Prints what somebody must act on of what happens in a fleet file, or in the demo. */
function printLabels(file: string): void {
  const { labels } = loadConfig(file, labelled)
  for (const line of labelLines(labels, (atMs) => formatDuration(atMs).padStart(6))) console.log(line)
}

/** Whoever simulates it checks the rest. */
const labelled = z.looseObject({ labels: z.array(eventLabel(duration)).default([]) })

function controllerFile(data: string, policyFile: string): string {
  const path = join(data, 'controller.yaml')
  rmSync(path, { force: true })
  writeFileSync(path, stringify({ policyFile }), { mode: 0o600 })
  return path
}

async function firstAnswering(only: string | undefined): Promise<string | undefined> {
  for (const path of only === undefined ? libvirtSockets : [only]) {
    if (existsSync(path) && (await answers(path))) return path
  }
  return undefined
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path)
    const done = (result: boolean): void => {
      socket.destroy()
      resolve(result)
    }
    socket.setTimeout(2000, () => done(false))
    socket.once('connect', () => done(true))
    // Refused rights mean that a libvirt is there: the agent says what to do about it.
    socket.once('error', (error) => done('code' in error && error.code === 'EACCES'))
  })
}

await main()
