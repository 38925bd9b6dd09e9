import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { errorView } from '../../../controller/api/views.js'
import { startApiFixture, type ApiFixture } from '../../support/api-fixture.js'
import { builtAt } from '../../support/snapshot-builder.js'

let fixture: ApiFixture
beforeAll(async () => {
  fixture = await startApiFixture()
})
afterAll(async () => {
  await fixture.stop()
})

const longAgo = `from=${builtAt - 7_200_000}&to=${builtAt}`

describe('errors', () => {
  it.each<[path: string, status: number, error: object]>([
    ['/api/v1/nothing', 404, { code: 'route-unknown', message: 'no route GET /api/v1/nothing' }],
    ['/api', 404, { code: 'route-unknown' }],
    ['/api/v1/hosts/nobody', 404, { code: 'host-unknown', message: 'no host has the id or name "nobody"' }],
    ['/api/v1/vms/__proto__', 404, { code: 'vm-unknown', message: 'no VM has the id or name "__proto__"' }],
    ['/api/v1/vms/%00..', 404, { code: 'vm-unknown' }],
    [`/api/v1/vms/${'x'.repeat(501)}`, 414, { code: 'path-too-long' }],
    ['/api/v1/vms/%zz', 400, { code: 'request-malformed' }],
    [
      '/api/v1/vms?limit=0',
      400,
      {
        code: 'request-invalid',
        message: 'limit: expected a whole number from 1 to 5000, got "0"',
        field: 'limit',
        expected: 'a whole number from 1 to 5000',
        got: '"0"',
      },
    ],
    ['/api/v1/vms?limit=1e3', 400, { code: 'request-invalid', field: 'limit' }],
    ['/api/v1/vms?limit=1&limit=2', 400, { code: 'request-invalid', field: 'limit', got: '["1","2"]' }],
    [
      '/api/v1/vms?sort=name',
      400,
      {
        code: 'request-invalid',
        message: 'sort: expected a known parameter, got unknown parameter "sort"',
        field: 'sort',
      },
    ],
    ['/api/v1/vms?__proto__=1', 400, { code: 'request-invalid' }],
    [
      '/api/v1/vms?state=off',
      400,
      {
        code: 'request-invalid',
        field: 'state',
        expected: 'one of running, blocked, paused, shutting-down, shutoff, crashed, suspended, unknown',
        got: '"off"',
      },
    ],
    ['/api/v1/vms?cursor=garbage', 400, { code: 'cursor-invalid', field: 'cursor' }],
    [`/api/v1/vms?cursor=${Buffer.from('["a",1]').toString('base64url')}`, 400, { code: 'cursor-invalid' }],
    [`/api/v1/events/history?cursor=${Buffer.from('[1,1e9]').toString('base64url')}`, 400, { code: 'cursor-invalid' }],
    [
      '/api/v1/capacity?reserve=1',
      400,
      { code: 'request-invalid', field: 'reserve', expected: 'a size such as 512MiB or 2GB' },
    ],
    ['/api/v1/capacity?vmMemory=0B', 400, { code: 'request-invalid', field: 'vmMemory', expected: 'a size above 0' }],
    ['/api/v1/capacity?vmMemory=99999999999TiB', 400, { code: 'request-invalid', field: 'vmMemory' }],
    ['/api/v1/series', 400, { code: 'request-invalid', field: 'entity', expected: 'string', got: 'nothing' }],
    ['/api/v1/series?entity=vm&fields=cpuCores', 400, { code: 'request-invalid', field: 'entity' }],
    ['/api/v1/series?entity=ghost:a&fields=cpuCores', 400, { code: 'request-invalid', field: 'entity' }],
    [
      '/api/v1/series?entity=vm:a&fields=cpu',
      400,
      { code: 'field-unknown', field: 'fields', message: 'a vm has no metric "cpu"' },
    ],
    ['/api/v1/series?entity=vm:a&fields=__proto__', 400, { code: 'field-unknown' }],
    ['/api/v1/series?entity=vm:a&fields=cpuCores&from=yesterday', 400, { code: 'request-invalid', field: 'from' }],
    ['/api/v1/series?entity=vm:a&fields=cpuCores&from=now&to=-1h', 400, { code: 'request-invalid', field: 'from' }],
    ['/api/v1/series?entity=vm:a&fields=cpuCores&agg=median', 400, { code: 'request-invalid', field: 'agg' }],
    [
      `/api/v1/series?entity=vm:a&fields=cpuCores&${longAgo}&step=0`,
      400,
      { code: 'range-too-long', field: 'step', expected: 'at least 10000' },
    ],
    [
      `/api/v1/series?entity=vm:a&fields=cpuCores&${longAgo}&step=1s`,
      400,
      { code: 'range-too-long', got: '7200 rows' },
    ],
    ['/api/v1/top?by=beauty', 400, { code: 'field-unknown', field: 'by' }],
    ['/api/v1/top?by=constructor', 400, { code: 'field-unknown', field: 'by' }],
    ['/api/v1/top?by=requests&from=-1h', 400, { code: 'field-unknown', expected: 'the name of one metric' }],
    ['/api/v1/top?kind=array', 400, { code: 'request-invalid', field: 'kind' }],
  ])('GET %s: %i', async (path, status, error) => {
    const answer = await fixture.ask(path, { headers: { authorization: `Bearer ${fixture.token}` } })
    expect([answer.status, errorView.strict().parse(JSON.parse(answer.text))]).toMatchObject([status, error])
    expect(answer.headers['content-type']).toBe('application/json; charset=utf-8')
    expect(answer.headers['content-security-policy']).toContain("default-src 'none'")
  })

  it.each<[type: string, body: string, status: number, code: string]>([
    ['application/json', '{"key":', 400, 'request-malformed'],
    ['application/json', '{"key":"a","more":1}', 400, 'request-invalid'],
    ['application/json', '{"__proto__":{"key":"a"}}', 400, 'request-malformed'],
    ['application/json', `{"key":"${'x'.repeat(70_000)}"}`, 413, 'body-too-large'],
    ['application/x-www-form-urlencoded', `key=${'x'.repeat(9000)}`, 413, 'body-too-large'],
    ['application/x-www-form-urlencoded', 'key=a&token=b', 400, 'request-invalid'],
    ['text/xml', '<a/>', 415, 'media-type-unknown'],
  ])('POST /login of %s, case %#', async (type, body, status, code) => {
    const answer = await fixture.ask('/login', { method: 'POST', body, headers: { 'content-type': type } })
    expect([answer.status, JSON.parse(answer.text)]).toMatchObject([status, { code }])
  })

  it('a store that fails is told from a bug, and the fleet is still answered', async () => {
    const broken = await startApiFixture({
      store: {
        ...fixture.store,
        range: () => Promise.reject(new Error('disk on fire')),
        health: () => Promise.reject(new Error('disk on fire')),
      },
    })
    try {
      const headers = { authorization: `Bearer ${broken.token}` }
      const answer = await broken.ask('/api/v1/series?entity=vm:a&fields=cpuCores', { headers })
      expect([answer.status, JSON.parse(answer.text)]).toEqual([
        503,
        { code: 'store-failed', message: 'the time-series store failed: disk on fire' },
      ])
      expect(await broken.get('/api/v1/fleet')).toMatchObject({
        store: { ok: false, problem: 'disk on fire' },
        room: 8,
      })
    } finally {
      await broken.stop()
    }
  })

  it('a bug shows nothing of itself', async () => {
    const broken = await startApiFixture({
      store: fixture.store,
      ready: () => {
        throw new Error('secret detail')
      },
    })
    try {
      const answer = await broken.ask('/readyz')
      expect([answer.status, JSON.parse(answer.text)]).toMatchObject([500, { code: 'internal' }])
      expect(answer.text).not.toContain('secret')
    } finally {
      await broken.stop()
    }
  })

  it('answers what is no HTTP', async () => {
    const text = await new Promise<string>((resolve, reject) => {
      let received = ''
      const socket = connect(fixture.api.port, '127.0.0.1', () => socket.write('HELLO\r\n\r\n'))
      socket.setEncoding('utf8')
      socket.on('data', (chunk: string) => (received += chunk))
      socket.on('close', () => resolve(received))
      socket.on('error', reject)
    })
    expect(text).toMatch(/^HTTP\/1\.1 400 /)
    expect(text).toContain('"code":"request-malformed"')
  })
})
