import * as fc from 'fast-check'
import { expect, it } from 'vitest'

import { entityKinds } from '../measurements.js'
import { idOf, tagsOf } from './entity-tags.js'

it.each([
  ['vm', 'a/b', { uuid: 'a/b' }],
  ['disk', 'u/sda', { uuid: 'u', target: 'sda' }],
  ['disk', 'u', { uuid: 'u' }],
  ['disk', 'u/', { uuid: 'u', target: '%' }],
  ['file_system', 'h//var/lib', { host: 'h', mount: '/var/lib' }],
  ['array', 'nfs:box:/export/a/h1', { array: 'nfs:box:/export/a', host: 'h1' }],
  ['vm', '50%\n\\', { uuid: '50%25%0A%5C' }],
] as const)('%s %j has the tags %j', (kind, id, tags) => {
  expect(Object.fromEntries(tagsOf({ kind, id }).map(({ name, value }) => [name, value]))).toEqual(tags)
  expect(idOf(kind, tags)).toBe(id)
})

it('takes no tags that are not of this program', () => {
  expect(idOf('vm', { host: 'h' })).toBeUndefined()
})

it('gives every id back, and no two the same tags', () => {
  const part = fc.string({
    unit: fc.constantFrom('a', '/', '%', '2', '5', '\\', '\n', ',', '=', ' ', '"', 'é'),
    maxLength: 8,
  })
  fc.assert(
    fc.property(fc.constantFrom(...entityKinds), part, (kind, id) => {
      fc.pre(id !== '')
      const tags = tagsOf({ kind, id })
      expect(idOf(kind, Object.fromEntries(tags.map(({ name, value }) => [name, value])))).toBe(id)
      for (const { value } of tags) expect(value).toMatch(/^[^\\\n]+$/)
    }),
  )
})
