import { attribute, child, childText, children, parseXml, XmlError, type XmlElement } from '../libvirt/xml.js'

/** A managed object of vSphere: its type and its id, `VirtualMachine` and `vm-57`. */
export interface MoRef {
  readonly type: string
  readonly id: string
}

/** The server answered with a fault. `fault` is its type without namespace: `NotAuthenticated`, `InvalidLogin`. */
export class SoapFault extends Error {
  override readonly name = 'SoapFault'

  constructor(
    readonly fault: string,
    readonly method: string,
    text: string,
  ) {
    super(`${method}: ${fault}${text === '' ? '' : ` (${text})`}`)
  }
}

/** What the server answered is no SOAP that we know. */
export class SoapFormatError extends Error {
  override readonly name = 'SoapFormatError'
}

const escapes: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }

/** Text for an element or an attribute. Characters that XML 1.0 cannot carry are left out. */
export function escapeXml(text: string): string {
  return text.replaceAll(/(?![\t\n\r])[\p{Cc}\uFFFE\uFFFF]/gu, '').replaceAll(/[&<>"]/g, (one) => escapes[one] ?? '')
}

/** An element with text. */
export function leaf(name: string, text: string | number | boolean): string {
  return `<${name}>${escapeXml(String(text))}</${name}>`
}

/** An element that names a managed object. */
export function refElement(name: string, { type, id }: MoRef): string {
  return `<${name} type="${escapeXml(type)}">${escapeXml(id)}</${name}>`
}

/** A request. `args` is XML. The order of elements is the one of the API's schema: servers insist on it. */
export function requestMessage(method: string, target: MoRef, args: string): string {
  return (
    '<?xml version="1.0" encoding="UTF-8"?>' +
    '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"' +
    ' xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">' +
    `<soapenv:Body><${method} xmlns="urn:vim25">${refElement('_this', target)}${args}</${method}></soapenv:Body></soapenv:Envelope>`
  )
}

/**
 * The `returnval` elements of a reply; none where the method returns nothing.
 * @throws SoapFault, SoapFormatError
 */
export function readReply(method: string, text: string): readonly XmlElement[] {
  let envelope: XmlElement
  try {
    envelope = parseXml(text)
  } catch (error) {
    if (!(error instanceof XmlError)) throw error
    throw new SoapFormatError(`${method}: the answer is no XML: ${error.message}`, { cause: error })
  }
  const body = envelope.name === 'Envelope' ? child(envelope, 'Body') : undefined
  const reply = body?.children[0]
  if (reply === undefined) throw new SoapFormatError(`${method}: the answer has no SOAP body`)
  if (reply.name === 'Fault') throw faultOf(method, reply)
  if (reply.name !== `${method}Response`)
    throw new SoapFormatError(`${method}: the answer is a ${reply.name.slice(0, 64)}`)
  return children(reply, 'returnval')
}

function faultOf(method: string, fault: XmlElement): SoapFault {
  const detail = child(fault, 'detail')?.children[0]
  const type =
    attribute(detail, 'type') ?? detail?.name.replace(/Fault$/, '') ?? childText(fault, 'faultcode') ?? 'unknown fault'
  const text = (childText(fault, 'faultstring') ?? '').replaceAll(/\s+/g, ' ').slice(0, 200)
  return new SoapFault(withoutPrefix(type).slice(0, 64), method, text)
}

/** `vim25:VirtualDisk` → `VirtualDisk` */
export function withoutPrefix(type: string): string {
  return type.slice(type.indexOf(':') + 1)
}

/** The object that an element names. @returns undefined if it names none */
export function refIn(element: XmlElement | undefined): MoRef | undefined {
  const type = attribute(element, 'type')
  if (element === undefined || type === undefined || element.text === '') return undefined
  return { type, id: element.text }
}

/** The text of a descendant, by the names on the way down. */
export function textAt(element: XmlElement | undefined, ...path: readonly string[]): string | undefined {
  const last = elementAt(element, ...path)
  return last === undefined || last.text === '' ? undefined : last.text
}

/** A descendant, by the names on the way down. */
export function elementAt(element: XmlElement | undefined, ...path: readonly string[]): XmlElement | undefined {
  return path.reduce<XmlElement | undefined>((at, name) => child(at, name), element)
}

/** A whole number that a double holds exactly, at least `least`. @returns undefined for anything else */
export function wholeNumber(text: string | undefined, least = 0): number | undefined {
  if (text === undefined || !/^-?\d{1,16}$/.test(text)) return undefined
  const value = Number(text)
  return Number.isSafeInteger(value) && value >= least ? value : undefined
}

/** An xsd:dateTime as milliseconds since the epoch. @returns undefined if it is none, or far from any clock */
export function dateTime(text: string | undefined): number | undefined {
  if (text === undefined || text.length > 40) return undefined
  const ms = Date.parse(text)
  return ms > 0 && ms < 4e12 ? ms : undefined
}
