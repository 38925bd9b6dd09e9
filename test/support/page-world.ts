import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import type { Browser, BrowserContext, Page } from 'playwright-core'
import { z } from 'zod'

import { startAgent, type Agent } from '../../agent/agent.js'
import { agentConfigSchema } from '../../agent/config.js'
import { createLog } from '../../common/log.js'
import { askableVerbs, type Role } from '../../common/verbs.js'
import { controllerConfigSchema } from '../../controller/config.js'
import { startController, type Controller } from '../../controller/controller.js'
import { openBrowser } from './mixed-fleet.js'
import { temporaryDirectory } from './running-product.js'
import { waitFor } from './wait-for.js'

/** Whoever logs in by name has this one. */
export const password = 'correct horse battery'

/** The controller with the built page, and an agent with a small simulated fleet that obeys; people log in by their names. */
export interface PageWorld {
  readonly url: string
  readonly token: string
  readonly browser: Browser
  /** What browsers complained of, and whom they asked besides the controller. */
  readonly complaints: string[]
  api(path: string, body?: object): Promise<unknown>
  uuidOf(vm: string): Promise<string>
  /** A page of that person, logged in by name and password. */
  pageOf(name: string, size?: { readonly width: number; readonly height: number }): Promise<Page>
  arrayKeys(): Promise<readonly string[]>
  stopController(): Promise<void>
  /** On the same ports, with the same data. */
  startController(): Promise<void>
  stop(): Promise<void>
}

interface WorldOptions {
  readonly users: Readonly<Record<string, Role>>
  /** Lines of a policy file. */
  readonly policy?: string
  readonly fleet?: string
  /** Verbs that the agent does not allow. */
  readonly forbidden?: readonly string[]
}

const log = createLog('test', 'silent')
const quick = { state: '1s', fast: '500ms', block: '500ms', guestMemory: '1s' }

export async function startPageWorld({
  users,
  policy = '',
  fleet = 'deploy/fleets/tiny.yaml',
  forbidden = [],
}: WorldOptions): Promise<PageWorld> {
  const directory = await temporaryDirectory('headroom-page-')
  const policyFile = join(directory.path, 'policy.yaml')
  await writeFile(policyFile, policy === '' ? 'groups: []\n' : policy)
  let ports = { http: 0, grpc: 0 }
  const runController = async (): Promise<Controller> => {
    const started = await startController({
      config: controllerConfigSchema.parse({
        data: join(directory.path, 'controller'),
        http: { port: ports.http },
        grpc: { port: ports.grpc },
        policyFile,
        intervals: quick,
      }),
      version: '0',
      log,
      now: () => Date.now(),
      webDir: 'dist/web',
    })
    ports = { http: Number(new URL(started.url).port), grpc: started.grpcPort }
    return started
  }
  let controller = await runController()
  const agent: Agent = await startAgent({
    config: agentConfigSchema.parse({
      data: join(directory.path, 'agent'),
      controllers: [
        {
          address: `127.0.0.1:${ports.grpc}`,
          joinTokenFile: join(directory.path, 'controller/controller/local-join-token'),
        },
      ],
      hypervisors: [{ kind: 'simulated', fleet }],
      metrics: { port: 0 },
      allow: [{ verbs: askableVerbs.filter((verb) => !forbidden.includes(verb)), vms: ['*'] }],
      intervals: quick,
    }),
    version: '0',
    log,
    now: () => Date.now(),
    monotonicMs: () => performance.now(),
  })
  const token = (await readFile(join(directory.path, 'controller/controller/api-token'), 'utf8')).trim()
  const { url } = controller
  const api: PageWorld['api'] = async (path, body) => {
    const answer = await fetch(`${url}/api/v1${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { authorization: `Bearer ${token}`, ...(body !== undefined && { 'content-type': 'application/json' }) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`)
    return answer.json()
  }
  for (const [name, role] of Object.entries(users)) await api('/users', { name, role, password })
  await waitFor(30_000, 'the VMs', async () => (await vmsOf(api)).length > 0)
  const browser = await openBrowser()
  const complaints: string[] = []
  const contexts: BrowserContext[] = []
  return {
    url,
    token,
    browser,
    complaints,
    api,
    uuidOf: async (vm) => (await vmsOf(api)).find(({ name }) => name === vm)?.uuid ?? `no VM ${vm}`,
    async pageOf(name, size = { width: 1400, height: 900 }) {
      const context = await browser.newContext({ viewport: size })
      contexts.push(context)
      const page = await context.newPage()
      page.on('console', (message) => {
        if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text())
      })
      page.on('pageerror', (error) => complaints.push(error.message))
      page.on('request', (request) => {
        if (!request.url().startsWith(url) && !request.url().startsWith('data:'))
          complaints.push(`outside request ${request.url()}`)
      })
      await page.goto(`${url}/login`)
      await page.getByLabel('Name').fill(name)
      await page.getByLabel('Password').fill(password)
      await page.getByRole('button', { name: 'Log in' }).first().click()
      await page.locator('.account').waitFor()
      return page
    },
    arrayKeys: async () => arrayList.parse(await api('/arrays')).arrays.map(({ key }) => key),
    stopController: () => controller.stop(),
    async startController() {
      controller = await runController()
    },
    async stop() {
      await Promise.all(contexts.map((context) => context.close()))
      await browser.close()
      await agent.stop()
      await controller.stop()
      await directory.remove()
    },
  }
}

const arrayList = z.object({ arrays: z.array(z.object({ key: z.string() })) })
const vmList = z.object({ vms: z.array(z.object({ name: z.string(), uuid: z.string() })) })

/** The VMs as the API lists them; of its answer only what is looked at. */
async function vmsOf(api: PageWorld['api']): Promise<{ readonly name: string; readonly uuid: string }[]> {
  return vmList.parse(await api('/vms?limit=500')).vms
}
