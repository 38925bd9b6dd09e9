import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

import { expect, it } from 'vitest'

/** Needs a network namespace, and therefore root. */
it.skipIf(process.getuid?.() !== 0)(
  'a peer whose link is cut is found by its silence, counted and written down',
  async () => {
    const script = new URL('../hostile/half-open-main.ts', import.meta.url).pathname
    const node = [process.execPath, '--import', 'tsx', script, '--pingEveryMs', '500', '--pingAnswerMs', '300']
    const { stdout } = await promisify(execFile)('unshare', ['-n', ...node])
    const result: unknown = JSON.parse(stdout)
    expect(result).toMatchObject({ sessionsBefore: 1, sessionsAfter: 0, counted: 1, logged: 1 })
    expect(result).toHaveProperty('foundAfterMs', expect.any(Number))
  },
)
