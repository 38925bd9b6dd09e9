import 'reflect-metadata'
import { createHash, randomBytes, webcrypto, X509Certificate as NodeCertificate } from 'node:crypto'

import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  Pkcs10CertificateRequest,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509'
import { z } from 'zod'

import { controllerServerName } from '../../common/tls.js'
import type { TrustedAuthority } from './peer-certificate.js'

const keyAlgorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const
const dayMs = 86_400_000
/** A request for a P-256 key takes about 300. */
const maxRequestBytes = 4096
const authorityDays = 3650
const serverCertificateDays = 90

export const agentCertificateDays = 90

/** A certificate authority as it is stored. */
export const storedIssuer = z.object({ certificatePem: z.string(), privateKeyPem: z.string() })
export type StoredIssuer = z.infer<typeof storedIssuer>

/** One certificate authority with its key: it signs certificates for agents and for the controller. */
export interface Issuer extends TrustedAuthority {
  readonly certificatePem: string
  readonly certificateDer: Uint8Array
  issueServer(nowMs: number): Promise<{ certificatePem: string; privateKeyPem: string; notAfterMs: number }>
  /** @throws Error if the request is malformed, not signed by its own key, or of another key type */
  issueAgent(csrDer: Uint8Array, agentId: string, nowMs: number): Promise<Uint8Array>
}

export async function openIssuer(stored: StoredIssuer): Promise<Issuer> {
  const certificate = new X509Certificate(stored.certificatePem)
  const privateKey = await importKey(stored.privateKeyPem)

  const sign = async (options: {
    subject: string
    publicKey: webcrypto.CryptoKey
    days: number
    nowMs: number
    usage: ExtendedKeyUsage
    dnsName?: string
  }): Promise<X509Certificate> =>
    X509CertificateGenerator.create(
      {
        serialNumber: serialNumber(),
        subject: options.subject,
        issuer: certificate.subject,
        // An hour back, for agents whose clock is a little behind.
        notBefore: new Date(options.nowMs - 3_600_000),
        notAfter: new Date(options.nowMs + options.days * dayMs),
        signingAlgorithm: keyAlgorithm,
        publicKey: options.publicKey,
        signingKey: privateKey,
        extensions: [
          new BasicConstraintsExtension(false, undefined, true),
          new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
          new ExtendedKeyUsageExtension([options.usage]),
          await AuthorityKeyIdentifierExtension.create(certificate.publicKey),
          ...(options.dnsName === undefined
            ? []
            : [new SubjectAlternativeNameExtension([{ type: 'dns', value: options.dnsName }])]),
        ],
      },
      webcrypto,
    )

  return {
    certificatePem: stored.certificatePem,
    certificateDer: new Uint8Array(certificate.rawData),
    certificate: new NodeCertificate(stored.certificatePem),
    keyHash: createHash('sha256').update(new Uint8Array(certificate.publicKey.rawData)).digest('base64url'),
    async issueServer(nowMs) {
      const keys = await webcrypto.subtle.generateKey(keyAlgorithm, true, ['sign', 'verify'])
      const issued = await sign({
        subject: 'CN=headroom controller',
        publicKey: keys.publicKey,
        days: serverCertificateDays,
        nowMs,
        usage: ExtendedKeyUsage.serverAuth,
        dnsName: controllerServerName,
      })
      return {
        certificatePem: issued.toString('pem'),
        privateKeyPem: await exportKey(keys.privateKey),
        notAfterMs: issued.notAfter.getTime(),
      }
    },
    async issueAgent(csrDer, agentId, nowMs) {
      if (csrDer.length > maxRequestBytes) throw new Error(`the certificate request is over ${maxRequestBytes} bytes`)
      const request = new Pkcs10CertificateRequest(Buffer.from(csrDer))
      if (!(await request.verify(webcrypto))) throw new Error('the certificate request is not signed by its own key')
      const publicKey = await request.publicKey.export(keyAlgorithm, ['verify'], webcrypto)
      const issued = await sign({
        subject: `CN=${agentId}`,
        publicKey,
        days: agentCertificateDays,
        nowMs,
        usage: ExtendedKeyUsage.clientAuth,
      })
      return new Uint8Array(issued.rawData)
    },
  }
}

/** A new authority: a fresh key and a certificate that it signed itself, good for ten years. */
export async function makeIssuer(nowMs: number): Promise<StoredIssuer> {
  const keys = await webcrypto.subtle.generateKey(keyAlgorithm, true, ['sign', 'verify'])
  const certificate = await X509CertificateGenerator.createSelfSigned(
    {
      serialNumber: serialNumber(),
      // Its own name for each: a chain is built by names.
      name: `CN=headroom CA ${randomBytes(4).toString('hex')}`,
      keys,
      notBefore: new Date(nowMs - dayMs),
      notAfter: new Date(nowMs + authorityDays * dayMs),
      signingAlgorithm: keyAlgorithm,
      extensions: [
        new BasicConstraintsExtension(true, 0, true),
        new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
        await SubjectKeyIdentifierExtension.create(keys.publicKey),
      ],
    },
    webcrypto,
  )
  return { certificatePem: certificate.toString('pem'), privateKeyPem: await exportKey(keys.privateKey) }
}

/** 127 random bits: a positive number in 16 bytes. */
function serialNumber(): string {
  const bytes = randomBytes(16)
  bytes[0] = (bytes[0] ?? 0) & 0x7f
  return bytes.toString('hex')
}

async function exportKey(key: webcrypto.CryptoKey): Promise<string> {
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', key)).toString('base64')
  const lines = der.match(/.{1,64}/g) ?? []
  return `-----BEGIN PRIVATE KEY-----\n${lines.join('\n')}\n-----END PRIVATE KEY-----\n`
}

async function importKey(pem: string): Promise<webcrypto.CryptoKey> {
  const der = Buffer.from(pem.replaceAll(/-----[^-]+-----|\s/g, ''), 'base64')
  return webcrypto.subtle.importKey('pkcs8', der, keyAlgorithm, false, ['sign'])
}
