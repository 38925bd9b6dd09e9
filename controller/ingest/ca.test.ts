import 'reflect-metadata'
import { createHash, generateKeyPairSync, webcrypto, X509Certificate } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { Pkcs10CertificateRequestGenerator } from '@peculiar/x509'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { controllerServerName } from '../../common/tls.js'
import { openEmbeddedState } from '../store/embedded-state/embedded-state.js'
import type { StateStore } from '../store/state-store.js'
import { openCertificateAuthority, type CertificateAuthority } from './ca.js'
import { agentCertificateDays } from './issuer.js'

const now = Date.UTC(2026, 2, 1)
const day = 86_400_000
const clientAuth = '1.3.6.1.5.5.7.3.2'
const serverAuth = '1.3.6.1.5.5.7.3.1'

let directory = ''
let state: StateStore
let ca: CertificateAuthority

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'headroom-ca-'))
  state = openEmbeddedState({ path: join(directory, 'state.db') })
  ca = await openCertificateAuthority(state, now)
})
afterEach(async () => {
  await state.close()
  rmSync(directory, { recursive: true })
})

type KeyAlgorithm = { name: 'ECDSA'; namedCurve: string; hash: string } | RsaHashedKeyGenParams
interface RsaHashedKeyGenParams {
  readonly name: 'RSASSA-PKCS1-v1_5'
  readonly modulusLength: number
  readonly publicExponent: Uint8Array<ArrayBuffer>
  readonly hash: string
}
const p256: KeyAlgorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }

async function request(algorithm: KeyAlgorithm = p256, name = 'CN=agent'): Promise<Uint8Array> {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const made = await Pkcs10CertificateRequestGenerator.create({ name, keys, signingAlgorithm: algorithm }, webcrypto)
  return new Uint8Array(made.rawData)
}

describe('the authority', () => {
  it('is made once and is the same at the next start', async () => {
    const again = await openCertificateAuthority(state, now + day)
    expect(again.certificatePem).toBe(ca.certificatePem)
    expect(again.keyHash).toBe(ca.keyHash)
  })

  it('signs itself, may sign others, and lives ten years', () => {
    const own = new X509Certificate(ca.certificatePem)
    expect(own.ca).toBe(true)
    expect(own.verify(own.publicKey)).toBe(true)
    expect(Date.parse(own.validTo)).toBe(now + 3650 * day)
    const spki = new Uint8Array(own.publicKey.export({ type: 'spki', format: 'der' }))
    expect(ca.keyHash).toBe(createHash('sha256').update(spki).digest('base64url'))
  })

  it('is never replaced because its row is damaged', async () => {
    await state.tx(async (tx) => tx.put('ca', 'current', { certificatePem: 'x' }))
    await expect(openCertificateAuthority(state, now)).rejects.toThrow('privateKeyPem')
  })
})

describe('certificates of the controller', () => {
  it('carry its name and are for servers only', async () => {
    const { certificatePem, privateKeyPem, notAfterMs } = await ca.issueServer(now)
    const issued = new X509Certificate(certificatePem)
    const issuer = new X509Certificate(ca.certificatePem)
    expect(issued.checkIssued(issuer) && issued.verify(issuer.publicKey)).toBe(true)
    expect(issued.subjectAltName).toBe(`DNS:${controllerServerName}`)
    expect(issued.checkHost(controllerServerName)).toBe(controllerServerName)
    expect(issued.keyUsage).toEqual([serverAuth])
    expect(issued.ca).toBe(false)
    expect(notAfterMs).toBe(now + 90 * day)
    expect(privateKeyPem).toContain('BEGIN PRIVATE KEY')
  })
})

describe('certificates of agents', () => {
  it('name the agent as the controller does, and are for clients only', async () => {
    const der = await ca.issueAgent(await request(p256, 'CN=controller.headroom.internal, O=evil'), 'agent-1', now)
    const issued = new X509Certificate(der)
    const issuer = new X509Certificate(ca.certificatePem)
    expect(issued.checkIssued(issuer) && issued.verify(issuer.publicKey)).toBe(true)
    expect(issued.subject).toBe('CN=agent-1')
    expect(issued.subjectAltName).toBe(undefined)
    expect(issued.keyUsage).toEqual([clientAuth])
    expect(issued.ca).toBe(false)
    expect(Date.parse(issued.validTo)).toBe(now + agentCertificateDays * day)
    expect(Date.parse(issued.validFrom)).toBe(now - 3_600_000)
  })

  it('have numbers of their own', async () => {
    const csr = await request()
    const numbers = await Promise.all(
      Array.from({ length: 20 }, async () => new X509Certificate(await ca.issueAgent(csr, 'a', now)).serialNumber),
    )
    expect(new Set(numbers).size).toBe(20)
  })

  it('of another authority are not ours', async () => {
    const elsewhere = openEmbeddedState({ path: join(directory, 'other.db') })
    const foreign = await openCertificateAuthority(elsewhere, now)
    await elsewhere.close()
    const issued = new X509Certificate(await foreign.issueAgent(await request(), 'agent-1', now))
    expect(issued.verify(new X509Certificate(ca.certificatePem).publicKey)).toBe(false)
  })

  it.each<[string, () => Promise<Uint8Array>]>([
    ['nothing', async () => new Uint8Array()],
    ['no request', async () => new Uint8Array([1, 2, 3, 4])],
    ['text', async () => new TextEncoder().encode('-----BEGIN CERTIFICATE REQUEST-----')],
    ['cut short', async () => (await request()).slice(0, 100)],
    ['a certificate', async () => ca.certificateDer],
    [
      'a public key',
      async () =>
        new Uint8Array(
          generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ type: 'spki', format: 'der' }),
        ),
    ],
    [
      'a broken signature',
      async () => {
        const csr = await request()
        csr[csr.length - 1] = (csr[csr.length - 1] ?? 0) ^ 1
        return csr
      },
    ],
    [
      'the key of another in its place',
      async () => {
        const [csr, stolen] = [Buffer.from(await request()), Buffer.from(await request())]
        // The point of a P-256 key: 0x04 and 64 bytes after the BIT STRING header.
        const header = Buffer.from([0x03, 0x42, 0x00, 0x04])
        stolen.copy(csr, csr.indexOf(header) + 4, stolen.indexOf(header) + 4, stolen.indexOf(header) + 68)
        return csr
      },
    ],
    [
      'an RSA key',
      () =>
        request({
          name: 'RSASSA-PKCS1-v1_5',
          modulusLength: 2048,
          publicExponent: new Uint8Array([1, 0, 1]),
          hash: 'SHA-256',
        }),
    ],
    ['a key on another curve', () => request({ name: 'ECDSA', namedCurve: 'P-384', hash: 'SHA-256' })],
    ['a huge one', () => request(p256, `CN=${'x'.repeat(5000)}`)],
  ])('are not made of a request that is %s', async (_name, make) => {
    await expect(ca.issueAgent(await make(), 'agent-1', now)).rejects.toBeInstanceOf(Error)
  })
})
