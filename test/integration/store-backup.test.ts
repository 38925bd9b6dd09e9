import { execFileSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { z } from 'zod'

import { createLog } from '../../common/log.js'
import { BackupDesk } from '../../controller/store/embedded/backup-desk.js'
import { SqlDatabase } from '../../controller/store/embedded/database.js'
import { openEmbeddedStore, type EmbeddedStore } from '../../controller/store/embedded/embedded-store.js'
import { checkStore, type CheckReport } from '../../controller/store/embedded/offline/check-store.js'
import type { Batch } from '../../controller/store/time-series.js'
import { startApiFixture } from '../support/api-fixture.js'
import { runCliHere } from '../support/cli/run-cli.js'

const hourMs = 3_600_000
const t0 = Date.UTC(2026, 2, 1)
const ids = Array.from({ length: 20 }, (_, index) => `vm${index}`)
const log = createLog('test', 'silent')

let directory: string
let data: string
let path: string
const undo: (() => Promise<unknown> | void)[] = []

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'headroom-backup-'))
  data = join(directory, 'data')
  path = join(data, 'controller', 'series.db')
  mkdirSync(join(data, 'controller'), { recursive: true })
  undo.push(() => rmSync(directory, { recursive: true }))
})

afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step()
})

let nowMs = t0

/** Points are kept for a day, so that there are old days too. */
async function open(at = path): Promise<EmbeddedStore> {
  const store = await openEmbeddedStore({
    path: at,
    log,
    retention: { rawMs: 24 * hourMs, maxBytes: 2 ** 40 },
    now: () => nowMs,
    maintainEveryMs: 20,
  })
  undo.push(() => store.close())
  return store
}

function batchOf(seq: number): Batch {
  const at = t0 + seq * 600_000
  nowMs = at
  return {
    points: ids.map((id, index) => ({
      entity: { kind: 'vm', id },
      atMs: at,
      fields: { running: 1, cpuCores: ((seq * 7919 + index * 31) % 1000) / 997, memoryBytes: seq * 4096 },
    })),
    events: [{ at, hostId: 'h', vmUuid: 'vm0', vmName: 'mail', kind: 'k', reason: String(seq), message: '' }],
    marks: [{ spoolId: 's', throughSeq: seq }],
  }
}

/** Four days: points of the last one, roll-ups of all, some of the newest still in the log. */
async function filled(): Promise<{ readonly store: EmbeddedStore; readonly through: number }> {
  const store = await open()
  const through = 4 * 144 - 1
  for (let seq = 0; seq <= through; seq += 1) await store.write(batchOf(seq))
  return { store, through }
}

async function countOf(store: EmbeddedStore, id = 'vm3'): Promise<number> {
  const query = { entity: { kind: 'vm', id }, fields: ['running'], stepMs: 0, agg: 'sum', tier: '1h' } as const
  const { rows } = await store.range({ ...query, fromMs: 0, toMs: Infinity })
  return rows.reduce((sum, row) => sum + (row[1] ?? 0), 0)
}

function checked(at: string): CheckReport {
  const steps = checkStore(at)
  for (;;) {
    const { done, value } = steps.next()
    if (done === true) return value
  }
}

test('a backup holds all that was acked before it began, and writes go on meanwhile', { timeout: 60_000 }, async () => {
  const { store, through } = await filled()
  const backup = join(directory, 'backup.db')
  let seq = through
  const end = new AbortController()
  const done = store.backUp(backup).finally(() => end.abort())
  while (!end.signal.aborted) await store.write(batchOf((seq += 1)))
  await done
  expect(seq).toBeGreaterThan(through + 1)
  expect(statSync(backup).mode & 0o777).toBe(0o600)
  expect(readdirSync(directory)).toEqual(['backup.db', 'data'])
  const report = checked(backup)
  expect(report.problems).toEqual([])
  expect(report.rows['days']).toBeGreaterThan(0)
  const copy = await open(backup)
  const marked = (await copy.marks()).get('s') ?? -1
  expect(marked).toBeGreaterThanOrEqual(through)
  expect(marked).toBeLessThanOrEqual(seq)
  for (const id of ['vm0', 'vm19']) expect(await countOf(copy, id)).toBe(marked + 1)
  const events = await copy.events({ fromMs: 0, toMs: Infinity, limit: 10_000 })
  expect(events.map(({ reason }) => Number(reason))).toEqual(
    Array.from({ length: marked + 1 }, (_, back) => marked - back),
  )
})

