import { describe, expect, it } from 'vitest'

import { arrayIdOf, type ArrayEvent } from '../model/array-event.js'
import { fleetEventsSince } from './fleet-events.js'

const box = { id: 'iscsi:iqn.box', name: 'iscsi1' }
const at = (second: number, what: ArrayEvent['what'], value?: number): ArrayEvent => {
  return { at: second * 1000, what, ...(value !== undefined && { value }) }
}
const said = (newestFirst: readonly ArrayEvent[], since?: ArrayEvent): string[] =>
  fleetEventsSince(newestFirst, since, box).map((event) => `${event.at / 1000} ${event.kind}`)

describe('what happens to a write cache, as events of the fleet', () => {
  it('says of which array, and what', () => {
    const events = fleetEventsSince([at(9, 'learnt-capacity', 530e6)], undefined, box)
    expect(events).toEqual([
      {
        at: 9000,
        hostId: '',
        vmUuid: '',
        vmName: 'iscsi1',
        kind: 'array-learnt-capacity',
        reason: 'iscsi:iqn.box',
        message: 'learnt: it holds about 530 MB',
      },
    ])
    expect(events.map(arrayIdOf)).toEqual(['iscsi:iqn.box'])
    expect(arrayIdOf({ hostId: 'h', vmUuid: '', kind: 'array-overflow', reason: 'x' })).toBeUndefined()
    expect(arrayIdOf({ hostId: '', vmUuid: '', kind: 'unknown', reason: 'x' })).toBeUndefined()
  })

  const overflow = at(10, 'overflow')
  it.each<[string, string[], string[]]>([
    ['all of them, the newest last', said([at(50, 'drained'), overflow]), ['10 array-overflow', '50 array-drained']],
    ['those that are new', said([at(50, 'drained'), overflow], { ...overflow }), ['50 array-drained']],
    ['nothing twice', said([overflow], { ...overflow }), []],
    ['all, if the one before is forgotten', said([at(50, 'drained')], at(1, 'overflow')), ['50 array-drained']],
    [
      'not what wavers',
      said([at(140, 'stall'), at(90, 'overflow'), at(50, 'overflow'), at(49, 'stall'), overflow], overflow),
      ['49 array-stall', '140 array-stall'],
    ],
    ['what comes back after a minute', said([at(70, 'overflow'), overflow], overflow), ['70 array-overflow']],
  ])('%s', (_what, found, expected) => {
    expect(found).toEqual(expected)
  })
})
