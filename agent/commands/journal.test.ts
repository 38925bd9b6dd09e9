import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterEach, beforeEach, expect, it } from 'vitest'

import { createLog } from '../../common/log.js'
import { isForgettable, notAdmitted } from './command-record.js'
import { DiskJournal } from './journal.js'

let directory: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'headroom-journal-'))
})
afterEach(() => rm(directory, { recursive: true, force: true }))

it.each(['', '{"spec":{"id":"c1"}', '{"spec":{"id":"c2"},"state":"running","revision":1}'])(
  'keeps the id of a command whose record is damaged (%j), over lives, until it cannot come again',
  async (content) => {
    await writeFile(join(directory, 'c1.json'), content)
    const log = createLog('test', 'silent')
    for (let life = 0; life < 2; life += 1) {
      const [record, ...others] = await new DiskJournal(directory, log).load()
      expect(record).toMatchObject({ spec: { id: 'c1' }, state: 'unknown', reason: expect.stringMatching(/damaged/) })
      expect(others).toEqual([])
      const acked = record && { ...record, ackedRevision: record.revision }
      const dayMs = 86_400_000
      expect(acked && isForgettable(acked, Date.now() + dayMs)).toBe(false)
      expect(acked && isForgettable(acked, Date.now() + 2 * dayMs)).toBe(true)
      // The last moment at which one that was asked for until now is taken in.
      expect(acked && notAdmitted({ ...acked.spec, onlyReport: false }, Date.now() + 2 * dayMs)?.state).toBe('expired')
    }
    expect((await readdir(directory)).toSorted()).toEqual(['c1.json', 'c1.json.damaged'])
  },
)
