import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import { createLog } from '../../common/log.js'
import { collectedLog } from '../../test/support/log-lines.js'
import { DiskSpool } from './disk-spool.js'
import type { ClockReading } from './machine-clock.js'
import { reportToWire, type Pass } from './report-to-wire.js'
import { SpoolSet, type SpoolBounds } from './spool-set.js'
import { encodeMessage } from './to-wire.js'

let directory: string
let nowMs: number

const roomy: SpoolBounds = { maxReports: 1000, maxBytes: 1e6, maxAgeMs: 86_400_000 }

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'headroom-spool-'))
  nowMs = Date.now()
})

afterEach(() => rmSync(directory, { recursive: true, force: true }))

function open(bounds = roomy, log = createLog('test', 'silent')): SpoolSet {
  return new SpoolSet(directory, bounds, log, () => nowMs)
}

function add(spools: SpoolSet, ...texts: string[]): void {
  for (const text of texts) spools.add(() => Buffer.from(text))
}

function textsOf(spool: DiskSpool): string[] {
  const texts: string[] = []
  let at = 0
  for (let entry = spool.after(at); entry !== undefined; entry = spool.after(at)) {
    texts.push(entry.report.toString())
    at = entry.seq
  }
  return texts
}

function files(): string[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.seg'))
}

/** What the loop does each second. */
async function spillNow(spools: SpoolSet): Promise<void> {
  nowMs += 2000
  await spools.spillDue()
}

/** Writes everything to disk without ending: what a power loss finds. */
async function spillAll(spools: SpoolSet): Promise<void> {
  for (const spool of [...spools.backlog, spools.current]) await spool.spill(Infinity, 0)
}

describe('the spools', () => {
  it('write nothing for reports that are acked at once', async () => {
    const spools = open()
    add(spools, 'a', 'b')
    spools.ack(spools.current.id, 2)
    await spools.stop()
    expect([spools.size, readdirSync(directory)]).toEqual([0, []])
  })

  it('keep what was not acked over an end and over a sudden end, in order, under its own numbering', async () => {
    const first = open()
    add(first, 'a', 'b', 'c')
    first.ack(first.current.id, 1)
    await first.stop()
    const second = open()
    add(second, 'd')
    // No stop: the process is gone.
    await spillAll(second)
    const third = open()
    expect(third.backlog.map(textsOf)).toEqual([['b', 'c'], ['d']])
    expect(third.backlog.map((spool) => spool.id)).toEqual([first.current.id, second.current.id])
    expect(third.backlog.map((spool) => [spool.oldestSeq, spool.nextSeq])).toEqual([
      [2, 4],
      [1, 2],
    ])
    expect(third.size).toBe(3)
  })

  it('remove files when all in them is acked, and the directory of a spool that is empty', async () => {
    const first = open()
    add(first, 'a', 'b')
    await first.stop()
    const second = open()
    const [old] = second.backlog
    second.ack(old?.id ?? '', 1)
    expect(files()).toHaveLength(1)
    second.ack(old?.id ?? '', 2)
    await second.stop()
    expect([second.backlog.length, files(), readdirSync(directory)]).toEqual([0, [], []])
  })

  it('read back what is on disk only', async () => {
    const spools = open()
    const texts = Array.from({ length: 50 }, (_, index) => `report ${index}`)
    add(spools, ...texts)
    await spillAll(spools)
    expect(spools.current.memoryBytes).toBe(0)
    add(spools, 'fresh')
    expect(textsOf(spools.current)).toEqual([...texts, 'fresh'])
    await spools.stop()
  })

  it('begin a new file when one is full', async () => {
    const spools = open({ ...roomy, maxBytes: 1e8 })
    for (let index = 0; index < 5; index += 1) add(spools, 'x'.repeat(600_000))
    await spillAll(spools)
    expect(files().length).toBeGreaterThan(1)
    expect(textsOf(spools.current).map((text) => text.length)).toEqual([600_000, 600_000, 600_000, 600_000, 600_000])
    await spools.stop()
  })

  it('take acks that come while they write', async () => {
    const spools = open()
    add(spools, 'a', 'b', 'c')
    const writing = spools.current.spill(Infinity, 0)
    spools.ack(spools.current.id, 2)
    await writing
    expect(textsOf(spools.current)).toEqual(['c'])
    spools.ack(spools.current.id, 3)
    await spools.stop()
    expect(files()).toEqual([])
  })

  it('that are delivered while they are written leave nothing, and are no problem', async () => {
    const seen: unknown[] = []
    // However far the writing has come.
    for (let turns = 0; turns < 40; turns += 1) {
      const spools = open()
      add(spools, 'a')
      const { id } = spools.current
      spools.retire(0)
      const writing = spillNow(spools)
      for (let turn = 0; turn < turns; turn += 1) await nextTurn()
      spools.ack(id, 1)
      await writing
      seen.push(spools.problem)
      await spools.stop()
      seen.push(...readdirSync(directory))
    }
    expect(seen.filter((one) => one !== '')).toEqual([])
  })

  it('give fresh reports a numbering of their own after an outage', () => {
    const spools = open()
    add(spools, 'a', 'b', 'c')
    const before = spools.current.id
    spools.retire(5)
    expect(spools.current.id).toBe(before)
    spools.retire(2)
    add(spools, 'd')
    expect([spools.backlog.map(textsOf), textsOf(spools.current), spools.current.nextSeq]).toEqual([
      [['a', 'b', 'c']],
      ['d'],
      2,
    ])
  })
})

