import { ActionRefused } from '../../hypervisor/hypervisor.js'
import type { VerbWork } from './verb-work.js'

const none = 'no limit of this agent is in force'

export const unlimit: VerbWork = {
  checks({ limits, hostId, vmUuid }) {
    const isLimited = limits.of(hostId, vmUuid) !== undefined
    return Promise.resolve([{ check: 'limit', ok: isLimited, says: isLimited ? 'it is limited' : none }])
  },
  run: (context) =>
    context.limits.inTurn(context, async () => {
      const { limits, hostId, vmUuid, signal } = context
      const record = limits.of(hostId, vmUuid)
      if (record === undefined) throw new ActionRefused(none)
      const reason = await limits.putBack(record, Object.keys(record.disks), signal, 'unlimit')
      return { state: 'succeeded', reason }
    }),
  seen({ limits, hostId, vmUuid }) {
    return Promise.resolve(
      limits.of(hostId, vmUuid) === undefined
        ? { state: 'succeeded', reason: none }
        : { state: 'unknown', reason: 'a limit is still kept, and ends at its time' },
    )
  },
}
