import { beforeEach, describe, expect, test } from 'vitest'

import { HypervisorDenied, HypervisorUnavailable, type SampleGroup } from '../hypervisor.js'
import { GapBook } from './gap-book.js'
import { ListReader } from './list-reader.js'
import { CallAbandoned, type LateEnd } from './rpc-error.js'

const groups: ReadonlySet<SampleGroup> = new Set<SampleGroup>(['state', 'block'])
const connection = {}
let clock: number
let lists: ListReader<string>
beforeEach(() => {
  clock = 1000
  lists = new ListReader(new GapBook(), () => clock)
})

const failing = (failure: Error) => async (): Promise<string> => {
  throw failure
}

test('the list, and the last one as long as the connection is the same', async () => {
  expect(lists.last(connection)).toBe(undefined)
  expect(await lists.read(connection, groups, async () => 'first')).toEqual({ list: 'first' })
  expect(lists.last(connection)).toBe('first')
  expect(lists.last({})).toBe(undefined)
  const other = {}
  await lists.read(other, groups, async () => 'second')
  expect([lists.last(connection), lists.last(other)]).toEqual([undefined, 'second'])
})

describe('without one', () => {
  test.each([
    [new Error('out of order'), 'failed', 'the list of VMs: out of order'],
    [new HypervisorDenied('not you'), 'denied', 'the list of VMs: not you'],
    [new CallAbandoned('timeout', Promise.resolve<LateEnd>('lost'), 'late'), 'timeout', 'the list of VMs: late'],
  ])('%o: a gap of the host for each group, since when', async (error, reason, message) => {
    const fail = failing(error)
    await lists.read(connection, groups, fail)
    clock = 2000
    const gap = { reason, message, sinceMs: 1000 }
    expect(await lists.read(connection, groups, fail)).toEqual({
      vms: [],
      gaps: [
        { ...gap, group: 'state' },
        { ...gap, group: 'block' },
      ],
    })
    await lists.read(connection, groups, async () => 'there')
    clock = 3000
    expect(await lists.read(connection, groups, fail)).toMatchObject({ gaps: [{ sinceMs: 3000 }, { sinceMs: 3000 }] })
  })

  test.each([
    [new HypervisorUnavailable('away')],
    [new CallAbandoned('aborted', Promise.resolve<LateEnd>('lost'), 'nobody waits')],
  ])('%o: no gap, an exception', async (error) => {
    await expect(lists.read(connection, groups, failing(error))).rejects.toBe(error)
  })

  test.each(['timeout', 'aborted'] as const)('%s: none is asked for while that one is owed', async (why) => {
    let answer: (end: LateEnd) => void = () => undefined
    const late = new Promise<LateEnd>((resolve) => {
      answer = resolve
    })
    const asked: string[] = []
    const ask = async (): Promise<string> => {
      asked.push('again')
      return 'there'
    }
    await lists.read(connection, groups, failing(new CallAbandoned(why, late, 'late'))).catch(() => undefined)
    const message = 'the last list of VMs has not been answered yet'
    expect(await lists.read(connection, groups, ask)).toMatchObject({ gaps: [{ reason: 'timeout', message }, {}] })
    expect(asked).toEqual([])
    answer('failed')
    await late
    expect(await lists.read(connection, groups, ask)).toEqual({ list: 'there' })
  })
})