describe('the bounds', () => {
  it.each([
    ['reports', { ...roomy, maxReports: 3 }],
    ['bytes', { ...roomy, maxBytes: 30 }],
  ])('by %s: the oldest of the oldest spool go first, and are counted', (_name, bounds) => {
    const spools = open(bounds)
    add(spools, '0123456789', '0123456789')
    spools.retire(0)
    add(spools, 'third.....', 'fourth....')
    expect([spools.size, spools.dropped, spools.backlog.map((spool) => spool.oldestSeq)]).toEqual([3, 1, [2]])
    add(spools, 'fifth.....', 'sixth.....')
    expect([spools.backlog.length, textsOf(spools.current), spools.dropped]).toEqual([
      0,
      ['fourth....', 'fifth.....', 'sixth.....'],
      3,
    ])
  })

  it('by age', () => {
    const spools = open({ ...roomy, maxAgeMs: 60_000 })
    add(spools, 'old')
    nowMs += 61_000
    add(spools, 'new')
    expect([textsOf(spools.current), spools.dropped]).toEqual([['new'], 1])
  })

  it('keep the newest report though it alone is over', () => {
    const spools = open({ ...roomy, maxBytes: 5 })
    add(spools, '0123456789')
    expect([spools.size, spools.dropped]).toEqual([1, 0])
  })
})

describe('memory', () => {
  const mebibyte = 1024 * 1024
  const large: SpoolBounds = { ...roomy, maxBytes: 1e9 }

  it('of all spools together is bounded while they wait, and while they are sent by turns', async () => {
    const spools = open(large)
    for (let outage = 0; outage < 10; outage += 1) {
      for (let report = 0; report < 4; report += 1) add(spools, String(outage).repeat(mebibyte / 2))
      await spillNow(spools)
      spools.retire(0)
    }
    expect(spools.bytes).toBe(20 * mebibyte)
    expect(spools.memoryBytes).toBeLessThanOrEqual(2 * mebibyte)
    let most = 0
    for (let turn = 0; turn < 4; turn += 1) {
      for (const [outage, spool] of spools.backlog.entries()) {
        expect(spool.after(turn)?.report.subarray(0, 3).toString()).toBe(String(outage).repeat(3))
        most = Math.max(most, spools.memoryBytes)
      }
    }
    expect(most).toBeLessThanOrEqual(6 * mebibyte)
    for (const { id, nextSeq } of spools.backlog) spools.ack(id, nextSeq - 1)
    expect(spools.memoryBytes).toBe(0)
    await spools.stop()
  })

  it('of all spools together is bounded when the disk takes nothing', async () => {
    const spools = open(large)
    rmSync(directory, { recursive: true })
    writeFileSync(directory, 'in the way')
    for (let report = 0; report < 60; report += 1) {
      add(spools, 'x'.repeat(mebibyte / 2))
      if (report % 10 === 9) await spillNow(spools)
      if (report % 10 === 9) spools.retire(0)
    }
    expect(spools.problem).not.toBe('')
    expect(spools.memoryBytes).toBeLessThanOrEqual(16 * mebibyte)
    expect([spools.size, spools.dropped]).toEqual([32, 28])
    rmSync(directory)
    await spools.stop()
  })

  it('that the disk does not take costs nothing of what it has', async () => {
    const spools = open(large)
    add(spools, 'kept 1', 'kept 2')
    await spillNow(spools)
    const place = join(directory, readdirSync(directory)[0] ?? '')
    renameSync(place, `${place}.away`)
    writeFileSync(place, 'in the way')
    await spools.current.close()
    for (let report = 0; report < 40; report += 1) {
      add(spools, 'x'.repeat(mebibyte / 2))
      if (report === 1) await spillNow(spools)
    }
    expect(spools.problem).not.toBe('')
    expect([spools.size, spools.dropped]).toEqual([33, 9])
    expect(spools.memoryBytes).toBeLessThanOrEqual(16 * mebibyte)
    rmSync(place)
    renameSync(`${place}.away`, place)
    expect(textsOf(spools.current).map((text) => text.slice(0, 6))).toEqual([
      'kept 1',
      'kept 2',
      ...Array.from({ length: 31 }, () => 'xxxxxx'),
    ])
    await spillNow(spools)
    for (let seq = 1; seq <= 42; seq += 1) spools.ack(spools.current.id, seq)
    await spools.stop()
    expect([spools.size, spools.bytes, files()]).toEqual([0, 0, []])
  })

  it('is bounded when the disk does not answer at all', () => {
    vi.useFakeTimers()
    const spill = vi.spyOn(DiskSpool.prototype, 'spill').mockReturnValue(new Promise(() => undefined))
    try {
      const spools = open(large)
      add(spools, 'x')
      void spools.spillDue()
      for (let report = 0; report < 20; report += 1) add(spools, 'x'.repeat(mebibyte))
      expect([spools.problem, spools.dropped]).toEqual(['', 0])
      vi.advanceTimersByTime(30_000)
      add(spools, 'y')
      expect(spools.problem).toContain('does not answer')
      expect([spools.memoryBytes <= 16 * mebibyte, spools.dropped]).toEqual([true, 6])
    } finally {
      spill.mockRestore()
      vi.useRealTimers()
    }
  })
})

