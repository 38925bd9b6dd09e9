import { readFile, writeFile } from 'node:fs/promises'

import { createLog } from '../../common/log.js'
import { afterAll, expect, test } from 'vitest'
import { z } from 'zod'

import { startAgent } from '../../agent/agent.js'
import { agentConfigSchema } from '../../agent/config.js'
import { alertView, arrayView, eventView } from '../../controller/api/views.js'
import { controllerConfigSchema } from '../../controller/config.js'
import { startController, type Controller } from '../../controller/controller.js'
import { temporaryDirectory } from '../support/running-product.js'
import { waitFor } from '../support/wait-for.js'

const cleanups: (() => Promise<unknown>)[] = []
afterAll(async () => {
  for (const cleanup of cleanups.toReversed()) await cleanup()
})

const log = createLog('test', 'silent')
const timeline = `
timeline:
  - { at: 10s, event: profile, vm: kure, profile: runaway }
  - { at: 40s, event: profile, vm: kure, profile: idle }
`

test(
  'an array overflows: API and alert say so as it happens, and a restart of the controller forgets nothing',
  { timeout: 180_000 },
  async () => {
    const directory = await temporaryDirectory('headroom-array-watch-')
    cleanups.push(() => directory.remove())
    const fleet = `${directory.path}/fleet.yaml`
    await writeFile(fleet, `${await readFile('deploy/fleets/elab.yaml', 'utf8')}${timeline}`)
    const data = `${directory.path}/controller`
    const start = (grpcPort: number): Promise<Controller> =>
      startController({
        config: controllerConfigSchema.parse({
          data,
          policyFile: 'deploy/policy/elab.yaml',
          http: { port: 0 },
          grpc: { port: grpcPort },
        }),
        version: '0',
        log,
        now: () => Date.now(),
        webDir: undefined,
      })
    let controller = await start(0)
    cleanups.push(() => controller.stop())
    const token = (await readFile(`${data}/controller/api-token`, 'utf8')).trim()
    const ask = async (path: string): Promise<unknown> => {
      const answer = await fetch(`${controller.url}${path}`, { headers: { authorization: `Bearer ${token}` } })
      return answer.json()
    }
    const agent = await startAgent({
      config: agentConfigSchema.parse({
        data: `${directory.path}/agent`,
        controllers: [
          { address: `127.0.0.1:${controller.grpcPort}`, joinTokenFile: `${data}/controller/local-join-token` },
        ],
        hypervisors: [{ kind: 'simulated', fleet }],
        metrics: { port: 0 },
      }),
      version: '0',
      log,
      now: () => Date.now(),
      monotonicMs: () => performance.now(),
    })
    cleanups.push(() => agent.stop())

    const cacheNow = async () => {
      const parsed = arrayView.safeParse(await ask('/api/v1/arrays/iscsi1'))
      return parsed.data?.cache
    }
    const states: string[] = []
    const reach = (state: string, withinMs: number): Promise<number> =>
      waitFor(withinMs, state, async () => {
        const now = (await cacheNow())?.state
        if (now !== undefined && states.at(-1) !== now) states.push(now)
        return now === state
      })
    await reach('filling', 40_000)
    await reach('saturated', 40_000)
    const alerts = z.object({ alerts: z.array(alertView) })
    await waitFor(10_000, 'the alert', async () => {
      const firing = alerts.parse(await ask('/api/v1/alerts?phase=firing')).alerts
      const ours = firing.find(({ check }) => check === 'array-cache')
      return (
        ours?.severity === 'critical' &&
        ours.subject.name === 'iscsi1' &&
        ours.related.some(({ role, name }) => role === 'culprit' && name === 'kure')
      )
    })
    await reach('draining', 40_000)
    const before = await cacheNow()
    expect(before).toMatchObject({ overflows: 1, capacityBytes: { basis: 'learnt' } })
    expect(before?.users.length).toBeGreaterThan(3)

    const overflow = before?.events.find(({ what }) => what === 'overflow')
    expect(overflow).toBeDefined()
    const history = z.object({ events: z.array(eventView) })
    const overflows = async () => {
      const { events } = history.parse(await ask('/api/v1/events/history?limit=200'))
      return events.filter(({ kind }) => kind === 'array-overflow')
    }
    await waitFor(20_000, 'the overflow in the history', async () => (await overflows()).length > 0)
    const told = [
      {
        at: overflow?.at,
        array: 'iscsi1',
        arrayId: 'iscsi:iqn.2011-04.lab.elab:iscsi1',
        kind: 'array-overflow',
        message: overflow?.text,
        hostId: '',
        host: '',
        vmUuid: '',
        vmName: '',
        reason: '',
      },
    ]
    expect(await overflows()).toEqual(told)

    const { grpcPort } = controller
    await controller.stop()
    controller = await start(grpcPort)
    await waitFor(40_000, 'the array again', async () => (await cacheNow())?.state !== undefined)
    expect(await cacheNow()).toMatchObject({ overflows: 1, capacityBytes: { basis: 'learnt' } })
    expect((await cacheNow())?.events).toContainEqual(overflow)
    expect(await overflows()).toEqual(told)
    const series = z.object({ rows: z.array(z.array(z.number().nullable())) })
    const { rows } = series.parse(
      await ask(
        '/api/v1/series?entity=array_cache:iscsi:iqn.2011-04.lab.elab:iscsi1&fields=fillBytes,state&from=-5m&step=0',
      ),
    )
    expect(rows.some(([, fill, state]) => (fill ?? 0) > 300e6 && state === 5)).toBe(true)
  },
)
