import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { createLog } from '../../common/log.js'
import { AuditLog, verifyAuditLog } from './audit-log.js'

let directory: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'headroom-audit-'))
})
afterEach(() => rm(directory, { recursive: true, force: true }))

const options = { now: () => 1000, log: createLog('test', 'silent') }
const open = (limits?: { fileBytes: number; mostFiles: number }): Promise<AuditLog> =>
  AuditLog.open(directory, { ...options, ...(limits && { limits }) })

async function filled(count: number): Promise<AuditLog> {
  const audit = await open()
  for (let index = 1; index <= count; index += 1) await audit.append({ event: 'begin', id: `c${index}` })
  return audit
}

async function edit(change: (lines: string[]) => string[]): Promise<void> {
  const name = (await readdir(directory)).find((file) => file.endsWith('.jsonl'))
  const path = join(directory, name ?? '')
  const lines = (await readFile(path, 'utf8')).split('\n').filter((line) => line !== '')
  await writeFile(
    path,
    change(lines)
      .map((line) => `${line}\n`)
      .join(''),
  )
}

describe('the audit log', () => {
  it.each<readonly [string, (lines: string[]) => string[], RegExp]>([
    ['an altered entry', (lines) => lines.map((line) => line.replace('"c3"', '"c9"')), /^entry 3 was altered$/],
    ['a removed entry', (lines) => lines.toSpliced(2, 1), /^entries 3 to 3 are missing$/],
    ['reordered entries', ([a = '', b = '', ...rest]) => [b, a, ...rest], /^entry 1 stands after entry 2$/],
    ['a cut tail', (lines) => lines.slice(0, -2), /^it ends with entry 4, and had 6: its tail is missing$/],
    ['what is no entry', (lines) => [...lines, 'x'], /^line 7 of 000000000001\.jsonl is no entry$/],
    ['removed oldest entries', (lines) => lines.slice(2), /^entries 1 to 2 are missing$/],
    ['nothing at all', () => [], /^it ends with entry 0, and had 6/],
  ])('finds %s', async (_what, change, found) => {
    const { head } = await filled(6)
    expect(await verifyAuditLog(directory, head)).toBeUndefined()
    await edit(change)
    expect(await verifyAuditLog(directory, head)).toMatch(found)
  })

  it('finds a log that was made anew in its place', async () => {
    const { head } = await filled(6)
    await rm(directory, { recursive: true })
    const other = await filled(6)
    expect(await other.verify()).toBeUndefined()
    expect(await other.verify(head)).toBe('entry 6 is not the one that was seen before')
    expect(other.head.logId).not.toBe(head.logId)
  })

  it('goes on after a restart, and lets go of a line that was never finished', async () => {
    const before = await filled(2)
    const path = join(directory, '000000000001.jsonl')
    await writeFile(path, `${await readFile(path, 'utf8')}{"seq":3,"at`)
    const after = await open()
    expect(after.head).toEqual(before.head)
    await after.append({ event: 'begin' })
    expect(after.head.entries).toBe(3)
    expect(await after.verify(before.head)).toBeUndefined()
    expect(await after.at(2)).toEqual(before.head)
    expect(await after.at(4)).toBeUndefined()
  })

  it.each(['', '{"seq":31,"at', 'x\n'])(
    'goes on after a machine failed at the beginning of a file: %j',
    async (content) => {
      const limits = { fileBytes: 600, mostFiles: 30 }
      const { head } = await (async () => {
        const audit = await open(limits)
        for (let index = 1; index <= 30; index += 1) await audit.append({ event: 'begin', id: `c${index}` })
        return audit
      })()
      await writeFile(join(directory, '000000000031.jsonl'), content)
      const after = await open(limits)
      expect(after.head).toEqual(head)
      await after.append({ event: 'begin' })
      expect(after.head.entries).toBe(31)
      // What is no entry is not taken away in silence.
      expect(await after.verify(head)).toEqual(
        content === 'x\n' ? 'line 1 of 000000000031.jsonl is no entry' : undefined,
      )
    },
  )

  it('finds that its oldest files were removed, unless so many are there', async () => {
    const limits = { fileBytes: 600, mostFiles: 30 }
    const audit = await open(limits)
    for (let index = 1; index <= 30; index += 1) await audit.append({ event: 'begin', id: `c${index}` })
    const files = (await readdir(directory)).filter((file) => file.endsWith('.jsonl')).toSorted()
    await rm(join(directory, files[0] ?? ''))
    expect(await audit.verify()).toMatch(/^entries 1 to \d+ are missing$/)
    expect(await verifyAuditLog(directory, undefined, { mostFiles: files.length - 1 })).toBeUndefined()
    const second = join(directory, files[1] ?? '')
    await writeFile(second, (await readFile(second, 'utf8')).split('\n').slice(1).join('\n'))
    expect(await verifyAuditLog(directory, undefined, { mostFiles: files.length - 1 })).toMatch(/are missing$/)
  })

  it('keeps so many files and no more, and what is kept still holds', async () => {
    const audit = await open({ fileBytes: 600, mostFiles: 3 })
    await Promise.all(Array.from({ length: 30 }, (_, index) => audit.append({ event: 'begin', id: `c${index}` })))
    const files = (await readdir(directory)).filter((file) => file.endsWith('.jsonl'))
    expect(files).toHaveLength(3)
    expect(audit.head.entries).toBe(30)
    expect(await audit.verify(audit.head)).toBeUndefined()
    expect(await audit.at(1)).toBeUndefined()
    expect(await audit.at(30)).toEqual(audit.head)
  })
})
