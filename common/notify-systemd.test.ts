import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterEach, beforeEach, expect, it } from 'vitest'

import { collectedLog } from '../test/support/log-lines.js'
import { notifySystemd, tellReady } from './notify-systemd.js'

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'headroom-notify-'))
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

/** A program in place of systemd's own: notes what it is told, and fails as often as said. */
function standIn(failures: number): Record<string, string> {
  const program = join(directory, 'systemd-notify')
  const said = join(directory, 'said')
  writeFileSync(program, `#!/bin/sh\necho "$NOTIFY_SOCKET $*" >> ${said}\n[ "$(wc -l < ${said})" -gt ${failures} ]\n`)
  chmodSync(program, 0o755)
  return { PATH: `${directory}:/usr/bin:/bin` }
}

const said = (): string => readFileSync(join(directory, 'said'), 'utf8')

it.each(['/run/systemd/notify', '@abstract'])('tells it by its own program, at %s', async (socket) => {
  await notifySystemd('--ready', { ...standIn(0), NOTIFY_SOCKET: socket })
  expect(said()).toBe(`${socket} --ready\n`)
})

it.each([undefined, ''])('says nothing where systemd does not listen: NOTIFY_SOCKET is %j', async (socket) => {
  const env = { ...standIn(0), NOTIFY_SOCKET: socket }
  await notifySystemd('--ready', env)
  expect(() => said()).toThrow('ENOENT')
})

it('says that it is ready until that is heard, and that it was not at once, once', async () => {
  const { log, lines } = collectedLog()
  await tellReady({ ...standIn(2), NOTIFY_SOCKET: '@s' }, log, new AbortController().signal)
  expect(said()).toBe('@s --ready\n'.repeat(3))
  expect(lines.map(({ msg }) => msg)).toEqual(['systemd could not be told that this program is ready'])
})

it('gives up where there is no such program, or when told to', async () => {
  const { log, lines } = collectedLog()
  await tellReady({ PATH: directory, NOTIFY_SOCKET: '@s' }, log, new AbortController().signal)
  expect(lines).toHaveLength(1)
  await tellReady({ ...standIn(99), NOTIFY_SOCKET: '@s' }, log, AbortSignal.timeout(100))
  expect(said().split('\n').length).toBeLessThan(4)
})
