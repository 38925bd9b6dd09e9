import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { DebianServer } from './debian-server.js'
import { freePort } from './free-port.js'

export interface RunningInflux {
  readonly url: string
  readonly server: DebianServer
}

/** Debian's InfluxDB 1.6 on a free port, its data in the directory. */
export async function startInflux(directory: string, http: readonly string[] = []): Promise<RunningInflux> {
  mkdirSync(directory, { recursive: true })
  const port = await freePort()
  const config = join(directory, 'influxdb.conf')
  writeFileSync(
    config,
    [
      'reporting-disabled = true',
      'bind-address = "127.0.0.1:0"',
      `[meta]\n  dir = "${join(directory, 'meta')}"\n  logging-enabled = false`,
      `[data]\n  dir = "${join(directory, 'data')}"\n  wal-dir = "${join(directory, 'wal')}"\n  query-log-enabled = false`,
      `[http]\n  bind-address = "127.0.0.1:${port}"\n  log-enabled = false\n${http.map((line) => `  ${line}\n`).join('')}`,
      '[monitor]\n  store-enabled = false',
      '[logging]\n  level = "warn"',
    ].join('\n'),
  )
  const url = `${http.some((line) => line.startsWith('https-enabled')) ? 'https' : 'http'}://127.0.0.1:${port}`
  const server = new DebianServer({
    command: 'influxd',
    arguments: ['run', '-config', config],
    logFile: join(directory, 'log'),
    readyUrl: `${url}/ping`,
  })
  await server.start()
  return { url, server }
}
