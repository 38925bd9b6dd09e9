import { type ChildProcess, spawn } from 'node:child_process'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'

import { eventView } from '../../../controller/api/views.js'
import { cliCommand, cliEnvironment } from '../../support/cli/run-cli.js'
import { sampleEvents } from '../../support/cli/sample-views.js'
import { type StandIn, standInToken, startStandIn } from '../../support/cli/stand-in-controller.js'

/** What stays on the screen, in a real pseudo-terminal (util-linux's `script`). */

const enter = '\u001b[?1049h'
const leave = '\u001b[?7h\u001b[?25h\u001b[?1049l'

let standIn: StandIn
let child: ChildProcess | undefined
let output = ''
let exit: Promise<number | null>
let down = false
let more = false

beforeEach(async () => {
  down = false
  more = false
  standIn = await startStandIn((_method, { pathname }) => {
    if (down) return { status: 503, body: { code: 'store-failed', message: 'resting' } }
    if (!pathname.endsWith('/events/history')) return undefined
    const late = sampleEvents.map((event) => ({ ...event, at: event.at + 1, vmName: 'later' }))
    return { status: 200, body: { events: more ? [...late, ...sampleEvents] : sampleEvents } }
  })
})

afterEach(async () => {
  child?.kill('SIGKILL')
  child = undefined
  await standIn.close()
})

function start(words: readonly string[], terminal: boolean): ChildProcess {
  const env = cliEnvironment({ HEADROOM_URL: standIn.url, HEADROOM_TOKEN: standInToken })
  const quoted = [...cliCommand, ...words].map((word) => `'${word}'`).join(' ')
  const started = terminal
    ? spawn('script', ['-qec', `stty rows 30 cols 100; exec ${quoted}`, '/dev/null'], {
        env,
        stdio: ['pipe', 'pipe', 'inherit'],
      })
    : spawn(cliCommand[0] ?? '', [...cliCommand.slice(1), ...words], { env, stdio: ['pipe', 'pipe', 'inherit'] })
  output = ''
  started.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
  exit = new Promise((resolve) => started.on('close', resolve))
  child = started
  return started
}

const shows = (text: string) => vi.waitFor(() => expect(output).toContain(text), { timeout: 20_000, interval: 50 })

test('top draws in place, changes its order by key, and gives the terminal back at q', async () => {
  const { stdin } = start(['top'], true)
  await shows('▾ CPU')
  expect(output.indexOf(enter)).toBeLessThan(output.indexOf('▾ CPU'))
  stdin?.write('w')
  await shows('▾ WRITE')
  const frames = output.split('\u001b[?2026h').length
  await vi.waitFor(() => expect(output.split('\u001b[?2026h').length).toBeGreaterThan(frames + 1), { timeout: 10_000 })
  expect(output).not.toContain('\u001b[2J')
  expect(output).not.toContain(leave)
  stdin?.write('q')
  expect(await exit).toBe(0)
  expect(output.endsWith(leave)).toBe(true)
})

test('Ctrl-C ends it too', async () => {
  const { stdin } = start(['vm', 'list', '--watch', '0.2'], true)
  await shows('running, stale')
  stdin?.write('\u0003')
  expect(await exit).toBe(0)
  expect(output.endsWith(leave)).toBe(true)
})

test('while the controller is away the last figures stay, with a word', async () => {
  const { stdin } = start(['status', '--watch', '0.2'], true)
  await shows('4 of 5 up')
  down = true
  await shows(' s ago: the controller at')
  expect(output).not.toContain(leave)
  down = false
  stdin?.write('q')
  expect(await exit).toBe(0)
})

test('a first round that fails leaves the screen alone', async () => {
  down = true
  start(['top'], true)
  expect(await exit).toBe(5)
  expect(output).toContain('is not ready: resting')
  expect(output).not.toContain(enter)
})

test('in a pipe --watch prints one below the other, and ends at a signal', async () => {
  const started = start(['status', '--watch', '0.1'], false)
  await vi.waitFor(() => expect(output.split('4 of 5 up').length).toBeGreaterThan(2), { timeout: 20_000 })
  expect(output).not.toContain('\u001b')
  started.kill('SIGTERM')
  expect(await exit).toBe(0)
})

test('events --follow prints what is new, one document a line with --json', async () => {
  const started = start(['events', '--follow', '--json'], false)
  await shows('"vmName":"bell"')
  expect(output).not.toContain('later')
  more = true
  await shows('"vmName":"later"')
  started.kill('SIGINT')
  expect(await exit).toBe(0)
  // An array's event has no VM.
  const names = output
    .trimEnd()
    .split('\n')
    .map((text) => eventView.parse(JSON.parse(text)).vmName)
  expect(names).toEqual(['bell', '', 'kure', 'later', 'later', 'later'])
})

test('a reader that has enough is no failure', async () => {
  const started = start(['status', '--watch', '0.1'], false)
  await shows('4 of 5 up')
  started.stdout?.destroy()
  expect(await exit).toBe(0)
})
