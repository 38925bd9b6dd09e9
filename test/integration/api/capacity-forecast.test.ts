import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { capacityForecastView } from '../../../controller/api/views.js'
import { startApiFixture, type ApiFixture } from '../../support/api-fixture.js'
import { builtAt, hostIdOf, MiB } from '../../support/snapshot-builder.js'

const dayMs = 86_400_000
const GiB = 1024 * MiB

let fixture: ApiFixture
beforeAll(async () => {
  fixture = await startApiFixture()
  const today = Math.floor(builtAt / dayMs) * dayMs
  // 100 days in which the VMs of xenhv04 grow by 64 MiB a day, to 13 GiB; the others stay.
  const points = ['xenhv01', 'xenhv02', 'xenhv03', 'xenhv04', 'esxhv01'].flatMap((name) =>
    Array.from({ length: 100 }, (_, back) => {
      const grown = name === 'xenhv04' ? 13 * GiB - (back + 1) * (GiB / 16) : 6 * GiB
      return {
        entity: { kind: 'host' as const, id: hostIdOf(name) },
        atMs: today - (back + 1) * dayMs + dayMs / 2,
        fields: { memoryConfiguredBytes: grown },
      }
    }),
  )
  await fixture.store.write({ points, events: [], marks: [] })
})
afterAll(async () => {
  await fixture.stop()
})

async function forecasts(query: string) {
  return capacityForecastView.parse(await fixture.get(`/api/v1/capacity/forecast${query}`)).forecasts
}

describe('forecast of capacity', () => {
  it('says by which day a host that grows is full', async () => {
    const [memory, cpu] = await forecasts('?of=host:xenhv04&days=60')
    expect(memory).toMatchObject({
      resource: 'memory',
      name: 'xenhv04',
      limit: 14 * GiB,
      knownDays: 100,
      latest: 13 * GiB - GiB / 16,
      shifts: [],
    })
    // Each day a sixteenth of a GiB more, of one and a sixteenth that are left.
    const days = ((memory?.p50At ?? 0) - Math.floor(builtAt / dayMs) * dayMs) / dayMs
    expect(days).toBeGreaterThanOrEqual(15)
    expect(days).toBeLessThanOrEqual(17)
    expect(memory?.p90At).toBeLessThanOrEqual(memory?.p50At ?? 0)
    expect(memory?.history).toHaveLength(100)
    expect(memory?.told).toHaveLength(60)
    expect(cpu).toMatchObject({ resource: 'cpu', knownDays: 0, neededDays: 28, told: [] })
  })

  it('adds the hosts of the fleet up', async () => {
    const [memory] = await forecasts('')
    expect(memory).toMatchObject({ name: 'fleet', knownDays: 100, latest: 37 * GiB - GiB / 16 })
    expect(memory?.told).toHaveLength(365)
  })

  it('tells nothing of an array without a known write cache', async () => {
    expect(await forecasts('?of=array:iscsi1')).toEqual([])
  })

  it.each([
    ['?of=moon', 400, 'request-invalid'],
    ['?of=host:nobody', 404, 'host-unknown'],
    ['?of=array:nobody', 404, 'array-unknown'],
    ['?days=0', 400, 'request-invalid'],
    ['?days=731', 400, 'request-invalid'],
  ])('refuses %s', async (query, status, code) => {
    const answer = await fixture.ask(`/api/v1/capacity/forecast${query}`, {
      headers: { authorization: `Bearer ${fixture.token}` },
    })
    expect([answer.status, JSON.parse(answer.text)]).toMatchObject([status, { code }])
  })
})
