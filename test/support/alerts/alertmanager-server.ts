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
  }
}
