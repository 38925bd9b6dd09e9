import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { headAfter, type ChainMark } from '../../common/hash-chain.js'
import { openEmbeddedState } from '../store/embedded-state/embedded-state.js'
import type { StateStore, Tx } from '../store/state-store.js'
import { ControllerAudit } from './controller-audit.js'

let directory: string
let state: StateStore
let audit: ControllerAudit
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'headroom-audit-'))
  state = openEmbeddedState({ path: join(directory, 'state.db') })
  audit = await ControllerAudit.open(state)
  for (let index = 1; index <= 5; index += 1) await append(`c${index}`)
})
afterEach(async () => {
  await state.close()
  await rm(directory, { recursive: true })
})

async function append(id: string): Promise<void> {
  const entry = await state.tx((t) => audit.append(t, 1000, { event: 'asked', id }))
  entry.keep()
}

const key = (seq: number): string => String(seq).padStart(12, '0')

describe('the audit log of the controller', () => {
  it.each<readonly [string, (t: Tx) => Promise<void>, RegExp]>([
    [
      'altered',
      async (t) => {
        const row = await t.get('audit', key(3))
        await t.put('audit', key(3), { ...Object(row), what: { event: 'asked', id: 'other' } })
      },
      /^entry 3 was altered$/,
    ],
    ['removed at the beginning', (t) => t.delete('audit', key(1)), /^entries 1 to 1 are missing$/],
    ['removed', (t) => t.delete('audit', key(3)), /^entries 3 to 3 are missing$/],
    [
      'reordered',
      async (t) => {
        const [two, three] = [await t.get('audit', key(2)), await t.get('audit', key(3))]
        await t.put('audit', key(2), three)
        await t.put('audit', key(3), two)
      },
      /missing|stands after/,
    ],
    ['cut off', (t) => t.delete('audit', key(5)), /its tail is missing/],
    [
      'cut off together with its head',
      async (t) => {
        await t.delete('audit', key(5))
        const { seq, hash } = Object(await t.get('audit', key(4)))
        await t.put('auditMarks', 'own', { logId: audit.head.logId, entries: seq, hash })
      },
      /its tail is missing/,
    ],
    ['no entry', (t) => t.put('audit', key(2), { x: 1 }), /1 rows are no entries/],
  ])('shows where something is %s', async (_what, change, found) => {
    expect(await audit.verify()).toEqual({ entries: 5, wrong: undefined })
    const { head } = audit
    await state.tx(change)
    expect((await audit.verify()).wrong).toMatch(found)
    expect(audit.head).toEqual(head)
  })

  it('is shown to be cut by what an agent has seen, though the cut was made while nobody looked', async () => {
    const { head } = audit
    await state.tx(async (t) => {
      await t.delete('audit', key(5))
      const { seq, hash } = Object(await t.get('audit', key(4)))
      await t.put('auditMarks', 'own', { logId: head.logId, entries: seq, hash })
    })
    audit = await ControllerAudit.open(state)
    expect((await audit.verify()).wrong).toBeUndefined()
    const theirs = headAfter('cd'.repeat(16), undefined)
    expect((await audit.heard('agent', { head: theirs, seen: head }, 1)).wrong).toEqual([
      expect.stringMatching(/^own-log-wrong: it ends with entry 4, and had 5/),
    ])
    // Said once, and known after a restart; what it says later does not make it good.
    expect((await audit.heard('agent', { head: theirs, seen: audit.head }, 2)).wrong).toEqual([])
    audit = await ControllerAudit.open(state)
    expect((await audit.verify()).wrong).toMatch(/^by what agent has seen of it: it ends with entry 4, and had 5/)
    expect((await audit.list(1))[0]?.what).toMatchObject({ event: 'own-log-wrong', agentId: 'agent' })
  })

  it('goes on where it was, after a restart and after a transaction that failed', async () => {
    await expect(
      state.tx(async (t) => {
        await audit.append(t, 1000, { event: 'asked' })
        throw new Error('no')
      }),
    ).rejects.toThrow('no')
    audit = await ControllerAudit.open(state)
    await append('c6')
    expect(audit.head.entries).toBe(6)
    expect(await audit.verify()).toEqual({ entries: 6, wrong: undefined })
    expect((await audit.list(2)).map(({ seq }) => seq)).toEqual([6, 5])
  })

  it('keeps what was seen of an agent, and what is wrong with its log since', async () => {
    const logId = 'ab'.repeat(16)
    const mark = (entries: number, hash: string) => ({ ...headAfter(logId, undefined), entries, hash: hash.repeat(32) })
    const wrong = async (head: ChainMark, again: ChainMark | undefined, now: number): Promise<readonly string[]> =>
      (await audit.heard('agent', { head, ...(again && { again }) }, now)).wrong
    expect(await wrong(mark(3, 'aa'), undefined, 1)).toEqual([])
    expect(await wrong(mark(5, 'bb'), mark(3, 'aa'), 2)).toEqual([])
    expect(await wrong(mark(7, 'cc'), mark(5, 'dd'), 3)).toEqual([expect.stringMatching(/entry 5 is not the one/)])
    // Told once; a log that looks whole again does not make it good.
    expect(await wrong(mark(8, 'cc'), mark(5, 'bb'), 4)).toEqual([])
    audit = await ControllerAudit.open(state)
    expect(audit.agents()).toMatchObject([{ agentId: 'agent', wrong: expect.stringMatching(/entry 5/) }])
    expect((await audit.list(1))[0]?.what).toMatchObject({ event: 'agent-log-wrong', agentId: 'agent' })
  })
})
