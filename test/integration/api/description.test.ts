import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'

import { apiErrors } from '../../../controller/api/errors.js'
import { startApiFixture, type ApiFixture } from '../../support/api-fixture.js'

let fixture: ApiFixture
let documented: string
beforeAll(async () => {
  fixture = await startApiFixture()
  documented = await readFile(new URL('../../../docs/api.md', import.meta.url), 'utf8')
})
afterAll(async () => {
  await fixture.stop()
})

const openapi = z.object({
  openapi: z.string(),
  info: z.object({ title: z.string(), version: z.string() }),
  paths: z.record(
    z.string(),
    z.record(
      z.string(),
      z.object({
        summary: z.string(),
        parameters: z
          .array(z.object({ name: z.string(), in: z.enum(['query', 'path']), schema: z.looseObject({}) }))
          .default([]),
        responses: z.record(z.string().regex(/^[1-5](\d\d|XX)$/), z.object({ description: z.string() })),
      }),
    ),
  ),
})

/** The cells of a Markdown table under that heading. */
function table(heading: string): string[][] {
  const section = documented.split(/^## /m).find((text) => text.startsWith(`${heading}\n`)) ?? ''
  const rows = section.split('\n').filter((line) => line.startsWith('| `'))
  return rows.map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  )
}

describe('OpenAPI', () => {
  it('describes every route, its parameters and answers', async () => {
    const raw = await fixture.get('/api/v1/openapi.json')
    const { openapi: version, info, paths } = openapi.parse(raw)
    expect([version, info]).toEqual(['3.1.0', { title: 'headroom', version: '0.0.0-test' }])
    for (const [path, operations] of Object.entries(paths)) {
      const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name)
      for (const { parameters } of Object.values(operations)) {
        expect(parameters.filter((parameter) => parameter.in === 'path').map(({ name }) => name)).toEqual(inPath)
      }
    }
    const series = paths['/api/v1/series']?.['get']?.parameters.map(({ name }) => name)
    expect(series).toEqual(['entity', 'fields', 'from', 'to', 'step', 'agg'])
  })

  it('refers to nothing that is not there', async () => {
    const raw = await fixture.get('/api/v1/openapi.json')
    for (const [, reference = ''] of JSON.stringify(raw).matchAll(/"\$ref":"([^"]+)"/g)) {
      let at: unknown = raw
      for (const key of reference.replace('#/', '').split('/')) at = Reflect.get(Object(at), key)
      expect([reference, typeof at]).toEqual([reference, 'object'])
    }
  })
})

describe('docs/api.md', () => {
  it('lists every error with its status and meaning', () => {
    const expected = Object.entries(apiErrors).map(([code, { status, when }]) => [`\`${code}\``, String(status), when])
    expect(table('Errors')).toEqual(expected)
  })

  it('lists every route', async () => {
    const { paths } = openapi.parse(await fixture.get('/api/v1/openapi.json'))
    const routes = Object.entries(paths).flatMap(([path, operations]) =>
      Object.entries(operations).map(([method, { summary }]) => [`\`${method.toUpperCase()} ${path}\``, summary]),
    )
    const listed = table('Routes').map(([route, summary]) => [route, summary])
    expect(listed.toSorted(byText)).toEqual(routes.toSorted(byText))
  })
})

function byText(a: readonly unknown[], b: readonly unknown[]): number {
  return String(a) < String(b) ? -1 : 1
}
