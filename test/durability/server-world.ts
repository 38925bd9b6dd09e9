import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

import type { ServerStoreOptions } from '../../controller/store/server/server-store.js'
import type { DebianServer } from '../support/debian-server.js'
import { startInflux } from '../support/influx-server.js'
import { influxStore, serverAddress, victoriaStore } from '../support/server-options.js'
import { influxWitness, victoriaWitness, type Witness } from '../support/server-witness.js'
import { startVictoria, startVmagent, startVmauth } from '../support/victoria-server.js'

export const serverKinds = ['influxdb', 'victoriametrics', 'victoria-pair'] as const
export type ServerKind = (typeof serverKinds)[number]

/** Servers of one kind with a store that uses them, and what can fail of them. */
export interface ServerWorld {
  readonly options: ServerStoreOptions
  readonly parts: Readonly<Record<string, DebianServer>>
  /** Each has to have everything, once. */
  readonly witnesses: Readonly<Record<string, Witness>>
  stop(): Promise<void>
}

const database = 'trial'
/** Longer than any flush, and short enough that some of it is confirmed within a trial. */
const pace = { requestMs: 3000, durableAfterMs: 12_000, lookEveryMs: 500, settleMs: 4000 }

export async function startServers(kind: ServerKind, directory: string): Promise<ServerWorld> {
  switch (kind) {
    case 'influxdb':
      return influxWorld(directory)
    case 'victoriametrics':
      return victoriaWorld(directory)
    case 'victoria-pair':
      return pairWorld(directory)
  }
}

async function influxWorld(directory: string): Promise<ServerWorld> {
  const { url, server } = await startInflux(join(directory, 'influx'))
  return {
    options: influxStore(serverAddress(url), {
      path: join(directory, 'queue.db'),
      database,
      pace: { requestMs: 3000, settleMs: 500 },
    }),
    parts: { influxd: server },
    witnesses: { influxd: influxWitness(url, database) },
    stop: () => server.stop(),
  }
}

async function victoriaWorld(directory: string): Promise<ServerWorld> {
  const { url, server } = await startVictoria(join(directory, 'victoria'))
  return {
    options: victoriaStore(serverAddress(url), { path: join(directory, 'queue.db'), database, pace }),
    parts: { 'victoria-metrics': server },
    witnesses: { 'victoria-metrics': victoriaWitness(url, database) },
    stop: () => server.stop(),
  }
}

/** Two single nodes: vmagent gives both what it gets, vmauth asks the one or the other. */
async function pairWorld(directory: string): Promise<ServerWorld> {
  const first = await startVictoria(join(directory, 'first'))
  const second = await startVictoria(join(directory, 'second'))
  const agent = await startVmagent(join(directory, 'vmagent'), [first.url, second.url])
  const authFile = join(directory, 'vmauth.yml')
  writeFileSync(
    authFile,
    `users:\n  - username: headroom\n    password: secret\n    url_prefix:\n      - ${first.url}/\n      - ${second.url}/\n`,
  )
  const auth = await startVmauth(join(directory, 'vmauth'), authFile)
  const nodes = [first, second, agent].map(({ url }) => serverAddress(url))
  const parts = {
    first: first.server,
    second: second.server,
    vmagent: agent.server,
    vmauth: auth.server,
  }
  return {
    options: victoriaStore(
      serverAddress(auth.url, { user: 'headroom', password: 'secret' }),
      { path: join(directory, 'queue.db'), database, pace },
      { write: serverAddress(agent.url), nodes },
    ),
    parts,
    witnesses: { first: victoriaWitness(first.url, database), second: victoriaWitness(second.url, database) },
    async stop() {
      for (const server of [auth, agent, second, first].map((one) => one.server)) await server.stop()
    },
  }
}
