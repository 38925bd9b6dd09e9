import { existsSync, writeFileSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { Agent, request } from 'node:http'
import { join } from 'node:path'

import { z } from 'zod'

import type { Point } from '../../../controller/store/time-series.js'
import { DebianServer } from '../../support/debian-server.js'
import { freePort } from '../../support/free-port.js'
import type { Contender } from './contender.js'
import { residentBytesOf } from './figures.js'

const answerSchema = z.object({
  results: z.array(
    z.object({
      error: z.string().optional(),
      series: z.array(z.object({ values: z.array(z.array(z.unknown())) })).default([]),
    }),
  ),
})

/** Debian's InfluxDB 1.6 with its own settings: each write is in its log, which is fsynced, before it answers. */
export class InfluxContender implements Contender {
  readonly name = 'influxdb'
  readonly #agent = new Agent({ keepAlive: true })

  private constructor(
    private readonly server: DebianServer,
    private readonly port: number,
  ) {}

  /** @param settings further lines of its section [data] */
  static async open(dir: string, settings: readonly string[] = []): Promise<InfluxContender> {
    if (!existsSync('/usr/bin/influxd')) throw new Error('influxd is missing (Debian: apt-get install influxdb)')
    await mkdir(dir, { recursive: true })
    const port = await freePort()
    const config = join(dir, 'influxdb.conf')
    writeFileSync(config, configOf(dir, port, settings))
    const server = new DebianServer({
      // It ends with this process.
      command: 'setpriv',
      arguments: ['--pdeathsig', 'KILL', 'influxd', 'run', '-config', config],
      logFile: join(dir, 'influxd.log'),
      readyUrl: `http://127.0.0.1:${port}/ping`,
    })
    await server.start()
    const influx = new InfluxContender(server, port)
    await influx.#query('CREATE DATABASE headroom', 'POST')
    return influx
  }

  async write(points: readonly Point[]): Promise<void> {
    const { status, body } = await this.#send('POST', '/write?db=headroom&precision=ms', points.map(lineOf).join('\n'))
    if (status !== 204) throw new Error(`influxdb: ${status} ${body}`)
  }

  async points(id: string, fromMs: number, toMs: number): Promise<number> {
    const rows = await this.#query(`SELECT * FROM vm WHERE uuid = '${id}' AND ${within(fromMs, toMs)}`)
    return rows.length
  }

  async top(field: string, fromMs: number, toMs: number): ReturnType<Contender['top']> {
    const means = `SELECT mean("${field}") AS m FROM vm WHERE ${within(fromMs, toMs)} GROUP BY uuid`
    const rows = await this.#query(`SELECT top(m, uuid, 10) FROM (${means})`)
    return rows.map(([, value, id]) => ({ id: String(id), value: Number(value) })).sort((a, b) => b.value - a.value)
  }

  /** Means of each hour of a VM. */
  async hourlyMeans(id: string, field: string, fromMs: number, toMs: number): Promise<number> {
    const where = `uuid = '${id}' AND ${within(fromMs, toMs)}`
    return (await this.#query(`SELECT mean("${field}") FROM vm WHERE ${where} GROUP BY time(1h) fill(none)`)).length
  }

  residentBytes(): number {
    return residentBytesOf(this.server.pid)
  }

  close(): Promise<void> {
    this.#agent.destroy()
    return this.server.stop()
  }

  async #query(text: string, method: 'GET' | 'POST' = 'GET'): Promise<readonly (readonly unknown[])[]> {
    const { body } = await this.#send(method, `/query?db=headroom&epoch=ms&q=${encodeURIComponent(text)}`)
    const [result] = answerSchema.parse(JSON.parse(body)).results
    if (result?.error !== undefined) throw new Error(`influxdb: ${result.error}: ${text}`)
    return result?.series.flatMap(({ values }) => values) ?? []
  }

  #send(method: string, path: string, body = ''): Promise<{ readonly status: number; readonly body: string }> {
    return new Promise((resolve, reject) => {
      const sent = request({ host: '127.0.0.1', port: this.port, method, path, agent: this.#agent }, (answer) => {
        const parts: Buffer[] = []
        answer.on('data', (part: Buffer) => parts.push(part))
        answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body: Buffer.concat(parts).toString() }))
        answer.on('error', reject)
      })
      sent.on('error', reject)
      sent.end(body)
    })
  }
}

function within(fromMs: number, toMs: number): string {
  return `time >= ${fromMs}ms AND time < ${toMs}ms`
}

function lineOf({ entity, atMs, fields }: Point): string {
  const values = Object.entries(fields).map(([name, value]) => `${name}=${value}`)
  return `vm,uuid=${entity.id} ${values.join(',')} ${atMs}`
}

function configOf(dir: string, port: number, settings: readonly string[]): string {
  return `reporting-disabled = true
bind-address = "127.0.0.1:0"
[meta]
  dir = "${dir}/meta"
[data]
  dir = "${dir}/data"
  wal-dir = "${dir}/wal"
  query-log-enabled = false
${settings.map((line) => `  ${line}`).join('\n')}
[http]
  bind-address = "127.0.0.1:${port}"
  log-enabled = false
[monitor]
  store-enabled = false
[continuous_queries]
  log-enabled = false
`
}
