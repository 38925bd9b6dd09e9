import { expect, it } from 'vitest'

import { Turns } from './turns.js'

it('lets two go on at once, the others in their order, and none that has left', async () => {
  const turns = new Turns(2)
  const begun: string[] = []
  const ends = new Map<string, () => void>()
  const run = (name: string, signal = new AbortController().signal): Promise<string> =>
    turns.run(signal, async () => {
      begun.push(name)
      await new Promise<void>((resolve) => ends.set(name, resolve))
      return name
    })
  const leaving = new AbortController()
  const [a, b, c, d] = [run('a'), run('b'), run('c', leaving.signal), run('d')]
  expect(begun).toEqual(['a', 'b'])
  leaving.abort()
  await expect(c).rejects.toThrow('aborted')
  ends.get('b')?.()
  expect(await b).toBe('b')
  expect(begun).toEqual(['a', 'b', 'd'])
  ends.get('d')?.()
  expect(await d).toBe('d')
  const e = run('e')
  expect(begun).toEqual(['a', 'b', 'd', 'e'])
  for (const name of ['a', 'e']) ends.get(name)?.()
  expect(await Promise.all([a, e])).toEqual(['a', 'e'])
  await expect(run('f', leaving.signal)).rejects.toThrow('aborted')
})

it('a work that fails gives its place back', async () => {
  const turns = new Turns(1)
  const { signal } = new AbortController()
  await expect(turns.run(signal, () => Promise.reject(new Error('EIO')))).rejects.toThrow('EIO')
  expect(await turns.run(signal, async () => 1)).toBe(1)
})
