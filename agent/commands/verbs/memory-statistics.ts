import { quantityOf } from '../../../common/verbs.js'
import { needed } from './needed.js'
import type { CheckContext, VerbWork } from './verb-work.js'

export const memoryStatistics: VerbWork = {
  async checks({ control, vmUuid, signal }) {
    const { live, next } = await needed(control.sizes).sizes(vmUuid, signal)
    const ok = (live ?? next)?.statisticsSeconds !== undefined
    return [{ check: 'balloon', ok, says: ok ? 'it has a balloon' : 'it has no balloon, which tells of memory' }]
  },
  async run(context) {
    const { control, vmUuid, signal } = context
    await needed(control.sizes).setStatisticsPeriod(vmUuid, wanted(context), signal)
    return { state: 'succeeded' }
  },
  async seen(context) {
    const { control, vmUuid, signal } = context
    const { live, next } = await needed(control.sizes).sizes(vmUuid, signal)
    const seconds = (live ?? next)?.statisticsSeconds
    if (seconds === wanted(context)) return { state: 'succeeded', reason: `it is every ${seconds} s` }
    return { state: 'unknown', reason: `it is every ${seconds} s: it was not set, or changed since` }
  },
}

/** Whole seconds: less than one is one, not never. */
function wanted({ args }: Pick<CheckContext, 'args'>): number {
  return Math.ceil((quantityOf('memory-statistics', args, 'every') ?? 0) / 1000)
}
