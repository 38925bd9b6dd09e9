import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'

import { stringify } from 'yaml'
import { z } from 'zod'

import { BuiltProgram } from '../support/built-program.js'
import { runProgram } from '../lab/run-program.js'
import type { XenHost } from './boot-xen.js'
import { outside } from './qemu-command.js'

const readyMessage = z.object({ ready: z.literal(true), url: z.string(), grpcPort: z.number() })
const cli = path.resolve(import.meta.dirname, '../../dist/controller/cli/main.js')

/** Where dom0 finds the controller: one of the ports in `XenOptions.outsidePorts`. */
export const controllerPort = 8421

/** The built controller on this machine. */
export interface RunningController {
  readonly url: string
  /** On this machine's loopback. */
  readonly grpcPort: number
  readonly data: string
  /** Runs `headroom` against it and gives what it printed. */
  cli(...words: readonly string[]): Promise<string>
  stop(): Promise<void>
}

/** Starts the controller with its default intervals, on free ports. */
export async function startController(data: string): Promise<RunningController> {
  await mkdir(data, { recursive: true })
  const config = path.join(data, 'controller.yaml')
  const advertise = `${outside}:${controllerPort}`
  await writeFile(config, stringify({ data, http: { port: 0 }, grpc: { port: 0, advertise } }))
  const program = BuiltProgram.start('controller', ['--config', config], path.join(data, 'controller.log'))
  const { url, grpcPort } = readyMessage.parse(await program.said())
  return {
    url,
    grpcPort,
    data,
    cli: (...words) => runProgram(process.execPath, [cli, '--url', url, '--data', data, ...words]),
    async stop() {
      program.interrupt()
      await program.ended
    },
  }
}

/** The product's agent in dom0. */
export interface Dom0Agent {
  /** In dom0; another one after it was started anew. */
  pid(): Promise<number>
  stop(): Promise<void>
}

const agentLog = '/var/log/headroom-agent.log'
const agentPidFile = '/run/headroom-agent.pid'
const keeperPidFile = '/run/headroom-agent-keeper.pid'
const state = '/var/lib/headroom-agent'

/** In place of systemd, which does not run in dom0: its service starts the agent anew 5 s after it has failed. */
const keeper = `while :; do
  setpriv --reuid 998 --regid 998 --clear-groups /usr/local/bin/headroom-agent --config /etc/headroom/agent.yaml &
  echo $! > ${agentPidFile}
  wait $!
  sleep 5
done`

/**
 * Starts the agent in dom0 with a join token, under the user that its service has. Not by `headroom-agent join`: each start of
 * Node takes ten seconds in there.
 */
export async function joinFromDom0(xen: XenHost, controller: RunningController): Promise<Dom0Agent> {
  const command = await controller.cli('agent', 'join-token', '--host', 'xenlab')
  const token = / --token (\S+)/.exec(command)?.[1]
  if (token === undefined) throw new Error(`no token in ${command}`)
  const controllers = [{ address: `${outside}:${controllerPort}`, joinTokenFile: `${state}/join-token` }]
  const config = stringify({ data: state, hypervisors: [{ kind: 'libvirt', uri: 'xen:///system' }], controllers })
  await xen.run(`set -e
    echo 'headroom-agent:*:998:998::/nonexistent:/bin/false' >> /etc/passwd
    echo 'headroom-agent:x:998:' >> /etc/group
    mkdir -m 0700 ${state}
    (umask 077 && echo ${token} > ${state}/join-token)
    chown -R headroom-agent:headroom-agent ${state}
    cat > /etc/headroom/agent.yaml << 'END'
${config}END`)
  return startDom0Agent(xen)
}

/** Starts an agent that has joined. */
export async function startDom0Agent(xen: XenHost): Promise<Dom0Agent> {
  await xen.run(`start-stop-daemon --start --background --make-pidfile --pidfile ${keeperPidFile} --output ${agentLog} \\
    --startas /bin/sh -- -c '${keeper}'`)
  return {
    async pid() {
      return Number(await xen.run(`cat ${agentPidFile}`))
    },
    async stop() {
      await xen.run(
        `kill $(cat ${keeperPidFile}); start-stop-daemon --stop --oknodo --retry 60 --pidfile ${agentPidFile}`,
      )
    },
  }
}
