import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterEach, beforeEach, expect, it, vi } from 'vitest'

import { createLog } from '../../common/log.js'
import { AgentCommands } from './agent-commands.js'
import type { CommandRecord } from './command-record.js'

let directory: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'headroom-commands-'))
})
afterEach(() => rm(directory, { recursive: true, force: true }))

it.each([-3_600_000, 0, 3_600_000])(
  'counts time to begin by what the controller said, with this clock set by %i ms',
  async (setByMs) => {
    let wallMs = 1_000_000_000
    const commands = await AgentCommands.open({
      dataDir: directory,
      allow: [],
      programs: [],
      host: () => undefined,
      mayCome: () => true,
      now: () => wallMs,
      monotonicMs: () => 5,
      wake: () => undefined,
      log: createLog('test', 'silent'),
    })
    try {
      commands.begin(100_000)
      wallMs += setByMs
      const send = (id: string, startBeforeMs: number): void =>
        commands.receive({
          id,
          hostId: 'h',
          verb: 'suspend',
          vmUuid: '00000000-0000-4000-8000-00000000000a',
          args: {},
          startBeforeMs,
          timeoutMs: 0,
          actor: 'ann',
          dryRun: false,
          onlyReport: false,
        })
      send('early', 1_000_100_001)
      send('late', 1_000_100_000)
      const ends: CommandRecord[] = []
      await vi.waitFor(() => {
        for (let next = commands.nextUpdate(); next !== undefined; next = commands.nextUpdate()) ends.push(next.record)
        expect(ends.findLast(({ spec }) => spec.id === 'early')?.state).toBe('refused')
        expect(ends.findLast(({ spec }) => spec.id === 'late')?.state).toBe('expired')
      })
    } finally {
      await commands.stop()
    }
  },
)
