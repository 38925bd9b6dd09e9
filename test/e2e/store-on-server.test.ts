import { execFile } from 'node:child_process'
import { mkdir, readFile, rm, writeFile, mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'

import { afterEach, beforeEach, expect, it } from 'vitest'
import { stringify } from 'yaml'
import { z } from 'zod'

import { fleetView, hostView, seriesView } from '../../controller/api/views.js'
import { AgentCrowd } from '../durability/agent-crowd.js'
import { BuiltProgram } from '../support/built-program.js'
import { joinTokens } from '../support/fleet-on-lab.js'
import { freePort } from '../support/free-port.js'
import { startInflux, type RunningInflux } from '../support/influx-server.js'
import { waitFor } from '../support/wait-for.js'

const run = promisify(execFile)
const cli = resolve(import.meta.dirname, '../../dist/controller/cli/main.js')
const hostList = z.object({ hosts: z.array(hostView) })

let directory: string
let influx: RunningInflux
const undo: (() => Promise<void>)[] = []

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'headroom-on-server-'))
  undo.push(() => rm(directory, { recursive: true, maxRetries: 5 }))
  influx = await startInflux(join(directory, 'influx'))
  undo.push(() => influx.server.stop())
})

afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step()
})

it('a controller on InfluxDB goes on live while it is away, and has its history without a hole when it is back', async () => {
  const data = join(directory, 'data')
  await mkdir(join(data, 'controller'), { recursive: true })
  const [token = ''] = await joinTokens(data, ['elab'])
  const grpcPort = await freePort()
  const config = {
    data,
    http: { port: 0 },
    grpc: { port: grpcPort },
    store: { kind: 'influxdb', url: influx.url },
    intervals: { state: '1s', block: '1s' },
  }
  await writeFile(join(data, 'controller.yaml'), stringify(config))
  const log = join(directory, 'controller.log')
  const controller = BuiltProgram.start('controller', ['--config', join(data, 'controller.yaml')], log)
  undo.push(async () => {
    controller.interrupt()
    await controller.ended
  })
  const { url } = z.object({ url: z.string() }).parse(await controller.said())
  const crowd = await AgentCrowd.start({ data, grpcPort, joinTokens: [token], maxReports: undefined, seed: 3 })
  undo.push(() => crowd.stop())
  const apiToken = (await readFile(join(data, 'controller/api-token'), 'utf8')).trim()
  const ask = (path: string): Promise<Response> =>
    fetch(`${url}${path}`, { headers: { authorization: `Bearer ${apiToken}` } })
  const fleet = async (): Promise<z.output<typeof fleetView>> =>
    fleetView.parse(await (await ask('/api/v1/fleet')).json())
  const hosts = async (): Promise<z.output<typeof hostView>[]> =>
    hostList.parse(await (await ask('/api/v1/hosts')).json()).hosts

  await waitFor(60_000, 'all hosts, and a store that works', async () => {
    const now = await fleet()
    return now.hosts.up === 5 && now.store.ok && now.store.queue?.waitingPoints === 0
  })
  const startedMs = Date.now()
  const [host] = await hosts()
  const series = `/api/v1/series?entity=host:${host?.id}&fields=memoryAvailableBytes&step=0`
  await waitFor(20_000, 'history', async () => (await ask(series)).status === 200)

  await influx.server.stop('SIGKILL')
  await waitFor(20_000, 'a queue', async () => ((await fleet()).store.queue?.waitingPoints ?? 0) > 200)
  const away = await fleet()
  expect(away.store.ok).toBe(false)
  expect(away.store.problem).toMatch(/^InfluxDB at http.*ECONNREFUSED/)
  expect(away.findings.length).toBeGreaterThan(0)
  const ages = (await hosts()).map(({ lastReportAt }) => Date.now() - (lastReportAt ?? 0))
  expect(Math.max(...ages)).toBeLessThan(5000)
  const refused = await ask(series)
  expect([refused.status, await refused.json()]).toEqual([
    503,
    expect.objectContaining({ code: 'store-failed', message: expect.stringContaining('ECONNREFUSED') }),
  ])
  const { stdout } = await run(process.execPath, [cli, '--url', url, '--data', data, 'status'])
  expect(stdout).toMatch(/Queue of it +\d+ points wait \(.*, the oldest for \d+s\)/)
  const metrics = await (await fetch(`${url}/metrics`)).text()
  expect(metrics).toMatch(/^headroom_store_ok 0$/m)
  expect(metrics).toMatch(/^headroom_store_queue_waiting_points [1-9]\d+$/m)
  expect((await ask('/readyz')).status).toBe(200)

  await influx.server.start()
  await waitFor(60_000, 'an empty queue', async () => {
    const { store } = await fleet()
    return store.ok && store.queue?.waitingPoints === 0
  })
  const timesSince = async (): Promise<number[]> => {
    const { rows } = seriesView.parse(await (await ask(`${series}&from=${startedMs}&to=${Date.now()}`)).json())
    return rows.map(([atMs]) => atMs ?? NaN)
  }
  // The queue may be empty before the host's next beat: only then is there a point after the one that was written last.
  await waitFor(20_000, 'a point of after the outage', async () => ((await timesSince()).at(-1) ?? 0) > away.at)
  const times = await timesSince()
  const gaps = times.slice(1).map((atMs, index) => atMs - (times[index] ?? NaN))
  // Beats of a second: on a busy machine some are missed.
  expect(Math.max(...gaps)).toBeLessThan(4000)
  expect((await fleet()).store.queue).toMatchObject({ droppedPoints: 0, refusedPoints: 0 })
})
