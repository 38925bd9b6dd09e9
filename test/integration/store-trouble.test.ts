import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Worker } from 'node:worker_threads'

import { afterEach, beforeEach, expect, test, vi } from 'vitest'

import { createLog } from '../../common/log.js'
import { SqlDatabase } from '../../controller/store/embedded/database.js'
import {
  openEmbeddedStore,
  startStoreWorker,
  type EmbeddedStore,
  type EmbeddedStoreOptions,
} from '../../controller/store/embedded/embedded-store.js'
import type { Batch } from '../../controller/store/time-series.js'

const t0 = Date.UTC(2026, 2, 1, 10)
const mayMount = process.getuid?.() === 0 && process.platform === 'linux'

let directory: string
let path: string
const undo: (() => Promise<void> | void)[] = []

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'headroom-trouble-'))
  path = join(directory, 'data', 'series.db')
  undo.push(() => rmSync(directory, { recursive: true }))
})

afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step()
})

async function open(change: Partial<EmbeddedStoreOptions> = {}): Promise<EmbeddedStore> {
  const store = await openEmbeddedStore({
    path,
    log: createLog('test', 'silent'),
    retention: { rawMs: 30 * 86_400_000, maxBytes: 2 ** 30 },
    now: () => t0,
    ...change,
  })
  undo.push(() => store.close())
  return store
}

