import { setPriority } from 'node:os'

import { attack, type Attack, type HostilePeer, type Target } from './peers.js'

/** What the process of hostile peers is told, and answers. */
export type ToPeers =
  | { readonly type: 'start'; readonly kind: Attack; readonly count: number; readonly target: Target }
  | { readonly type: 'stop' }
  | { readonly type: 'count' }
/** How many of each kind were started since the last stop, and how many of them the other side has ended. */
export type FromPeers = Readonly<Record<string, { readonly started: number; readonly closed: number }>>

/** Hostile peers in a process of their own, so that their work is not the controller's. Told by messages, answers each. */
// On other machines in earnest: here the controller comes first.
setPriority(10)
const peers: { readonly kind: Attack; readonly peer: HostilePeer }[] = []

process.on('message', (message: ToPeers) => {
  switch (message.type) {
    case 'start': {
      const { kind, count, target } = message
      for (let n = 0; n < count; n += 1) peers.push({ kind, peer: attack(kind, target) })
      break
    }
    case 'stop':
      for (const { peer } of peers.splice(0)) peer.stop()
      break
    case 'count':
  }
  process.send?.(counts())
})
process.on('disconnect', () => process.exit(0))

function counts(): FromPeers {
  const found: Record<string, { started: number; closed: number }> = {}
  for (const { kind, peer } of peers) {
    const count = (found[kind] ??= { started: 0, closed: 0 })
    count.started += 1
    if (peer.isClosed) count.closed += 1
  }
  return found
}