describe('the age of what an earlier life left', () => {
  const hour = 3_600_000
  const maxAgeMs = hour
  /** Of a machine that was booted ten minutes ago, or half a day. */
  const since = (bootMs: number): ClockReading => ({ boot: 1, baseMs: nowMs - bootMs })

  it.each([
    { what: 'young, by a clock that was a day behind', boot: 1, age: 0.5, off: -24, up: 12, left: 1 },
    { what: 'young, by a clock that was a day ahead', boot: 1, age: 0.5, off: 24, up: 12, left: 1 },
    { what: 'old, by a clock that was a day ahead', boot: 1, age: 2, off: 24, up: 12, left: 0 },
    { what: 'old, by a clock that was right', boot: 1, age: 2, off: 0, up: 12, left: 0 },
    { what: 'of another boot', boot: 2, age: 0.5, off: 0, up: 0.2, left: 1 },
    { what: 'of another boot, by a clock that was a day ahead', boot: 2, age: 13, off: 24, up: 12, left: 0 },
    { what: 'of the time after this boot began', boot: 2, age: 0.5, off: 24, up: 0.2, left: 1 },
    { what: 'of nobody knows which boot', boot: 0, age: 0.5, off: 0, up: 12, left: 1 },
    { what: 'old, of nobody knows which boot', boot: 0, age: 2, off: 0, up: 12, left: 0 },
  ])('does not depend on what was done to the clock since: $what', async ({ boot, age, off, up, left }) => {
    const first = open()
    const clock: ClockReading = { boot, baseMs: nowMs - up * hour + off * hour }
    const pass: Pass = {
      lane: 'state',
      atMs: nowMs,
      host: undefined,
      vms: [],
      gaps: [],
      arrays: [],
      events: [],
      collectors: [],
    }
    const header = { hostId: 'h', bootId: 'b', agent: undefined, clock }
    first.add((spoolId, seq) => encodeMessage(reportToWire(pass, { ...header, spoolId, seq })))
    await first.stop()
    const seconds = (nowMs - age * hour + off * hour) / 1000
    for (const file of files()) utimesSync(join(directory, file), seconds, seconds)
    const bounds = { ...roomy, maxAgeMs }
    const spools = new SpoolSet(directory, bounds, createLog('test', 'silent'), () => nowMs, since(up * hour))
    add(spools, 'fresh')
    expect([spools.backlog.length, spools.dropped]).toEqual([left, 1 - left])
    await spools.stop()
  })

  it('is none by a clock that is ahead, where nothing is known of it', async () => {
    const first = open()
    add(first, 'not to be read')
    await first.stop()
    const seconds = (nowMs + 24 * hour) / 1000
    for (const file of files()) utimesSync(join(directory, file), seconds, seconds)
    const spools = open({ ...roomy, maxAgeMs })
    nowMs += 1.5 * hour
    add(spools, 'fresh')
    expect([spools.backlog.length, spools.dropped]).toEqual([0, 1])
    await spools.stop()
  })
})

