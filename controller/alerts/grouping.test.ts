import { expect, test } from 'vitest'

import { recipientsOf } from './grouping.js'

test.each<[string, string[], string[], string[]]>([
  ['plain addresses', ['b@x.org', 'a@x.org', 'a@x.org'], [], ['a@x.org', 'b@x.org']],
  [
    'an owner as part of an address',
    ['{owner}@elab.example', 'ops@elab.example'],
    ['panda'],
    ['ops@elab.example', 'panda@elab.example'],
  ],
  ['several owners', ['{owner}@elab.example'], ['kure', 'bell'], ['bell@elab.example', 'kure@elab.example']],
  ['an owner that is an address', ['{owner}'], ['kure@elab.example', 'panda'], ['kure@elab.example']],
  ['no owner', ['{owner}@elab.example'], [], []],
  [
    'an owner that would be another address',
    ['{owner}@elab.example'],
    ['x@evil.org,y', 'a b', 'a\nb', '', '.', '<a>'],
    [],
  ],
  [
    'an owner that would be several addresses',
    ['{owner}'],
    ['a@x.org,b@x.org', 'a@x.org\r\nBcc: c@x.org', '"a b"@x.org'],
    [],
  ],
  ['an owner longer than an address may be', ['{owner}@elab.example'], ['a'.repeat(65)], []],
])('%s', (_name, templates, owners, expected) => {
  expect(recipientsOf(templates, owners)).toEqual(expected)
})
