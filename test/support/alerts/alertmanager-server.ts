import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { z } from 'zod'

import { DebianServer } from '../debian-server.js'
import { freePort } from '../free-port.js'

const gettable = z.array(
  z.object({
    labels: z.record(z.string(), z.string()),
    annotations: z.record(z.string(), z.string()),
    startsAt: z.string(),
    endsAt: z.string(),
    status: z.object({ state: z.string() }),
  }),
)

export type GettableAlert = z.infer<typeof gettable>[number]

export interface RunningAlertmanager {
  readonly url: string
  readonly server: DebianServer
  /** The alerts that fire there now. */
  firing(): Promise<GettableAlert[]>
  /** What it has counted since it was started. */
  counts(): Promise<Received>
}

/** Alerts in the requests that it had, as its own metrics have them. */
export interface Received {
  readonly firing: number
  readonly resolved: number
  readonly invalid: number
}

/** Debian's Alertmanager on a free port, its data in the directory; what it would tell goes nowhere. */
export async function startAlertmanager(directory: string): Promise<RunningAlertmanager> {
  mkdirSync(directory, { recursive: true })
  const port = await freePort()
  const config = join(directory, 'alertmanager.yml')
  writeFileSync(config, 'route: { receiver: nobody }\nreceivers: [{ name: nobody }]\n')
  const url = `http://127.0.0.1:${port}`
  const server = new DebianServer({
    command: 'prometheus-alertmanager',
    arguments: [
      `--config.file=${config}`,
      `--storage.path=${join(directory, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--cluster.listen-address=',
      '--log.level=warn',
    ],
    logFile: join(directory, 'log'),
    readyUrl: `${url}/-/ready`,
  })
  await server.start()
  return {
    url,
    server,
    firing: async () => {
      const response = await fetch(`${url}/api/v2/alerts`, { signal: AbortSignal.timeout(5000) })
      return gettable.parse(await response.json())
    },
    counts: async () => {
      const text = await (await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(5000) })).text()
      const sum = (metric: RegExp): number =>
        [...text.matchAll(metric)].reduce((all, [, value]) => all + Number(value), 0)
      return {
        firing: sum(/^alertmanager_alerts_received_total\{status="firing"[^}]*\} (\S+)$/gm),
        resolved: sum(/^alertmanager_alerts_received_total\{status="resolved"[^}]*\} (\S+)$/gm),
        invalid: sum(/^alertmanager_alerts_invalid_total\{[^}]*\} (\S+)$/gm),
      }
    },
  }
}