test('a backup that fails leaves nothing, and the store as it was', async () => {
  const { store, through } = await filled()
  await expect(store.backUp(join(path, 'x'))).rejects.toThrow('series.db/x')
  const full = join(directory, 'full')
  mkdirSync(full)
  if (process.getuid?.() === 0) {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=400k', 'tmpfs', full])
    undo.push(() => void execFileSync('umount', ['-l', full]))
  }
  await expect(store.backUp(join(full, 'backup.db'))).rejects.toThrow('the disk is full')
  expect(readdirSync(full)).toEqual([])
  await store.write(batchOf(through + 1))
  expect(await store.health()).toMatchObject({ ok: true, problem: '' })
})

test('closing ends a backup that is under way', async () => {
  const { store } = await filled()
  const outcome = store.backUp(join(directory, 'backup.db')).catch((error: unknown) => error)
  await store.close()
  expect(await outcome).toMatchObject({ message: 'store is closed' })
  expect(existsSync(join(directory, 'backup.db'))).toBe(false)
  await open()
})

describe('with the program', () => {
  test('backup, check, restore: all that was there is there again', { timeout: 60_000 }, async () => {
    const { store, through } = await filled()
    const backups = await BackupDesk.open(store, join(data, 'controller'), log, () => nowMs)
    const fixture = await startApiFixture({ store, backups })
    undo.push(() => fixture.stop())
    const run = (...words: string[]) =>
      runCliHere(words, { HEADROOM_URL: fixture.api.url, HEADROOM_TOKEN: fixture.token, HEADROOM_DATA: data })
    const backup = join(directory, 'backup.db')
    expect(await run('store', 'backup', backup, '--json')).toMatchObject({ code: 0, stderr: '' })
    expect(readdirSync(join(data, 'controller')).filter((name) => name.includes('backup'))).toEqual([])
    expect(await run('store', 'backup', backup)).toMatchObject({ code: 1, stderr: expect.stringContaining('exists') })
    expect(await run('store', 'check', backup)).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('everything fits'),
    })
    for (const words of [['check'], ['restore', backup]])
      expect(await run('store', ...words)).toMatchObject({
        code: 1,
        stderr: expect.stringMatching(/another process uses the file.*\n.*stop the controller first/),
      })
    await store.write(batchOf(through + 1))
    await store.close()
    const restored = z
      .object({ restored: z.string(), formerPath: z.string(), points: z.number() })
      .parse(JSON.parse((await run('store', 'restore', backup, '--json')).stdout))
    expect(restored.restored).toBe(path)
    const again = await open()
    expect((await again.marks()).get('s')).toBe(through)
    expect(await countOf(again)).toBe(through + 1)
    await again.close()
    const former = await open(restored.formerPath)
    expect((await former.marks()).get('s')).toBe(through + 1)
  })

  test('a store of another kind has no backup here', async () => {
    const fixture = await startApiFixture()
    undo.push(() => fixture.stop())
    const run = await runCliHere(['store', 'backup', join(directory, 'x')], {
      HEADROOM_URL: fixture.api.url,
      HEADROOM_TOKEN: fixture.token,
    })
    expect(run).toMatchObject({ code: 1, stderr: expect.stringContaining('a server of their own') })
  })
})

