import { mkdirSync } from 'node:fs'
import { join } from 'node:path'

import { DebianServer } from './debian-server.js'
import { freePort } from './free-port.js'

export interface RunningVictoria {
  readonly url: string
  readonly server: DebianServer
}

/** Debian's VictoriaMetrics, a single node, on a free port, its data in the directory. */
export function startVictoria(
  directory: string,
  flags: readonly string[] = ['-dedup.minScrapeInterval=1ms'],
): Promise<RunningVictoria> {
  return start('victoria-metrics', directory, [
    `-storageDataPath=${join(directory, 'data')}`,
    '-retentionPeriod=100y',
    '-memory.allowedPercent=10',
    ...flags,
  ])
}

/** vmagent, which gives what it gets to each of the servers. */
export function startVmagent(directory: string, urls: readonly string[]): Promise<RunningVictoria> {
  return start('vmagent', directory, [
    `-remoteWrite.tmpDataPath=${join(directory, 'data')}`,
    '-remoteWrite.maxBlockSize=1MB',
    ...urls.map((url) => `-remoteWrite.url=${url}/api/v1/write`),
  ])
}

/** vmauth with a configuration. */
export function startVmauth(directory: string, configFile: string): Promise<RunningVictoria> {
  return start('vmauth', directory, [`-auth.config=${configFile}`])
}

async function start(command: string, directory: string, flags: readonly string[]): Promise<RunningVictoria> {
  mkdirSync(directory, { recursive: true })
  const address = `127.0.0.1:${await freePort()}`
  const server = new DebianServer({
    command,
    arguments: [`-httpListenAddr=${address}`, '-loggerLevel=WARN', ...flags],
    logFile: join(directory, 'log'),
    readyUrl: `http://${address}/health`,
  })
  await server.start()
  return { url: `http://${address}`, server }
}
