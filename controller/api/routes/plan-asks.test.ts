import { expect, it } from 'vitest'

import { PlanAsks } from './plan-asks.js'

it('takes two plans of one at a time, and others beside them', async () => {
  const asks = new PlanAsks(() => 0)
  const ends: ((value: string) => void)[] = []
  const plan = (name: string): Promise<string> => asks.made(name, () => new Promise((resolve) => ends.push(resolve)))
  const all = ['eve', 'eve', 'ann'].map(plan)
  await expect(plan('eve')).rejects.toMatchObject({ code: 'too-many-asked' })
  expect(ends).toHaveLength(3)
  for (const end of ends) end('made')
  expect(await Promise.all(all)).toEqual(['made', 'made', 'made'])
  await asks.made('eve', () => Promise.resolve('made'))
})

it('takes 30 of one after a quiet time, and then one each two seconds', async () => {
  let now = 0
  const asks = new PlanAsks(() => now)
  const plan = (): Promise<number> => asks.made('eve', () => Promise.resolve(1))
  for (let count = 0; count < 30; count += 1) await plan()
  await expect(plan()).rejects.toMatchObject({ code: 'too-many-asked' })
  now += 2000
  await plan()
  await expect(plan()).rejects.toMatchObject({ code: 'too-many-asked' })
})
