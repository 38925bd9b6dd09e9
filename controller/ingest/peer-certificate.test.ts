import 'reflect-metadata'
import { webcrypto, X509Certificate } from 'node:crypto'

import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  Pkcs10CertificateRequestGenerator,
  X509CertificateGenerator,
} from '@peculiar/x509'
import { beforeAll, describe, expect, it } from 'vitest'

import { makeIssuer, openIssuer, type Issuer } from './issuer.js'
import { readPeer, validityOf } from './peer-certificate.js'

const now = Date.UTC(2026, 2, 1)
const day = 86_400_000
const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const

let ours: Issuer
let former: Issuer
let foreign: Issuer
let csr: Uint8Array

beforeAll(async () => {
  const make = async (): Promise<Issuer> => openIssuer(await makeIssuer(now))
  ;[ours, former, foreign] = await Promise.all([make(), make(), make()])
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const request = await Pkcs10CertificateRequestGenerator.create({ keys, signingAlgorithm: algorithm }, webcrypto)
  csr = new Uint8Array(request.rawData)
})

/** A certificate signed by a key of its own in the name of an issuer. */
async function forged(issuer: Issuer, { subject = 'CN=agent-1', ca = false } = {}): Promise<Uint8Array> {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const made = await X509CertificateGenerator.create(
    {
      subject,
      issuer: issuer.certificate.subject,
      notBefore: new Date(now - 200 * day),
      notAfter: new Date(now - 100 * day),
      signingAlgorithm: algorithm,
      publicKey: keys.publicKey,
      signingKey: keys.privateKey,
      extensions: [
        new BasicConstraintsExtension(ca, undefined, true),
        new ExtendedKeyUsageExtension([ExtendedKeyUsage.clientAuth]),
      ],
    },
    webcrypto,
  )
  return new Uint8Array(made.rawData)
}

describe('a peer', () => {
  it('is the agent that its certificate names, with its dates and its issuer', async () => {
    for (const issuer of [ours, former]) {
      expect(readPeer(await issuer.issueAgent(csr, 'agent-1', now), [ours, former])).toEqual({
        status: 'agent',
        agentId: 'agent-1',
        issuerKeyHash: issuer.keyHash,
        notBefore: now - 3_600_000,
        notAfter: now + 90 * day,
      })
    }
  })

  it('is the agent also when its certificate has expired: whether that will do is another question', async () => {
    const peer = readPeer(await ours.issueAgent(csr, 'agent-1', now - 400 * day), [ours])
    expect(peer).toMatchObject({ status: 'agent', notAfter: now - 310 * day })
  })

  it.each<[what: string, make: () => Promise<Uint8Array | undefined>, details: string]>([
    ['another authority', () => foreign.issueAgent(csr, 'agent-1', now), 'another authority issued it'],
    ['a former authority that is trusted no more', () => former.issueAgent(csr, 'agent-1', now), 'another authority'],
    ['a forger who uses the name of ours, long expired', () => forged(ours), 'another authority issued it'],
    [
      "the controller's own kind",
      async () => new X509Certificate((await ours.issueServer(now)).certificatePem).raw,
      'it is not for an agent',
    ],
    ['the authority itself', async () => ours.certificateDer, 'it is not for an agent'],
    ['no authority at all', async () => new Uint8Array([1, 2, 3]), 'it cannot be read'],
    ['ours, for a name that is none', () => ours.issueAgent(csr, 'agent 1', now), 'it names no agent'],
    ['ours, with a second name', () => ours.issueAgent(csr, 'agent-1, CN=agent-2', now), 'it names no agent'],
  ])('is nobody with a certificate of %s', async (_what, make, details) => {
    const peer = readPeer(await make(), [ours])
    expect(peer).toMatchObject({ status: 'foreign', details: expect.stringContaining(details) })
  })

  it('is unknown without one', () => {
    expect(readPeer(undefined, [ours])).toEqual({ status: 'none' })
    expect(readPeer(new Uint8Array(), [ours])).toEqual({ status: 'none' })
  })
})

it.each([
  [-1, 'not-yet-valid'],
  [0, 'current'],
  [100, 'current'],
  [101, 'expired'],
])('at %i a certificate from 0 to 100 is %s', (at, validity) => {
  expect(validityOf({ notBefore: 0, notAfter: 100 }, at)).toBe(validity)
})
