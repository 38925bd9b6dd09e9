import { parseXml as parse, XmlElement as ParsedElement, XmlText } from '@rgrove/parse-xml'

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

const noAttributes: ReadonlyMap<string, string> = new Map()

/**
 * Parses a document. Characters that XML cannot carry, which hypervisors put into what people wrote, count as blanks.
 * @throws XmlError if it is malformed, nested too deep, or brings its own entities
 */
export function parseXml(xml: string): XmlElement {
  if (/<!DOCTYPE/i.test(xml)) throw new XmlError('a document type is not allowed')
  try {
    const { root } = parse(carried(xml))
    if (root !== null) return elementOf(root)
  } catch (error) {
    // Malformed, or so deep that the stack does not suffice. What follows the first line is the document.
    const [what = ''] = (error instanceof Error ? error.message : String(error)).split('\n', 1)
    throw new XmlError(what, { cause: error })
  }
  throw new XmlError('no element')
}

function elementOf({ name, attributes, children: nodes }: ParsedElement): XmlElement {
  let text = ''
  const elements: XmlElement[] = []
  for (const node of nodes) {
    if (node instanceof ParsedElement) elements.push(elementOf(node))
    else if (node instanceof XmlText) text += node.text
  }
  return { name: local(name), attributes: attributesOf(attributes), children: elements, text: text.trim() }
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

function attributesOf(attributes: Readonly<Record<string, string>>): ReadonlyMap<string, string> {
  const names = Object.keys(attributes)
  if (names.length === 0) return noAttributes
  const own = names.filter((name) => !/^xmlns(:|$)/.test(name))
  return new Map(own.map((name) => [local(name), attributes[name] ?? '']))
}

/** `xsi:type` → `type` */
function local(name: string): string {
  return name.slice(name.indexOf(':') + 1)
}

// oxlint-disable-next-line no-control-regex -- they are what it is about.
const notCarried = /[\u0000-\u0008\u000B\u000C\u000E-\u001F\uFFFE\uFFFF]/g
/** The same written as numbers. */
const notCarriedByNumber = /&#(?:x0*(?:[0-8bcef]|1[0-9a-f]|fff[ef])|0*(?:[0-8]|1[124-9]|2[0-9]|3[01]|6553[45]));/gi

function carried(xml: string): string {
  const plain = notCarried.test(xml) ? xml.replaceAll(notCarried, ' ') : xml
  return plain.includes('&#') ? plain.replaceAll(notCarriedByNumber, ' ') : plain
}