describe('damage', () => {
  const run = (...words: string[]) => runCliHere(['store', ...words], { HEADROOM_DATA: data })
  let through: number

  beforeEach(async () => {
    const filledStore = await filled()
    through = filledStore.through
    await filledStore.store.close()
  })

  /** Overwrites some bytes of a page. */
  function overwrite(page: number, at: number, bytes: Buffer): void {
    const file = readFileSync(path)
    bytes.copy(file, (page - 1) * 4096 + at)
    writeFileSync(path, file)
  }

  function rootOf(table: string): number {
    const db = new SqlDatabase(path)
    const root = z.number().parse(db.prepare('SELECT rootpage FROM sqlite_schema WHERE name = ?').get(table)?.[0])
    db.close()
    return root
  }

  test('a flipped byte of what is stored is found, and the store serves all else', async () => {
    const file = readFileSync(path)
    const db = new SqlDatabase(path)
    const row = db.prepare('SELECT data FROM chunks ORDER BY rowid DESC LIMIT 1').get()?.[0]
    db.close()
    if (!Buffer.isBuffer(row)) throw new Error('a chunk')
    const at = file.indexOf(row.subarray(0, 60))
    expect(at).toBeGreaterThan(0)
    file[at + 30] = (file[at + 30] ?? 0) ^ 4
    writeFileSync(path, file)
    expect(await run('check')).toMatchObject({
      code: 3,
      stdout: expect.stringMatching(/chunks, series \d+, hour \d+: .*damaged/),
    })
    const store = await open()
    expect(await countOf(store)).toBe(through + 1)
    await store.write(batchOf(through + 1))
  })

  test('a broken structure is named, and repaired as far as it can be read', { timeout: 60_000 }, async () => {
    // The top of the tree that holds the chunks: its rows are found by its indexes' neighbours only in part, if at all.
    overwrite(rootOf('rollups'), 0, Buffer.alloc(64, 0xee))
    const found = await run('check')
    expect(found).toMatchObject({ code: 3, stdout: expect.stringContaining('structure: ') })
    const repaired = await run('check', '--repair')
    expect(repaired.stdout).toContain('the damaged file is')
    expect(repaired.stdout).toContain('could not be read in full: rollups')
    const store = await open()
    const { rows } = await store.range({
      entity: { kind: 'vm', id: 'vm7' },
      fields: ['running'],
      fromMs: t0 + 3.2 * 24 * hourMs,
      toMs: Infinity,
      stepMs: 0,
      agg: 'last',
    })
    expect(rows.length).toBeGreaterThan(100)
    expect((await store.marks()).get('s')).toBe(through)
    await store.write(batchOf(through + 1))
  })

  test.each(['the whole file', 'a half'])('%s that is no store is refused, and left as it is', async (what) => {
    if (what === 'a half') truncateSync(path, 3 * 4096)
    else writeFileSync(path, Buffer.alloc(50_000, 'no store'))
    const before = readFileSync(path)
    await expect(open()).rejects.toThrow(/series\.db/)
    const { code, stdout, stderr } = await run('check')
    expect(code).not.toBe(0)
    expect(stdout + stderr).toMatch(/damaged|structure/)
    expect(readFileSync(path).equals(before)).toBe(true)
  })

  test('a damaged backup is not restored', async () => {
    const backup = join(directory, 'backup.db')
    writeFileSync(backup, readFileSync(path).subarray(0, 20 * 4096))
    const before = readFileSync(path)
    expect(await run('restore', backup)).toMatchObject({ code: 1, stderr: expect.stringContaining('damaged') })
    expect(readFileSync(path).equals(before)).toBe(true)
    expect(await run('restore', join(directory, 'nothing.db'))).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('no such file'),
    })
    expect(existsSync(join(directory, 'nothing.db'))).toBe(false)
  })

  test('a newer file is neither checked nor restored', async () => {
    const backup = join(directory, 'backup.db')
    const db = new SqlDatabase(backup)
    db.exec('CREATE TABLE something (a); PRAGMA user_version = 99')
    db.close()
    for (const words of [
      ['check', backup],
      ['restore', backup],
    ])
      expect(await run(...words)).toMatchObject({ code: 1, stderr: expect.stringContaining('version 99 is newer') })
  })
})
