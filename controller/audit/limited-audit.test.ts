import { describe, expect, it } from 'vitest'

import { createLog } from '../../common/log.js'
import { LimitedAudit } from './limited-audit.js'

function limited(): { audit: LimitedAudit; entries: object[]; fail: (fails: boolean) => void } {
  const entries: object[] = []
  let fails = false
  const record = (_at: number, what: object): Promise<void> => {
    if (fails) return Promise.reject(new Error('full'))
    entries.push(what)
    return Promise.resolve()
  }
  return { audit: new LimitedAudit({ record }, createLog('test', 'silent')), entries, fail: (now) => (fails = now) }
}

describe('entries that somebody can make at will', () => {
  it('are so many a minute for each, and say how many were left out', async () => {
    const { audit, entries } = limited()
    for (let count = 0; count < 300; count += 1) await audit.note('stranger', { count }, 0)
    expect(entries).toHaveLength(100)
    await audit.note('ann', { event: 'x' }, 0)
    expect(entries.at(-1)).toEqual({ event: 'x' })
    await audit.note('stranger', { event: 'y' }, 6001)
    expect(entries.at(-1)).toEqual({ event: 'y', leftOutBefore: 200 })
    await audit.note('stranger', { event: 'z' }, 13_000)
    expect(entries.at(-1)).toEqual({ event: 'z' })
  })

  it('that could not be written count as left out', async () => {
    const { audit, entries, fail } = limited()
    fail(true)
    await audit.note('ann', { event: 'x' }, 0)
    fail(false)
    await audit.note('ann', { event: 'y' }, 1)
    expect(entries).toEqual([{ event: 'y', leftOutBefore: 1 }])
  })
})
