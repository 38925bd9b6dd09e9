import { describe, expect, it } from 'vitest'

import { parseConfig } from '../../../common/config.js'
import { agentConfigSchema } from '../../config.js'
import { parseThumbprint } from './https-channel.js'

const good = 'kind: esxi, url: "https://esxi1.example", user: reader, passwordFile: /p'

describe('the configuration of an ESXi host', () => {
  it.each<[string, string]>([
    ['the system’s authorities', ''],
    ['an authority', ', caFile: /ca.pem'],
    ['a thumbprint with colons', `, thumbprint: "${'ab:'.repeat(31)}AB"`],
    ['a thumbprint without', `, thumbprint: "${'ab'.repeat(32)}"`],
  ])('with %s is taken', (_name, more) => {
    const { hypervisors } = parseConfig(`hypervisors: [{ ${good}${more} }]`, agentConfigSchema, 'agent.yaml')
    expect(hypervisors[0]?.kind).toBe('esxi')
  })

  it.each<[string, string, RegExp]>([
    ['plain HTTP', good.replace('https', 'http'), /https:\/\/esxi\.example\/sdk/],
    ['a SHA-1 thumbprint', `${good}, thumbprint: "${'ab'.repeat(20)}"`, /SHA-256/],
    ['both ways of trust', `${good}, caFile: /ca.pem, thumbprint: "${'ab'.repeat(32)}"`, /not both/],
    ['an unknown key', `${good}, insecure: true`, /insecure/],
    ['no password file', good.replace(', passwordFile: /p', ''), /passwordFile/],
  ])('with %s is refused', (_name, text, message) => {
    expect(() => parseConfig(`hypervisors: [{ ${text} }]`, agentConfigSchema, 'agent.yaml')).toThrow(message)
  })
})

describe('parseThumbprint', () => {
  it('gives the form that certificates are compared in', () => {
    expect(parseThumbprint('ab'.repeat(32))).toBe(`${'AB:'.repeat(31)}AB`)
    expect(parseThumbprint('ab'.repeat(20))).toBeUndefined()
  })
})