function mountTmpfs(sizeBytes: number): string {
  const mount = join(directory, 'mount')
  mkdirSync(mount)
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${sizeBytes}`, 'tmpfs', mount])
  undo.push(() => {
    execFileSync('umount', [mount])
  })
  return mount
}

/** Some kilobytes that do not compress. */
function batchOf(seq: number): Batch {
  const points = Array.from({ length: 100 }, (_, index) => ({
    entity: { kind: 'vm' as const, id: `vm${index}` },
    atMs: t0 + seq * 10_000,
    fields: { cpuCores: Math.random(), readLatencyMs: Math.random(), writeLatencyMs: Math.random() },
  }))
  return { points, events: [], marks: [{ spoolId: 's', throughSeq: seq }] }
}

const wholeTime = { fields: ['cpuCores'], fromMs: 0, toMs: Infinity, stepMs: 0, agg: 'last' } as const

test.skipIf(!mayMount)(
  'a full disk stops the acknowledgements, not the program, and says so; then it goes on',
  async () => {
    path = join(mountTmpfs(8 * 2 ** 20), 'series.db')
    const ballast = join(directory, 'mount', 'ballast')
    let store = await open()
    writeFileSync(ballast, Buffer.alloc(4 * 2 ** 20))
    let acked = -1
    const fill = async (): Promise<void> => {
      for (;;) {
        await store.write(batchOf(acked + 1))
        acked += 1
      }
    }
    await expect(fill()).rejects.toThrow(`${path}: the disk is full`)
    expect(acked).toBeGreaterThan(10)
    expect(await store.health()).toMatchObject({ ok: false, problem: expect.stringContaining('the disk is full') })
    expect(await store.marks()).toEqual(new Map([['s', acked]]))
    expect((await store.range({ ...wholeTime, entity: { kind: 'vm', id: 'vm7' } })).rows).toHaveLength(acked + 1)

    rmSync(ballast)
    await store.write(batchOf(acked + 1))
    expect(await store.health()).toMatchObject({ ok: true, problem: '' })
    await store.close()
    store = await open()
    expect(await store.marks()).toEqual(new Map([['s', acked + 1]]))
    expect((await store.range({ ...wholeTime, entity: { kind: 'vm', id: 'vm7' } })).rows).toHaveLength(acked + 2)
    expect(store.counters().crashes).toBe(0)
  },
)

test.skipIf(!mayMount)('a read-only directory is named', async () => {
  const mount = mountTmpfs(2 ** 20)
  path = join(mount, 'series.db')
  execFileSync('mount', ['-o', 'remount,ro', mount])
  await expect(open()).rejects.toThrow(/series\.db.*read-only/)
})

test('refuses a damaged, a foreign and a newer file, and leaves each as it is', async () => {
  mkdirSync(join(directory, 'data'))
  writeFileSync(path, Buffer.alloc(100_000, 'not a database, '))
  const before = readFileSync(path)
  await expect(open()).rejects.toThrow(/series\.db.*damaged.*SQLITE_NOTADB/)
  expect(readFileSync(path).equals(before)).toBe(true)

  for (const [sql, message] of [
    ['CREATE TABLE something (a)', 'something else'],
    ['PRAGMA user_version = 99', 'schema version 99 is newer'],
  ] as const) {
    rmSync(path)
    const db = new SqlDatabase(path)
    db.exec(sql)
    db.close()
    const bytes = readFileSync(path)
    await expect(open()).rejects.toThrow(message)
    expect(readFileSync(path).equals(bytes)).toBe(true)
  }
})

test(
  'a log that is cut or damaged costs whole batches from there on, and the marks tell which',
  { timeout: 60_000 },
  async () => {
    const store = await open()
    const count = 12
    for (let seq = 0; seq < count; seq += 1) await store.write(batchOf(seq))
    const [file, wal] = [readFileSync(path), readFileSync(`${path}-wal`)]
    await store.close()
    const flipped = Buffer.from(wal)
    const middle = Math.floor(wal.length / 2)
    flipped[middle] = (flipped[middle] ?? 0) ^ 1
    const logs = [0.97, 0.6, 0.3].map((share) => wal.subarray(0, Math.floor(wal.length * share)))
    const found: number[] = []
    for (const [index, log] of [wal, ...logs, flipped].entries()) {
      path = join(directory, `copy-${index}`, 'series.db')
      mkdirSync(join(directory, `copy-${index}`))
      writeFileSync(path, file)
      writeFileSync(`${path}-wal`, log)
      const copy = await open()
      const through = (await copy.marks()).get('s') ?? -1
      const times = Array.from({ length: through + 1 }, (_, seq) => t0 + seq * 10_000)
      for (const id of ['vm0', 'vm99']) {
        const { rows } = await copy.range({ ...wholeTime, entity: { kind: 'vm', id } })
        expect(rows.map(([atMs]) => atMs)).toEqual(times)
      }
      // What is missing can be sent again.
      for (let seq = through + 1; seq < count; seq += 1) await copy.write(batchOf(seq))
      expect((await copy.range({ ...wholeTime, entity: { kind: 'vm', id: 'vm7' } })).rows).toHaveLength(count)
      expect(await copy.health()).toMatchObject({ ok: true, damaged: 0 })
      found.push(through)
    }
    const [whole, cutLate = NaN, , cutEarly = NaN, broken = NaN] = found
    expect(whole).toBe(count - 1)
    expect(cutLate).toBeGreaterThan(cutEarly)
    expect(cutLate).toBeLessThan(count - 1)
    expect(broken).toBeLessThan(count - 1)
    expect(broken).toBeGreaterThan(cutEarly)
  },
)

test('belongs to one process at a time', async () => {
  const store = await open()
  await expect(open()).rejects.toThrow('another process uses the file')
  await store.write(batchOf(0))
  await store.close()
  await open()
})

test('keeps its files private', async () => {
  const store = await open()
  await store.write(batchOf(0))
  expect(statSync(path).mode & 0o777).toBe(0o600)
  expect(statSync(`${path}-wal`).mode & 0o777).toBe(0o600)
  expect(statSync(join(directory, 'data')).mode & 0o777).toBe(0o700)
  await store.close()
  chmodSync(path, 0o644)
  await open()
  expect(statSync(path).mode & 0o777).toBe(0o600)
})

test('survives the end of its worker: pending writes fail, the next one finds all that was acknowledged', async () => {
  const workers: Worker[] = []
  const store = await open({
    startWorker: (options) => {
      const worker = startStoreWorker(options)
      workers.push(worker)
      return worker
    },
  })
  await store.write(batchOf(0))
  const pending = Array.from({ length: 20 }, (_, index) => store.write(batchOf(index + 1)))
  await workers[0]?.terminate()
  const outcomes = await Promise.allSettled(pending)
  expect(outcomes.some(({ status }) => status === 'rejected')).toBe(true)
  expect(await store.health()).toMatchObject({ ok: false })
  await vi.waitFor(async () => expect(await store.health()).toMatchObject({ ok: true }), { timeout: 10_000 })
  const acked = outcomes.filter(({ status }) => status === 'fulfilled').length
  const { rows } = await store.range({ ...wholeTime, entity: { kind: 'vm', id: 'vm0' } })
  expect(rows.length).toBeGreaterThanOrEqual(acked + 1)
  expect((await store.marks()).get('s')).toBe(rows.length - 1)
  expect(store.counters().crashes).toBe(1)
})

test('questions that take the worker long do not hold up the main thread', async () => {
  const store = await open({ maintainEveryMs: 50, now: () => t0 + 86_400_000 })
  const ids = Array.from({ length: 200 }, (_, index) => `vm${index}`)
  for (let at = t0; at < t0 + 3 * 3_600_000; at += 600_000) {
    const points = ids.flatMap((id) =>
      Array.from({ length: 60 }, (_, index) => ({
        entity: { kind: 'vm' as const, id },
        atMs: at + index * 10_000,
        fields: { cpuCores: Math.random() },
      })),
    )
    await store.write({ points, events: [], marks: [] })
  }
  let longestMs = 0
  let last = performance.now()
  const watch = setInterval(() => {
    longestMs = Math.max(longestMs, performance.now() - last)
    last = performance.now()
  }, 1)
  const startedAt = performance.now()
  const cut = { fromMs: t0 + 100_000, toMs: t0 + 2.5 * 3_600_000 }
  await Promise.all(
    Array.from({ length: 30 }, () => store.topN({ kind: 'vm', field: 'cpuCores', agg: 'mean', n: 10, ...cut })),
  )
  const tookMs = performance.now() - startedAt
  clearInterval(watch)
  expect(longestMs).toBeLessThan(Math.max(50, tookMs / 3))
})
