import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { startApiFixture, type Answer, type ApiFixture } from '../../support/api-fixture.js'

let fixture: ApiFixture
let root: string

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'headroom-page-'))
  await mkdir(join(root, 'page', 'assets'), { recursive: true })
  await mkdir(join(root, 'page-secrets'))
  await writeFile(join(root, 'secret.txt'), 'top secret')
  await writeFile(join(root, 'page-secrets', 'secret.txt'), 'top secret')
  await writeFile(join(root, 'page', 'index.html'), '<!doctype html><title>the page</title>')
  await writeFile(join(root, 'page', '.env'), 'top secret')
  await writeFile(join(root, 'page', 'favicon.svg'), '<svg/>')
  await writeFile(join(root, 'page', 'assets', 'main-abc123.js'), 'export {}')
  fixture = await startApiFixture({ staticDir: join(root, 'page') })
})
afterAll(async () => {
  await fixture.stop()
  await rm(root, { recursive: true })
})

function ask(path: string, accept = '*/*'): Promise<Answer> {
  return fixture.ask(path, { headers: { accept, authorization: `Bearer ${fixture.token}` } })
}

describe('the page', () => {
  it.each(['/', '/hosts/xenhv01', '/vms/bell?tab=disks', '/index.html'])('is at %s', async (path) => {
    const answer = await ask(path, 'text/html')
    expect([answer.status, answer.headers['content-type']]).toEqual([200, 'text/html; charset=utf-8'])
    expect(answer.text).toContain('the page')
    expect(answer.headers['cache-control']).toBe('no-cache')
    expect(answer.headers['content-security-policy']).toContain("default-src 'none'")
  })

  it('keeps hashed files for ever', async () => {
    const script = await ask('/assets/main-abc123.js')
    expect([script.status, script.headers['content-type']]).toEqual([200, 'application/javascript; charset=utf-8'])
    expect(script.headers['cache-control']).toBe('private, max-age=31536000, immutable')
    expect((await ask('/favicon.svg')).headers['cache-control']).toBe('no-cache')
  })

  it('is shown to nobody without a session', async () => {
    for (const path of ['/', '/index.html', '/assets/main-abc123.js']) {
      expect((await fixture.ask(path)).status).toBe(401)
      const page = await fixture.ask(path, { headers: { accept: 'text/html' } })
      expect([page.status, page.text.includes('the page')]).toEqual([401, false])
    }
  })

  it.each(['/assets/main-gone.js', '/api/v1/nothing', '/api/', '/metrics/x'])('is not at %s', async (path) => {
    const answer = await ask(path)
    expect([answer.status, JSON.parse(answer.text)]).toMatchObject([404, { code: 'route-unknown' }])
  })

  it('is no answer to an API path, even for a browser', async () => {
    expect((await ask('/api/v1/nothing', 'text/html')).status).toBe(404)
  })

  it.each([
    '/../secret.txt',
    '/assets/../../secret.txt',
    '/%2e%2e/secret.txt',
    '/..%2fsecret.txt',
    '/assets/..%2f..%2fsecret.txt',
    '/%2e%2e%2fpage-secrets/secret.txt',
    '/../page-secrets/secret.txt',
    '/..%5csecret.txt',
    '/..\\secret.txt',
    '/%252e%252e%252fsecret.txt',
    '/assets/%00/../../secret.txt',
    '//secret.txt',
    '/.env',
    '/%2eenv',
  ])('lets nobody out of its directory: %s', async (path) => {
    for (const accept of ['*/*', 'text/html']) {
      const answer = await ask(path, accept)
      expect(answer.text).not.toContain('top secret')
      expect(answer.text.includes('the page') || answer.status >= 400).toBe(true)
    }
  })
})

describe('without a built page', () => {
  it('there is only the API', async () => {
    const bare = await startApiFixture()
    try {
      const headers = { accept: 'text/html', authorization: `Bearer ${bare.token}` }
      const answer = await bare.ask('/', { headers })
      expect([answer.status, JSON.parse(answer.text)]).toMatchObject([404, { code: 'route-unknown' }])
    } finally {
      await bare.stop()
    }
  })
})
