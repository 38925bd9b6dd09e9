import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

import { afterEach, expect, test } from 'vitest'

import { createLocalFiles } from '../../agent/host/local-files.js'
import { mdCollector } from '../../agent/storage/health/md.js'
import { healthToWire } from '../../agent/report/health-to-wire.js'
import { ArrayModels } from '../../controller/array-watch/array-models.js'
import { FieldCheck } from '../../controller/ingest/field-check.js'
import { healthFromWire } from '../../controller/ingest/health-from-wire.js'
import type { Snapshot, StorageArray, StorageHealth } from '../../controller/model/snapshot.js'
import { policyOf } from '../support/policy-with.js'
import { buildSnapshot, builtAt, hostIdOf } from '../support/snapshot-builder.js'

/**
 * Trees of a storage server whose RAID loses a disk, hand-written after Documentation/admin-guide/md.rst and drivers/md/md.c (md_seq_show) of the
 * kernel: read by the agent's own collector, told as agents tell it, and looked at by the models of arrays.
 */
const raid = (level: string, members: string, counted: string, more = ''): string =>
  [
    'Personalities : [raid1] [raid6] [raid5] [raid4]',
    `md0 : active ${level} ${members}`,
    `      8790402048 blocks super 1.2 level 5, 512k chunk, algorithm 2 ${counted}`,
    more,
    'unused devices: <none>',
    '',
  ].join('\n')

const four = 'sdd1[4] sdc1[2] sdb1[1] sda1[0]'
const rebuild =
  '      [=>...................]  recovery =  8.1% (237600640/2930134016) finish=312.2min speed=143700K/sec'
const whole = raid('raid5', four, '[4/4] [UUUU]')
const lost = raid('raid5', 'sdd1[4] sdc1[2](F) sdb1[1] sda1[0]', '[4/3] [UU_U]')

const trees: string[] = []
afterEach(() => {
  for (const tree of trees.splice(0)) rmSync(tree, { recursive: true })
})

async function healthOf(mdstat: string): Promise<StorageHealth> {
  const root = mkdtempSync(join(tmpdir(), 'headroom-md-limits-'))
  trees.push(root)
  const file = join(root, 'proc/mdstat')
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, mdstat)
  const roots = { procRoot: join(root, 'proc'), sysRoot: join(root, 'sys') }
  const items = await mdCollector(roots, createLocalFiles()).collect(new AbortController().signal)
  const source = { name: 'md', state: 'read', reason: '', readAtMs: builtAt } as const
  const none = { md: [], 'raid-controller': [], smart: [], lvm: [] }
  const wire = healthToWire({ sources: [source], items: { ...none, ...items } })
  return healthFromWire(wire, { at: builtAt, offsetMs: 0 }, new FieldCheck())
}

const own = 'local:store:md0'
const lun = 'iscsi:box'
const policy = policyOf(
  'arrays: [{ name: box, match: "iscsi:box", cache: 200MB, drain: 40MB/s }, { name: disks, match: "local:store:md0", cache: 200MB, drain: 40MB/s }]',
)

/** What the model of an array says after a second in which 5 MB came in, and what its disks drain likely. */
function lookedAt(models: ArrayModels, key: string, health: StorageHealth, second: number) {
  const base = buildSnapshot({
    hosts: ['store', 'a', 'b'].map((name) => ({ name, memoryMiB: 1024 })),
    vms: [],
    arrays: [own, lun].map((array) => ({ key: array, name: array, kind: '' })),
  })
  const at = builtAt + 1000 * second
  const exchanged = { writeBytes: 5e6 * second, writeRequests: 20 * second }
  const served = [{ arrayKey: lun, address: '10.0.0.1', at, exchanged }]
  const arrays = [...base.arrays.values()].map((array): StorageArray => {
    const hostIds = (array.key === own ? ['store'] : ['a', 'b']).map(hostIdOf)
    return { ...array, hostIds, exchanges: array.key === own ? [{ hostId: hostIdOf('store'), at, exchanged }] : [] }
  })
  const snapshot: Snapshot = {
    ...base,
    at,
    hosts: new Map(
      [...base.hosts].map(([id, host]) => [
        id,
        host.name === 'store' ? { ...host, storageHealth: health, served } : host,
      ]),
    ),
    arrays: new Map(arrays.map((array) => [array.key, array])),
  }
  models.look(snapshot, policy, at)
  const condition = models.watched.get(key)?.condition
  return {
    loadClass: condition?.loadClass,
    drain: condition?.drain.likely ?? 0,
    copies: condition?.burst.bulkCopies ?? 0,
  }
}

test.each<[string, string, string, readonly [number, number]]>([
  ['of RAID 5', lost, 'degraded', [0.3, 0.9]],
  ['of RAID 6', raid('raid6', 'sdd1[4] sdc1[2] sdb1[1](F) sda1[0]', '[4/3] [U_UU]'), 'degraded', [0.3, 0.9]],
  ['that is being replaced', raid('raid5', four, '[4/3] [UUU_]', rebuild), 'rebuild', [0.3, 0.9]],
  ['of a mirror', raid('raid1', 'sdb1[1](F) sda1[0]', '[2/1] [U_]'), 'sequential', [1, 1]],
])(
  'a missing disk %s changes what the array drains at the next tick, as its own disks and as what it exports',
  async (_, mdstat, loadClass, share) => {
    const [before, after] = [await healthOf(whole), await healthOf(mdstat)]
    for (const key of [own, lun]) {
      const models = new ArrayModels()
      for (let second = 0; second < 5; second += 1) lookedAt(models, key, before, second)
      const well = lookedAt(models, key, before, 5)
      expect(well.loadClass).toBe('sequential')
      const now = lookedAt(models, key, after, 6)
      expect(now.loadClass).toBe(loadClass)
      expect(now.drain / well.drain).toBeGreaterThanOrEqual(share[0])
      expect(now.drain / well.drain).toBeLessThanOrEqual(share[1])
      expect(lookedAt(models, key, before, 7)).toMatchObject({ loadClass: 'sequential' })
    }
  },
)
