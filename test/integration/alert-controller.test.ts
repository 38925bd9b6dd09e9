import { writeFile } from 'node:fs/promises'

import { afterEach, expect, test } from 'vitest'
import { stringify } from 'yaml'

import { startAgent, type Agent } from '../../agent/agent.js'
import { agentConfigSchema } from '../../agent/config.js'
import { createLog } from '../../common/log.js'
import { controllerConfigSchema } from '../../controller/config.js'
import { startController, type Controller } from '../../controller/controller.js'
import { checkTable } from '../../controller/model/check-table.js'
import { startAlertmanager, type RunningAlertmanager } from '../support/alerts/alertmanager-server.js'
import { startSmtp } from '../support/alerts/smtp-server.js'
import { temporaryDirectory } from '../support/running-product.js'
import { waitFor } from '../support/wait-for.js'

/** The whole way: simulated hosts, an agent, the controller, and a real Alertmanager and SMTP server at its end. Hold times are short. */

const log = createLog('test', 'silent')
const cleanups: (() => unknown)[] = []

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
})

/** Every check holds after two seconds, and all is told. */
function policyFor(alertmanager: RunningAlertmanager): string {
  const held = { raiseAfter: '2s', clearAfter: '2s' }
  return stringify({
    thresholds: Object.fromEntries(Object.keys(checkTable).map((check) => [check, held])),
    routes: [
      {
        name: 'admins',
        groupWait: '1s',
        groupInterval: '1s',
        to: [{ alertmanager: { url: alertmanager.url, resend: '1s' } }, { email: { to: ['ops@example.org'] } }],
      },
    ],
  })
}

test(
  'an agent that falls silent is told, its hosts are not, and its end is; over a restart of the controller, and nothing twice',
  { timeout: 180_000 },
  async () => {
    const directory = await temporaryDirectory('headroom-alert-controller-')
    cleanups.push(() => directory.remove())
    const alertmanager = await startAlertmanager(`${directory.path}/alertmanager`)
    cleanups.push(() => alertmanager.server.stop())
    const smtp = await startSmtp()
    cleanups.push(() => smtp.close())
    const policyFile = `${directory.path}/policy.yaml`
    await writeFile(policyFile, policyFor(alertmanager))
    const data = `${directory.path}/controller`
    const start = (grpcPort: number): Promise<Controller> =>
      startController({
        config: controllerConfigSchema.parse({
          data,
          policyFile,
          http: { port: 0, publicUrl: 'https://headroom.example/' },
          grpc: { port: grpcPort },
          mail: { port: smtp.port, from: 'headroom@example.org' },
          intervals: { state: '1s', fast: '500ms', block: '500ms', guestMemory: '1s' },
        }),
        version: '0',
        log,
        now: () => Date.now(),
        webDir: undefined,
      })
    let controller = await start(0)
    cleanups.push(() => controller.stop())
    const { grpcPort } = controller
    const runAgent = (): Promise<Agent> =>
      startAgent({
        config: agentConfigSchema.parse({
          data: `${directory.path}/agent`,
          controllers: [{ address: `127.0.0.1:${grpcPort}`, joinTokenFile: `${data}/controller/local-join-token` }],
          hypervisors: [{ kind: 'simulated', fleet: 'deploy/fleets/elab.yaml' }],
          metrics: { port: 0 },
          intervals: { state: '1s', fast: '500ms', block: '500ms', guestMemory: '1s' },
        }),
        version: '0',
        log,
        now: () => Date.now(),
        monotonicMs: () => performance.now(),
      })
    let agent = await runAgent()
    cleanups.push(() => agent.stop())

    const firing = async (check: string): Promise<string[]> =>
      (await alertmanager.firing())
        .filter(({ labels }) => labels['alertname'] === check)
        .map(({ labels }) => labels['subject'] ?? '')
        .sort()
    // What was not known to have arrived when the controller was stopped is sent again, with the same id.
    const idOf = (mail: string): string | undefined => /^message-id: *(\S+)/im.exec(mail)?.[1]
    const mailed = (line: RegExp): number =>
      new Set(smtp.mails.flatMap(({ text }) => (line.test(text) ? [idOf(text)] : []))).size

    await waitFor(
      40_000,
      'the reserve of xenhv01 at Alertmanager',
      async () => (await firing('into-reserve')).length > 0,
    )
    expect(await firing('into-reserve')).toEqual(['xenhv01'])
    await waitFor(20_000, 'and by mail', async () =>
      Promise.resolve(mailed(/FIRING +#\d+ +warning +host:xenhv01 +into-reserve/) > 0),
    )
    expect(smtp.mails.some(({ text }) => text.includes('https://headroom.example/alerts/'))).toBe(true)

    await controller.stop()
    controller = await start(grpcPort)
    await agent.stop()
    await waitFor(60_000, 'the silent agent at Alertmanager', async () => (await firing('agent-silent')).length === 1)
    await waitFor(20_000, 'and by mail', async () =>
      Promise.resolve(mailed(/FIRING +#\d+ +critical +agent:\S+ +agent-silent/) > 0),
    )
    agent = await runAgent()
    await waitFor(
      60_000,
      'the end of the silence at Alertmanager',
      async () => (await firing('agent-silent')).length === 0,
    )
    await waitFor(20_000, 'and by mail', async () =>
      Promise.resolve(mailed(/OVER +#\d+ +critical +agent:\S+ +agent-silent/) > 0),
    )

    expect(mailed(/host-silent/)).toBe(0)
    // Restarts of controller and agent are no news of VMs or hosts.
    expect(mailed(/vm-lost|vm-doubled|duplicate-|host-rebooted/)).toBe(0)
    // What went on all the time was told once.
    expect(await firing('into-reserve')).toEqual(['xenhv01'])
    expect(mailed(/FIRING +#\d+ +warning +host:xenhv01 +into-reserve/)).toBe(1)
    expect(mailed(/FIRING +#\d+ +critical +agent:\S+ +agent-silent/)).toBe(1)
    expect(mailed(/OVER +#\d+ +critical +agent:\S+ +agent-silent/)).toBe(1)
    expect(mailed(/OVER +#\d+ +warning +host:xenhv01 +into-reserve/)).toBe(0)
  },
)
