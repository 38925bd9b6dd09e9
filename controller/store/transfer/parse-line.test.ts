import { expect, test } from 'vitest'

import { parseLine } from './parse-line.js'

interface Good {
  readonly line: string
  readonly tags?: Readonly<Record<string, string>>
  readonly fields: Readonly<Record<string, number | string | boolean>>
  readonly time?: string
}

const good: readonly Good[] = [
  { line: 'vm a=1 5', fields: { a: 1 } },
  { line: 'vm,uuid=x a=1.5,b=-2i,c=3u,d=1e-7 5', tags: { uuid: 'x' }, fields: { a: 1.5, b: -2, c: 3, d: 1e-7 } },
  { line: 'vm,u=a\\ b\\,c\\=d,v=é a=1 5', tags: { u: 'a b,c=d', v: 'é' }, fields: { a: 1 } },
  { line: 'vm,u=a\\b a=1 5', tags: { u: 'a\\b' }, fields: { a: 1 } },
  { line: 'vm a="so, \\"it\\" is = \\\\",b=t,c=FALSE 5', fields: { a: 'so, "it" is = \\', b: true, c: false } },
  { line: 'vm a="" 5', fields: { a: '' } },
  { line: 'vm a=1 ', fields: { a: 1 }, time: '' },
]

test.each(good)('reads $line', ({ line, tags = {}, fields, time = '5' }) => {
  const parsed = parseLine(line)
  expect({ ...parsed, tags: Object.fromEntries(parsed.tags), fields: Object.fromEntries(parsed.fields) }).toEqual({
    measurement: 'vm',
    tags,
    fields,
    time,
  })
})

const bad: readonly (readonly [line: string, message: string])[] = [
  ['', 'expected a name or a value, got nothing'],
  ['vm', 'expected a space before the fields, got nothing'],
  [' a=1 5', 'expected a name or a value, got " a=1 5"'],
  ['vm,u a=1 5', 'expected = after the tag u, got " a=1 5"'],
  ['vm,u= a=1 5', 'expected a name or a value, got " a=1 5"'],
  ['vm,u=x,u=y a=1 5', 'expected each tag once, got "u"'],
  ['vm a=1', 'expected a space and a time after the fields, got nothing'],
  ['vm a 5', 'expected = after the field a, got " 5"'],
  ['vm a=1,a=2 5', 'expected each field once, got "a"'],
  ['vm a=NaN 5', 'expected a value of the field a, got "NaN"'],
  ['vm a=Infinity 5', 'expected a value of the field a, got "Infinity"'],
  ['vm a=0x10 5', 'expected a value of the field a, got "0x10"'],
  ['vm a="open 5', 'expected a quote that ends the text, got "open 5"'],
  ['vm a="x"y 5', 'expected a space and a time after the fields, got "y 5"'],
  ['vm  a=1 5', 'expected a name or a value, got " a=1 5"'],
]

test.each(bad)('refuses %j', (line, message) => {
  expect(() => parseLine(line)).toThrow(message)
})
