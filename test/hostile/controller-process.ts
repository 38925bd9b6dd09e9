import { rm } from 'node:fs/promises'

import { enrolAgent, hostNamed } from '../support/ingest-agent.js'
import { preferThisProcess } from './priority.js'
import { scratch, startIngest, type IngestOptions } from '../support/ingest-controller.js'
import type { Identity } from '../../agent/report/identity.js'

/** What the process of a controller is told, and answers. */
export type ToController =
  | { readonly type: 'start'; readonly options: IngestOptions }
  | { readonly type: 'enrol'; readonly name: string }
  | { readonly type: 'state' }
  | { readonly type: 'stop' }
export interface ControllerState {
  readonly address: string
  readonly rssMiB: number
  readonly cpuSeconds: number
  /** Refused connections and messages, by reason. */
  readonly refused: Readonly<Record<string, number>>
  readonly connections: Readonly<Record<string, number>>
}
export type FromController =
  | { readonly state: ControllerState }
  | { readonly identity: Identity }
  | { readonly stopped: true }

/** A controller in a process of its own, to be measured apart from whoever attacks it. Told by messages, answers each. */
preferThisProcess()
const dir = await scratch()
let controller: Awaited<ReturnType<typeof startIngest>> | undefined

process.on('message', (message: ToController) => {
  void answer(message).then((answered) => process.send?.(answered))
})
process.on('disconnect', () => process.exit(0))

async function answer(message: ToController): Promise<FromController> {
  switch (message.type) {
    case 'start':
      controller = await startIngest(dir.path, message.options)
      return { state: await state() }
    case 'enrol': {
      const { name } = message
      const [address, token] = [started().address, await started().token()]
      const identity = await enrolAgent({ address, token, dataDir: dir.path, hosts: [hostNamed(name)] })
      await rm(`${dir.path}/identity.json`)
      return { identity }
    }
    case 'state':
      return { state: await state() }
    case 'stop':
      await started().stop()
      await dir.remove()
      return { stopped: true }
  }
}

function started(): Awaited<ReturnType<typeof startIngest>> {
  if (controller === undefined) throw new Error('not started')
  return controller
}

async function state(): Promise<ControllerState> {
  const { address, metrics } = started()
  const { user, system } = process.cpuUsage()
  const refused: Record<string, number> = {}
  for (const counter of [metrics.refusedConnections, metrics.refusedMessages, metrics.refusedFields]) {
    for (const { labels, value } of (await counter.get()).values) refused[Object.values(labels).join(' ')] = value
  }
  const open = (await metrics.connections.get()).values.map(({ labels, value }) => [String(labels.of), value] as const)
  return {
    address,
    rssMiB: Math.round(process.memoryUsage.rss() / 2 ** 20),
    cpuSeconds: (user + system) / 1e6,
    refused,
    connections: Object.fromEntries(open),
  }
}
