import { describe, expect, it } from 'vitest'

import { dateTime, escapeXml, readReply, SoapFault, SoapFormatError, wholeNumber } from './soap-message.js'

const envelope = (body: string): string =>
  `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>${body}</s:Body></s:Envelope>`

describe('readReply', () => {
  it('gives the values', () => {
    const values = readReply(
      'Get',
      envelope('<GetResponse><returnval>a&amp;b</returnval><returnval>c</returnval></GetResponse>'),
    )
    expect(values.map((one) => one.text)).toEqual(['a&b', 'c'])
  })

  it.each<[string, string, string]>([
    [
      'by its type',
      '<s:Fault><faultstring>x</faultstring><detail><NotAuthenticatedFault xsi:type="vim25:NotAuthenticated"/></detail></s:Fault>',
      'NotAuthenticated',
    ],
    ['by its element', '<s:Fault><detail><InvalidLoginFault/></detail></s:Fault>', 'InvalidLogin'],
    ['by its code', '<s:Fault><faultcode>ServerFaultCode</faultcode></s:Fault>', 'ServerFaultCode'],
    ['without anything', '<s:Fault/>', 'unknown fault'],
  ])('throws a fault %s', (_name, body, fault) => {
    expect(() => readReply('Get', envelope(body))).toThrow(expect.objectContaining({ name: 'SoapFault', fault }))
    expect(() => readReply('Get', envelope(body))).toThrow(SoapFault)
  })

  it.each<[string, string]>([
    ['nothing', ''],
    ['a page', '<html><body>Service unavailable</body></html>'],
    ['an empty body', envelope('')],
    ['the answer to another call', envelope('<OtherResponse/>')],
    ['a document type', `<!DOCTYPE x [<!ENTITY a "b">]>${envelope('<GetResponse/>')}`],
    ['broken XML', envelope('<GetResponse>')],
  ])('refuses %s', (_name, text) => {
    expect(() => readReply('Get', text)).toThrow(SoapFormatError)
  })
})

describe('values', () => {
  it.each<[string | undefined, number | undefined]>([
    ['0', 0],
    ['9007199254740991', 2 ** 53 - 1],
    ['9007199254740993', undefined],
    ['-1', undefined],
    ['1.5', undefined],
    ['1e3', undefined],
    ['NaN', undefined],
    ['', undefined],
    [undefined, undefined],
  ])('whole number %s', (text, expected) => {
    expect(wholeNumber(text)).toBe(expected)
  })

  it.each<[string, number | undefined]>([
    ['2026-11-22T22:05:19.734492868Z', 1_795_385_119_734],
    ['1969-01-01T00:00:00Z', undefined],
    ['9999-01-01T00:00:00Z', undefined],
    ['soon', undefined],
  ])('time %s', (text, expected) => {
    expect(dateTime(text)).toBe(expected)
  })

  it('escapes what XML cannot carry', () => {
    expect(escapeXml('<a&"b">\u0000\u001B\t')).toBe('&lt;a&amp;&quot;b&quot;&gt;\t')
  })
})
