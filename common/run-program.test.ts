import { EventEmitter } from 'node:events'

import { afterEach, describe, expect, it, vi } from 'vitest'

import { ConfigError } from './config-error.js'
import { createLog } from './log.js'
import { runMain, stopWhenAsked } from './run-program.js'

const log = createLog('test', 'silent')

/** Writes down how it is ended. */
class ProcessDouble extends EventEmitter {
  readonly codes: number[] = []

  exit(code: number): void {
    this.codes.push(code)
  }
}

describe('stopWhenAsked', () => {
  it.each(['SIGINT', 'SIGTERM', 'disconnect'])('stops once, at the first %s, and ends the process', async (event) => {
    const running = new ProcessDouble()
    let stops = 0
    let stopped = (): void => undefined
    const stop = (): Promise<void> => {
      stops += 1
      return new Promise((resolve) => {
        stopped = resolve
      })
    }
    stopWhenAsked(log, stop, running)
    expect(stops).toBe(0)
    for (const again of [event, 'SIGINT', 'SIGTERM', 'disconnect']) running.emit(again)
    expect([stops, running.codes]).toEqual([1, []])
    stopped()
    await vi.waitFor(() => expect(running.codes).toEqual([0]))
  })

  it('ends the process with 1 if stopping fails', async () => {
    const running = new ProcessDouble()
    stopWhenAsked(log, () => Promise.reject(new Error('stuck')), running)
    running.emit('SIGTERM')
    await vi.waitFor(() => expect(running.codes).toEqual([1]))
  })
})

describe('runMain', () => {
  const written: string[] = []

  afterEach(() => {
    vi.restoreAllMocks()
    process.exitCode = undefined
    written.length = 0
  })

  it.each<[string, unknown, string, number]>([
    [
      'configuration',
      new ConfigError('agent.yaml', [{ key: 'data', line: 3, expected: 'text', got: '7' }]),
      'agent.yaml',
      2,
    ],
    ['a port that is taken', Object.assign(new Error('bind'), { code: 'EADDRINUSE' }), 'the port is taken', 1],
    ['a fault', new TypeError('a fault'), 'TypeError: a fault', 1],
    ['something else', 'just text', 'just text', 1],
  ])('says what went wrong: %s', async (_what, error, text, code) => {
    vi.spyOn(process.stderr, 'write').mockImplementation((chunk) => written.push(String(chunk)) > 0)
    const inWords = (one: unknown): string | undefined =>
      one instanceof Error && 'code' in one ? 'the port is taken' : undefined
    // oxlint-disable-next-line prefer-promise-reject-errors -- Anything may be thrown.
    runMain(() => Promise.reject(error), inWords)
    await vi.waitFor(() => expect(written).toHaveLength(1))
    expect(written[0]).toContain(text)
    expect(process.exitCode).toBe(code)
  })
})
