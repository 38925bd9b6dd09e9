import { mkdir, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'

import { stringify } from 'yaml'

import { BuiltProgram } from '../support/built-program.js'
import { freePort } from '../support/free-port.js'

const fleets = resolve(import.meta.dirname, '../../deploy/fleets')

/** What an agent says of itself at one moment. */
export interface AgentFigures {
  readonly connected: boolean
  /** Reports that wait for their ack. */
  readonly spoolReports: number
  readonly droppedReports: number
  /** Of all its hosts. */
  readonly skippedBeats: number
}

export interface CrowdOptions {
  readonly data: string
  readonly grpcPort: number
  /** One for each agent. */
  readonly joinTokens: readonly string[]
  /** Bound of each agent's spool; its own default if undefined. */
  readonly maxReports: number | undefined
  /** What the simulated VMs do follows from it. */
  readonly seed: number
}

/** Built agents over simulated hosts: the elab fleet of five hosts with one agent, and an agent with one small host for each further token. */
export class AgentCrowd {
  private constructor(private readonly agents: readonly { readonly program: BuiltProgram; readonly port: number }[]) {}

  static async start({ data, grpcPort, joinTokens, maxReports, seed }: CrowdOptions): Promise<AgentCrowd> {
    const agents: { program: BuiltProgram; port: number }[] = []
    for (const [index, token] of joinTokens.entries()) {
      const name = index === 0 ? 'elab' : `small-${String(index).padStart(3, '0')}`
      const own = join(data, name)
      await mkdir(own, { recursive: true })
      const joinTokenFile = join(own, 'join-token')
      await writeFile(joinTokenFile, `${token}\n`, { mode: 0o600 })
      const fleet = index === 0 ? join(fleets, 'elab.yaml') : join(own, 'fleet.yaml')
      if (index > 0) await writeFile(fleet, stringify(smallFleet(name)))
      const port = await freePort()
      const config = {
        data: own,
        name,
        controllers: [{ address: `127.0.0.1:${grpcPort}`, joinTokenFile }],
        hypervisors: [{ kind: 'simulated', fleet, seed: seed + index }],
        metrics: { port },
        ...(maxReports === undefined ? {} : { spool: { maxReports } }),
      }
      await writeFile(join(own, 'agent.yaml'), stringify(config))
      const program = BuiltProgram.start('agent', ['--config', join(own, 'agent.yaml')], join(data, `${name}.log`))
      agents.push({ program, port })
    }
    return new AgentCrowd(agents)
  }

  /** Of each agent. @throws Error if one does not answer */
  async figures(): Promise<AgentFigures[]> {
    return Promise.all(
      this.agents.map(async ({ port }) => {
        const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
        const value = (name: string): number => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1])
        return {
          connected: value('headroom_agent_connected') === 1,
          spoolReports: value('headroom_agent_spool_reports'),
          droppedReports: value('headroom_agent_dropped_reports_total'),
          skippedBeats: [...text.matchAll(/^headroom_agent_skipped_ticks_total\{.*\} (\d+)$/gm)].reduce(
            (all, [, beats]) => all + Number(beats),
            0,
          ),
        }
      }),
    )
  }

  /** Asks all to end, and waits. */
  async stop(): Promise<void> {
    for (const { program } of this.agents) program.interrupt()
    await Promise.all(this.agents.map(({ program }) => program.ended))
  }
}

/** A host with four VMs, one of each habit. */
function smallFleet(name: string): object {
  const host = { name, cores: 4, mhz: 2400, memoryMiB: 8192, hypervisor: 'kvm', version: 'QEMU 7.2', os: 'Debian 12' }
  const vms = ['mail', 'web', 'batch', 'idle'].map((profile) => {
    return { name: `${profile}-of-${name}`, host: name, group: 'core', memoryMiB: 1024, profile }
  })
  return { name, hosts: [{ ...host, localDisksGB: [500] }], vms }
}
