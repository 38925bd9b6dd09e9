import { execFileSync } from 'node:child_process'
import { resolve } from 'node:path'

import { expect, test } from 'vitest'

test('where no more files can be opened there is no channel, and the agent goes on', () => {
  const script = resolve(import.meta.dirname, '../support/without-files.ts')
  const args = ['--nofile=200:200', process.execPath, '--import', 'tsx', script]
  expect(execFileSync('prlimit', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })).toMatch(
    /^goes on after HypervisorUnavailable: ssh cannot be run: .*EMFILE/,
  )
})
