import { isRunning, type Placement } from '../model/snapshot.js'
import { isOutdatedBy, type CopyOnHost } from './handover.js'

/**
 * Which copy is the VM: a running one before any other, one of a host that reports before one of a silent host, then one that is
 * not told apart from it, the one that changed last, then the lower host id so that the choice never depends on the order of messages.
 */
export function place(
  uuid: string,
  copies: readonly CopyOnHost[],
): (CopyOnHost & { placement: Placement }) | undefined {
  const rank = ({ host, copy }: CopyOnHost): number =>
    (isRunning(copy.state) ? 4 : copy.state === 'paused' ? 2 : 0) + (host.status === 'silent' ? 0 : 1)
  const [best] = copies.toSorted(
    (a, b) =>
      rank(b) - rank(a) ||
      Number(a.copy.isApart) - Number(b.copy.isApart) ||
      b.copy.stateSince - a.copy.stateSince ||
      (a.host.id < b.host.id ? -1 : 1),
  )
  if (best === undefined) return undefined
  const runs = ({ copy }: CopyOnHost): boolean =>
    isRunning(copy.state) && !copies.some((other) => isOutdatedBy(copy, other.copy))
  const runningOn = copies
    .filter((one) => one.host.status !== 'silent' && runs(one))
    .map(({ host }) => host.id)
    .toSorted()
  return {
    ...best,
    placement: {
      vmUuid: uuid,
      hostId: best.host.id,
      runningOn,
      doubled: runningOn.length > 1,
      ...(copies.length > 1 && {
        copies: copies.map((one) => ({
          hostId: one.host.id,
          name: one.copy.name,
          runs: runs(one),
          ...(one.copy.state === 'paused' && { isHalted: true as const }),
        })),
      }),
    },
  }
}
