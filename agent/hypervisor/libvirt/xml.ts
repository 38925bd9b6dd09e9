import { XMLParser } from 'fast-xml-parser'

/** An element without its namespace prefixes. Comments, processing instructions and the space around text are gone. */
export interface XmlElement {
  readonly name: string
  readonly attributes: ReadonlyMap<string, string>
  readonly children: readonly XmlElement[]
  readonly text: string
}

/** XML that cannot be used. */
export class XmlError extends Error {
  override readonly name = 'XmlError'
}

const attributesKey = ':@'
const textKey = '#text'
const cdataKey = '#cdata'

// Entities are decoded here, in one pass and without a document's own definitions.
const parser = new XMLParser({
  preserveOrder: true,
  ignoreAttributes: false,
  attributeNamePrefix: '',
  removeNSPrefix: true,
  parseTagValue: false,
  parseAttributeValue: false,
  ignoreDeclaration: true,
  ignorePiTags: true,
  processEntities: false,
  textNodeName: textKey,
  cdataPropName: cdataKey,
})

/**
 * Parses a document.
 * @throws XmlError if it is malformed, nested deeper than any definition, or brings its own entities
 */
export function parseXml(xml: string): XmlElement {
  if (/<!DOCTYPE/i.test(xml)) throw new XmlError('a document type is not allowed')
  let nodes: unknown
  try {
    nodes = parser.parse(xml, true)
  } catch (error) {
    throw new XmlError(error instanceof Error ? error.message : String(error), { cause: error })
  }
  const root = elementsOf(nodes)[0]
  if (root === undefined) throw new XmlError('no element')
  return root
}

export function child(element: XmlElement | undefined, name: string): XmlElement | undefined {
  return element?.children.find((candidate) => candidate.name === name)
}

export function children(element: XmlElement | undefined, name: string): readonly XmlElement[] {
  return element?.children.filter((candidate) => candidate.name === name) ?? []
}

/** The attribute's value; undefined if it is missing or empty. */
export function attribute(element: XmlElement | undefined, name: string): string | undefined {
  const value = element?.attributes.get(name)
  return value === '' ? undefined : value
}

/** The text of a child element; undefined if there is none. */
export function childText(element: XmlElement | undefined, name: string): string | undefined {
  const text = child(element, name)?.text
  return text === '' ? undefined : text
}

function elementsOf(nodes: unknown): XmlElement[] {
  const elements: XmlElement[] = []
  for (const node of listOf(nodes)) {
    for (const [name, content] of Object.entries(node)) {
      if (name === attributesKey || name === textKey || name === cdataKey) continue
      elements.push({
        name,
        attributes: attributesOf(Reflect.get(node, attributesKey)),
        children: elementsOf(content),
        text: textOf(content),
      })
    }
  }
  return elements
}

function attributesOf(value: unknown): ReadonlyMap<string, string> {
  if (typeof value !== 'object' || value === null) return new Map()
  return new Map(Object.entries(value).map(([name, text]) => [name, decodeEntities(String(text))]))
}

function textOf(nodes: unknown): string {
  let text = ''
  for (const node of listOf(nodes)) {
    const plain: unknown = Reflect.get(node, textKey)
    if (typeof plain === 'string') text += decodeEntities(plain)
    for (const part of listOf(Reflect.get(node, cdataKey))) {
      const literal: unknown = Reflect.get(part, textKey)
      if (typeof literal === 'string') text += literal
    }
  }
  return text.trim()
}

function listOf(value: unknown): readonly object[] {
  if (!Array.isArray(value)) return []
  return value.filter((item: unknown): item is object => typeof item === 'object' && item !== null)
}

const named: ReadonlyMap<string, string> = new Map([
  ['lt', '<'],
  ['gt', '>'],
  ['amp', '&'],
  ['quot', '"'],
  ['apos', "'"],
])

function decodeEntities(text: string): string {
  return text.replaceAll(/&(?:#x([0-9a-f]{1,6})|#(\d{1,7})|([a-z]+));/gi, (whole, hex, decimal, name) => {
    if (typeof name === 'string') return named.get(name) ?? whole
    const code = typeof hex === 'string' ? Number.parseInt(hex, 16) : Number(decimal)
    return code > 0x10_ff_ff ? whole : String.fromCodePoint(code)
  })
}
