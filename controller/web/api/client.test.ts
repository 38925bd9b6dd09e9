import { describe, expect, it } from 'vitest'
import { createClient, seriesPath } from './client.js'

const query = { entity: 'disk:u-1/xvda', fields: ['a', 'b'], fromMs: 1000.4, toMs: 61_000, stepMs: 10_000 }

function clientAnswering(answer: () => Promise<Response>) {
  const seen: string[] = []
  let signedOut = 0
  const client = createClient({
    fetch: async (url) => {
      seen.push(url)
      return answer()
    },
    deadlineMs: 1000,
    onSignedOut: () => (signedOut += 1),
  })
  return { client, seen, signedOut: () => signedOut }
}

describe('seriesPath', () => {
  it('escapes the entity and rounds times', () => {
    expect(seriesPath(query)).toBe(
      '/series?entity=disk%3Au-1%2Fxvda&fields=a%2Cb&from=1000&to=61000&step=10000&agg=mean',
    )
  })
})

describe('createClient', () => {
  it('asks below /api/v1 and hands out the body', async () => {
    const { client, seen } = clientAnswering(async () => Response.json({ events: [{ kind: 'started' }] }))
    expect(await client.eventHistory(5)).toEqual({ status: 'ok', value: [{ kind: 'started' }] })
    expect(seen).toEqual(['/api/v1/events/history?limit=5'])
  })

  it.each([
    [async () => Response.json({ code: 'x', message: 'no such field' }, { status: 400 }), 'refused', 'no such field'],
    [async () => new Response('oops', { status: 503 }), 'refused', 'the controller answered 503'],
    [async () => new Response('{', { status: 200 }), 'unreachable', 'the answer could not be read'],
    [() => Promise.reject(new TypeError('fetch failed')), 'unreachable', 'the controller cannot be reached'],
    [() => Promise.reject(new DOMException('', 'TimeoutError')), 'unreachable', 'no answer in time'],
  ])('turns a failure into a value %#', async (answer: () => Promise<Response>, status, message) => {
    const { client, signedOut } = clientAnswering(answer)
    expect(await client.fleet()).toEqual({ status, message })
    expect(signedOut()).toBe(0)
  })

  it('says that the session is gone', async () => {
    const { client, signedOut } = clientAnswering(async () => Response.json({}, { status: 401 }))
    expect(await client.series(query)).toEqual({ status: 'signed-out' })
    expect(signedOut()).toBe(1)
  })
})