describe('damage', () => {
  async function written(...texts: string[]): Promise<string> {
    const spools = open()
    add(spools, ...texts)
    await spools.stop()
    const [file] = files()
    return join(directory, file ?? '')
  }

  it('a record cut short costs that record, and is counted', async () => {
    const file = await written('whole', 'cut')
    truncateSync(file, readFileSync(file).length - 1)
    const spools = open()
    expect([spools.backlog.map(textsOf), spools.dropped]).toEqual([[['whole']], 1])
  })

  it('a file that cannot be read costs its reports, is counted, and keeps nobody from starting', async () => {
    const first = open()
    add(first, 'a', 'b')
    await first.stop()
    const [spool = ''] = readdirSync(directory)
    mkdirSync(join(directory, spool, '0000000000000000.seg'))
    writeFileSync(join(directory, 'notes.txt'), 'not ours')
    const second = open()
    expect(second.backlog.map(textsOf)).toEqual([['a', 'b']])
    expect(second.dropped).toBe(1)
  })

  it('a file that cannot be removed is left, and acks go on', async () => {
    const file = await written('one', 'two')
    const spools = open()
    rmSync(file)
    mkdirSync(file)
    const [backlog] = spools.backlog
    spools.ack(backlog?.id ?? '', 2)
    expect([spools.size, spools.backlog]).toEqual([0, []])
  })

  it('a file that changes beneath us costs its reports, not the rest', async () => {
    const file = await written('one', 'two')
    const spools = open()
    writeFileSync(file, 'nonsense')
    add(spools, 'fresh')
    expect([spools.backlog.map(textsOf), textsOf(spools.current)]).toEqual([[[]], ['fresh']])
    expect([spools.dropped, spools.size, spools.bytes]).toEqual([2, 1, 5])
    // Each is counted once, however often the spool is read, and what cannot be sent does not stay.
    expect(spools.backlog.map(textsOf)).toEqual([[]])
    add(spools, 'more')
    expect([spools.dropped, spools.backlog, files()]).toEqual([2, [], []])
    await spools.stop()
    expect(readdirSync(directory)).toEqual([expect.stringContaining(spools.current.id)])
  })

  it('of which the rest has been delivered stays counted', async () => {
    const file = await written('whole', 'cut')
    truncateSync(file, readFileSync(file).length - 1)
    const spools = open()
    spools.ack(spools.backlog[0]?.id ?? '', 1)
    expect([spools.backlog, spools.dropped]).toEqual([[], 1])
  })

  it('of all of a spool is counted still when the spool is gone', async () => {
    writeFileSync(await written('one', 'two'), 'nonsense')
    const spools = open()
    add(spools, 'fresh')
    expect([spools.backlog, spools.dropped]).toEqual([[], 1])
  })

  it('a disk that takes nothing is said, and memory holds the reports until it does again', async () => {
    const spools = open()
    add(spools, 'a')
    rmSync(directory, { recursive: true })
    writeFileSync(directory, 'in the way')
    await spools.stop()
    expect(spools.problem).not.toBe('')
    expect(textsOf(spools.current)).toEqual(['a'])
    rmSync(directory)
    await spillAll(spools)
    expect(files()).toHaveLength(1)
  })

  it.each([
    ['the present spool', false],
    ['one of the backlog', true],
  ])('a disk that takes nothing of %s is said once, and not forgotten for the others', async (_which, isBacklog) => {
    await written('of an earlier life')
    const { log, lines } = collectedLog()
    const spools = open(roomy, log)
    add(spools, 'a')
    // The second that was made in this millisecond.
    const place = `${String(nowMs + 1).padStart(15, '0')}-${spools.current.id}`
    writeFileSync(join(directory, place), 'in the way')
    if (isBacklog) spools.retire(0)
    await spools.stop()
    await spools.stop()
    expect(spools.problem).toContain('EEXIST')
    expect(lines.map(({ msg }) => msg)).toEqual(['reports cannot be kept on disk; memory holds them'])
  })
})
