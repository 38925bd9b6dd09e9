import { quantityOf, type Verdict } from '../../../common/verbs.js'
import { ActionRefused } from '../../hypervisor/hypervisor.js'
import { needed } from './needed.js'
import type { CheckContext, VerbWork } from './verb-work.js'

export const vcpus: VerbWork = {
  async checks(context) {
    const count = wanted(context)
    const { live, next } = await needed(context.control.sizes).sizes(context.vmUuid, context.signal)
    return [vcpusVerdict(count, live?.vcpusMax, next !== undefined)]
  },
  async run(context) {
    const { control, vmUuid, signal } = context
    const count = wanted(context)
    const sizes = needed(control.sizes)
    const { live, next } = await sizes.sizes(vmUuid, signal)
    if (next !== undefined) {
      if (count > next.vcpusMax) await sizes.setVcpus(vmUuid, count, 'maximum', signal)
      await sizes.setVcpus(vmUuid, count, 'next', signal)
    }
    if (live === undefined) return { state: 'succeeded', reason: 'at its next start' }
    if (live.vcpus === count) return { state: 'succeeded' }
    if (count > live.vcpusMax)
      return { state: 'succeeded', reason: `at its next start: this run can have at most ${live.vcpusMax}` }
    try {
      await sizes.setVcpus(vmUuid, count, 'live', signal)
    } catch (error) {
      if (!(error instanceof ActionRefused) || next === undefined) throw error
      return { state: 'succeeded', reason: `at its next start: in this run that cannot be (${error.message})` }
    }
    return { state: 'succeeded' }
  },
  async seen(context) {
    const count = wanted(context)
    const { live, next } = await needed(context.control.sizes).sizes(context.vmUuid, context.signal)
    if (live?.vcpus === count) return { state: 'succeeded', reason: `it has ${count}` }
    if (next?.vcpus === count) return { state: 'succeeded', reason: `it has ${count} at its next start` }
    return { state: 'unknown', reason: `it has ${(live ?? next)?.vcpus}: it was not set, or changed since` }
  },
}

function wanted({ args }: Pick<CheckContext, 'args'>): number {
  const count = quantityOf('vcpus', args, 'count')
  if (count === undefined) throw new Error('vcpus without a count')
  return count
}

function vcpusVerdict(count: number, liveMax: number | undefined, isPersistent: boolean): Verdict {
  const check = 'vcpus'
  if (liveMax === undefined) return { check, ok: true, says: 'it is off: at its next start' }
  if (count <= liveMax) return { check, ok: true, says: `this run can have ${liveMax}` }
  return isPersistent
    ? { check, ok: true, says: `this run can have at most ${liveMax}: at its next start` }
    : { check, ok: false, says: `this run can have at most ${liveMax}, and there is no other: it is not persistent` }
}
