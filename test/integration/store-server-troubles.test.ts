import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterEach, beforeEach, expect, test } from 'vitest'

import { SeededRandom } from '../../common/seeded-random.js'
import { serverTrial } from '../durability/server-trial.js'
import { serverKinds } from '../durability/server-world.js'

let directory: string

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'headroom-troubles-'))
})

afterEach(() => rmSync(directory, { recursive: true, maxRetries: 5 }))

/** The long run is test/durability/servers.ts. */
test.each(serverKinds)(
  '%s: nothing acknowledged is lost or double after its servers, and the writer, failed some times',
  { timeout: 240_000 },
  async (kind) => {
    const random = SeededRandom.of(7, kind)
    const found = await serverTrial({ kind, directory, rounds: 3, random: () => random.next() })
    expect(found.faults).toEqual([])
    expect(found.rounds).toHaveLength(3)
    expect(found.acked).toBeGreaterThan(100)
    expect(found.readBack).toBeGreaterThanOrEqual(found.acked)
  },
)
