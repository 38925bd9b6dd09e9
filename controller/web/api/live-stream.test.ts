import { describe, expect, it } from 'vitest'
import type { ChangeView, EventView } from '../../api/views.js'
import { openLiveStream } from './live-stream.js'

const change: ChangeView = {
  revision: 7,
  at: 1000,
  hosts: [],
  vms: [],
  arrays: [],
  agents: [],
  alerts: [],
  removedHosts: [],
  removedVms: [],
  removedArrays: [],
  removedAlerts: [],
  reset: true,
}

/** A connection that the test plays the server of. */
class PlayedSource {
  readyState = 1
  readonly #listeners = new Map<string, (message: { readonly data?: unknown }) => void>()

  addEventListener(name: string, listener: (message: { readonly data?: unknown }) => void): void {
    this.#listeners.set(name, listener)
  }

  close(): void {
    this.readyState = 2
  }

  say(name: string, data?: unknown): void {
    this.#listeners.get(name)?.({ data })
  }
}

function open() {
  const sources: PlayedSource[] = []
  const timers: { work: () => void; ms: number }[] = []
  const changes: ChangeView[] = []
  const events: EventView[] = []
  let lost = 0
  const stream = openLiveStream({
    connect: () => {
      const source = new PlayedSource()
      sources.push(source)
      return source
    },
    onChange: (it) => changes.push(it),
    onEvent: (it) => events.push(it),
    onLost: () => (lost += 1),
    random: () => 1,
    setTimer: (work, ms) => timers.push({ work, ms }),
    clearTimer: (timer) => timers.splice(timer - 1, 1),
  })
  return { stream, sources, timers, changes, events, lost: () => lost }
}

describe('openLiveStream', () => {
  it('hands out changes and events', () => {
    const it = open()
    it.sources[0]?.say('change', JSON.stringify(change))
    it.sources[0]?.say('happened', JSON.stringify({ at: 1, kind: 'started' }))
    expect(it.changes).toEqual([change])
    expect(it.events).toEqual([{ at: 1, kind: 'started' }])
    expect(it.lost()).toBe(0)
  })

  it('leaves a broken connection to the browser while it retries by itself', () => {
    const it = open()
    const [source] = it.sources
    if (source !== undefined) source.readyState = 0
    source?.say('error')
    expect(it.lost()).toBe(1)
    expect(it.timers).toHaveLength(0)
  })

  it('makes a new connection after growing pauses once the browser gave up, and starts small again after data', () => {
    const it = open()
    for (const pause of [1000, 2000, 4000]) {
      const source = it.sources.at(-1)
      source?.close()
      source?.say('error')
      expect(it.timers.at(-1)?.ms).toBe(pause)
      it.timers.pop()?.work()
    }
    it.sources.at(-1)?.say('change', JSON.stringify(change))
    it.sources.at(-1)?.close()
    it.sources.at(-1)?.say('error')
    expect(it.timers.at(-1)?.ms).toBe(1000)
  })

  it.each(['{', '[]', 'null', '{"revision":1}', JSON.stringify({ ...change, vms: {} })])(
    'does not use what it cannot read: %s',
    (data) => {
      const it = open()
      it.sources[0]?.say('change', data)
      expect(it.changes).toEqual([])
      expect(it.lost()).toBe(1)
      expect(it.sources[0]?.readyState).toBe(2)
      expect(it.timers).toHaveLength(1)
    },
  )

  it('ignores a late message of a connection that it left', () => {
    const it = open()
    it.stream.reopen()
    expect(it.sources).toHaveLength(2)
    it.sources[0]?.say('change', JSON.stringify(change))
    expect(it.changes).toEqual([])
    it.sources[1]?.say('change', JSON.stringify(change))
    expect(it.changes).toHaveLength(1)
  })

  it('stays closed', () => {
    const it = open()
    it.sources[0]?.close()
    it.sources[0]?.say('error')
    it.stream.close()
    it.stream.reopen()
    expect(it.timers).toHaveLength(0)
    expect(it.sources).toHaveLength(1)
  })
})
