import { PassThrough } from 'node:stream'

import { pino } from 'pino'
import { describe, expect, it, vi } from 'vitest'

import { Lifecycle, pause } from './lifecycle.js'
import type { Log } from './log.js'

/** A log whose lines can be read: what it names is its interface here. */
function readableLog(): { log: Log; lines: () => { part?: string; level: number }[] } {
  const stream = new PassThrough()
  let text = ''
  stream.on('data', (chunk: Buffer) => {
    text += chunk.toString()
  })
  const lines = (): { part?: string; level: number }[] =>
    text
      .split('\n')
      .filter((line) => line !== '')
      .map((line): { part?: string; level: number } => JSON.parse(line))
  return { log: pino(stream), lines }
}

describe('Lifecycle', () => {
  it('stops in reverse order, one after the other, and only once', async () => {
    const { log } = readableLog()
    const lifecycle = new Lifecycle(log)
    const steps: string[] = []
    for (const name of ['store', 'server', 'page']) {
      lifecycle.add(name, async () => {
        steps.push(`${name} begins`)
        await pause(1, new AbortController().signal)
        steps.push(`${name} ends`)
      })
    }
    await Promise.all([lifecycle.stop(), lifecycle.stop()])
    await lifecycle.stop()
    expect(steps).toEqual(['page', 'server', 'store'].flatMap((name) => [`${name} begins`, `${name} ends`]))
  })

  it('goes on when a part fails, and names it', async () => {
    const { log, lines } = readableLog()
    const lifecycle = new Lifecycle(log)
    const stopped: string[] = []
    lifecycle.add('first', () => {
      stopped.push('first')
    })
    lifecycle.add('rejects', async () => Promise.reject(new Error('no')))
    lifecycle.add('throws', () => {
      throw new Error('no')
    })
    await lifecycle.stop()
    expect(stopped).toEqual(['first'])
    expect(lines().map((line) => line.part)).toEqual(['throws', 'rejects'])
  })

  it('names a slow part while it waits for it', async () => {
    const { log, lines } = readableLog()
    const lifecycle = new Lifecycle(log, 5)
    let open = (): void => undefined
    const gate = new Promise<void>((resolve) => {
      open = resolve
    })
    lifecycle.add('quick', () => undefined)
    lifecycle.add('slow', () => gate)
    const stopped = lifecycle.stop()
    await vi.waitFor(() => expect(lines().map((line) => line.part)).toEqual(['slow']))
    open()
    await stopped
    expect(lines()).toHaveLength(1)
  })

  it('stops a part that is added too late', async () => {
    const { log } = readableLog()
    const lifecycle = new Lifecycle(log)
    await lifecycle.stop()
    let stopped = false
    lifecycle.add('late', () => {
      stopped = true
    })
    await vi.waitFor(() => expect(stopped).toBe(true))
  })
})

describe('pause', () => {
  it('ends early without an error when the signal aborts', async () => {
    const stop = new AbortController()
    const paused = pause(3_600_000, stop.signal)
    stop.abort()
    await expect(paused).resolves.toBe(undefined)
    await expect(pause(3_600_000, stop.signal)).resolves.toBe(undefined)
  })
})
