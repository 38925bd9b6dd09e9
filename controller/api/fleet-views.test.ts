import { describe, expect, it } from 'vitest'

import { elabArrayKey, elabSnapshot } from '../../test/support/elab-fleet.js'
import { HandFleet } from '../../test/support/hand-fleet.js'
import { policyOf } from '../../test/support/policy-with.js'
import { hostIdOf, known, uuidOf, withVm } from '../../test/support/snapshot-builder.js'
import { FleetLook } from '../fleet-look.js'
import type { Policy } from '../model/policy.js'
import type { Snapshot } from '../model/snapshot.js'
import { defaultPolicy } from '../policy/policy-file.js'
import { FleetViews, type ViewSet } from './fleet-views.js'
import { difference, nothingSent } from './view-diff.js'

const noAlerts = { alerts: new Map() }

/** Names of the views that are other objects than before. */
function renewed(before: ViewSet, after: ViewSet): string[] {
  const sets = (['hosts', 'vms', 'arrays', 'agents'] as const).flatMap((kind) => {
    const old: ReadonlyMap<string, object> = before[kind]
    return [...after[kind]].filter(([key, view]) => old.get(key) !== view).map(([, { name }]) => name)
  })
  return sets.sort()
}

function changed(change: (snapshot: Snapshot) => Snapshot): string[] {
  const fleet = new HandFleet(elabSnapshot())
  const views = viewsOf(fleet)
  const before = views.current()
  fleet.set(change(fleet.snapshot()))
  return renewed(before, views.current())
}

function viewsOf(fleet: HandFleet, policy: () => Policy = () => defaultPolicy): FleetViews {
  const circumstances = {}
  const inForce = (): { policy: Policy; problem: undefined } => ({ policy: policy(), problem: undefined })
  return new FleetViews(new FleetLook({ fleet, policy: inForce, circumstances: () => circumstances }), noAlerts)
}

describe('views', () => {
  it('are made once for a snapshot and a policy', () => {
    let policy: Policy = defaultPolicy
    const views = viewsOf(new HandFleet(elabSnapshot()), () => policy)
    const first = views.current()
    expect(views.current()).toBe(first)
    policy = policyOf('arrays: [{ match: "*", name: box }]')
    expect(views.current()).not.toBe(first)
    expect(views.current().arrays.get(elabArrayKey)?.name).toBe('box')
  })

  it.each<[string, (snapshot: Snapshot) => Snapshot, string[]]>([
    ['nothing', (snapshot) => ({ ...snapshot, revision: 2 }), []],
    [
      'a metric of a VM',
      (snapshot) => withVm(snapshot, 'bell', { metrics: { memoryMaxBytes: known(2 ** 30) } }),
      ['bell'],
    ],
    [
      'the memory of a VM',
      (snapshot) => withVm(snapshot, 'panda', { metrics: { memoryMaxBytes: known(1) } }),
      ['panda', 'xenhv03'],
    ],
    ['a VM that stops', (snapshot) => withVm(snapshot, 'panda', { state: 'shutoff' }), ['panda', 'xenhv03']],
    [
      'a VM that moves',
      (snapshot) => withVm(snapshot, 'mail', { hostId: hostIdOf('xenhv03') }),
      ['mail', 'xenhv02', 'xenhv03'],
    ],
    ['the name of a VM on an array', (snapshot) => withVm(snapshot, 'mail', { name: 'post' }), ['iscsi1', 'post']],
    [
      'a disk',
      (snapshot) => {
        const id = `${uuidOf('bell')}/vda`
        const disk = snapshot.disks.get(id)
        return disk === undefined ? snapshot : { ...snapshot, disks: new Map(snapshot.disks).set(id, { ...disk }) }
      },
      ['bell'],
    ],
    [
      'two copies of a VM',
      (snapshot) => {
        const runningOn = [hostIdOf('xenhv01'), hostIdOf('xenhv02')]
        const placement = { vmUuid: uuidOf('bell'), hostId: hostIdOf('xenhv01'), runningOn, doubled: true }
        return { ...snapshot, placements: new Map([[uuidOf('bell'), placement]]) }
      },
      ['bell', 'xenhv02'],
    ],
  ])('%s renews what shows it and no more', (_, change, names) => {
    expect(changed(change)).toEqual(names)
  })
})

describe('the difference to what a client has', () => {
  it('is everything at first, in parts, then nothing', () => {
    const set = viewsOf(new HandFleet(elabSnapshot())).current()
    const sent = nothingSent()
    const sizes: number[] = []
    for (let change = difference(set, sent, 15, true); change !== undefined; change = difference(set, sent, 15)) {
      sizes.push(change.hosts.length + change.vms.length + change.arrays.length)
    }
    expect(sizes).toEqual([15, 15, 7])
  })

  it('of a new revision that shows no change is empty, and tells the revision', () => {
    const fleet = new HandFleet(elabSnapshot())
    const views = viewsOf(fleet)
    const sent = nothingSent()
    difference(views.current(), sent, 1000, true)
    fleet.set({ ...fleet.snapshot(), revision: 2 })
    expect(difference(views.current(), sent, 1000)).toMatchObject({ revision: 2, reset: false, hosts: [], vms: [] })
    expect(difference(views.current(), sent, 1000)).toBeUndefined()
  })
})
