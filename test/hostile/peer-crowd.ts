import { fork } from 'node:child_process'
import { once } from 'node:events'

import type { FromPeers, ToPeers } from './peer-process.js'
import type { Attack, Target } from './peers.js'

/** Hostile peers, in a process of their own. */
export interface PeerCrowd {
  start(kind: Attack, count: number, target: Target): Promise<void>
  count(): Promise<FromPeers>
  stop(): Promise<void>
  close(): Promise<void>
}

export async function openPeerCrowd(): Promise<PeerCrowd> {
  const child = fork(new URL('peer-process.ts', import.meta.url), { execArgv: ['--import', 'tsx'] })
  const ended = once(child, 'exit')
  const ask = async (message: ToPeers): Promise<FromPeers> => {
    const answered = once(child, 'message')
    child.send(message)
    const [answer]: FromPeers[] = await answered
    if (answer === undefined) throw new Error('no answer')
    return answer
  }
  await ask({ type: 'count' })
  return {
    start: async (kind, count, target) => {
      await ask({ type: 'start', kind, count, target })
    },
    count: () => ask({ type: 'count' }),
    stop: async () => {
      await ask({ type: 'stop' })
    },
    async close() {
      child.disconnect()
      await ended
    },
  }
}
