import { describe, expect, it, test } from 'vitest'

import { child, childText, children, parseXml, XmlError, type XmlElement } from './xml.js'

function plain({ name, attributes, children: inner, text }: XmlElement): unknown {
  return [name, Object.fromEntries(attributes), text, inner.map((one) => plain(one))]
}

test('elements, attributes and text without prefixes, comments and blanks', () => {
  const xml = `<?xml version="1.0" encoding="UTF-8"?>
    <!-- a comment -->
    <s:a xmlns:s="urn:x" xmlns="urn:y" s:type='t' other="a &amp; b">
      <b/> one <?pi data?> two
      <c><![CDATA[<not> &amp; an element]]></c>
    </s:a>`
  expect(plain(parseXml(xml))).toEqual([
    'a',
    { type: 't', other: 'a & b' },
    'one  two',
    [
      ['b', {}, '', []],
      ['c', {}, '<not> &amp; an element', []],
    ],
  ])
})

test.each([
  ['&lt;&gt;&amp;&quot;&apos;', `<>&"'`],
  ['&amp;lt;', '&lt;'],
  ['&#65;&#x42;&#x1F600;', 'AB😀'],
  ['a&#1;b&#x0B;c', 'a b c'],
  ['a\u0001b\uFFFEc', 'a b c'],
  ['a\r\nb', 'a\nb'],
])('the text %j is %j', (xml, text) => {
  expect(parseXml(`<a>${xml}</a>`).text).toBe(text)
})

describe('refused', () => {
  it.each([
    ['nothing', ''],
    ['no element', '<!-- -->'],
    ['an element that does not end', '<a><b></b>'],
    ['another end', '<a></b>'],
    ['two roots', '<a/><b/>'],
    ['text behind the root', '<a/>x'],
    ['an attribute twice', '<a b="1" b="2"/>'],
    ['an attribute without quotes', '<a b=1/>'],
    ['an entity of its own', '<a>&b;</a>'],
    ['a bare ampersand', '<a>a & b</a>'],
    ['a document type', '<!DOCTYPE a [<!ENTITY b "c">]><a/>'],
    ['depth', `${'<a>'.repeat(100_000)}${'</a>'.repeat(100_000)}`],
  ])('%s', (_, xml) => {
    expect(() => parseXml(xml)).toThrow(XmlError)
  })
})

test('names of objects in a language are names like any other', () => {
  const root = parseXml('<a><toString>x</toString><__proto__ constructor="y"/></a>')
  expect(childText(root, 'toString')).toBe('x')
  expect(child(root, '__proto__')?.attributes.get('constructor')).toBe('y')
  expect(children(root, 'hasOwnProperty')).toEqual([])
})
