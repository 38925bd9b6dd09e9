import { setImmediate } from 'node:timers/promises'

import { expect, test, vi } from 'vitest'

import { ActionRefused, HypervisorUnavailable } from '../hypervisor.js'
import type { Part } from './frame.js'
import type { Question } from './reader-stream.js'
import { remoteXenActor } from './remote-acting.js'

const { signal } = new AbortController()
const done: readonly Part[] = [
  { kind: 'text', argument: 'xl', body: Buffer.from('') },
  { kind: 'ended', argument: '0', body: Buffer.from('') },
]

/** A stream whose turn comes when the test wants, which then does as a `ReaderStream` does. */
function streamOf(turn: Promise<void>) {
  const written: string[] = []
  const ask = async ({ word, signal: wanted, check }: Question): Promise<readonly Part[]> => {
    await turn
    await check?.()
    wanted?.throwIfAborted()
    written.push(word)
    return done
  }
  return { written, ask }
}

test('an act goes to the life of the host that its driver was opened in, and to no other', async () => {
  const { ask, written } = streamOf(Promise.resolve())
  await remoteXenActor(ask, () => Promise.resolve()).do({ act: 'destroy', id: 3 }, signal)
  expect(written).toEqual(['destroy 3'])
  const booted = new HypervisorUnavailable('the host was booted anew')
  const refused = remoteXenActor(ask, () => Promise.reject(booted)).do({ act: 'destroy', id: 3 }, signal)
  await expect(refused).rejects.toThrow(new ActionRefused('the host was booted anew'))
  expect(written).toEqual(['destroy 3'])
})

test('an act that waits is not done after its command was broken off', async () => {
  let begin = (): void => undefined
  const { ask, written } = streamOf(
    new Promise((resolve) => {
      begin = resolve
    }),
  )
  const looked = vi.fn<() => Promise<void>>(() => Promise.resolve())
  const abort = new AbortController()
  const act = remoteXenActor(ask, looked).do({ act: 'destroy', id: 3 }, abort.signal)
  abort.abort(new Error('its time is over'))
  await expect(act).rejects.toThrow('its time is over')
  begin()
  await vi.waitFor(() => expect(looked).toHaveBeenCalled())
  await setImmediate()
  expect(written).toEqual([])
})
