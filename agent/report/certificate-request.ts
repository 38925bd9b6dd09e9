import { webcrypto } from 'node:crypto'

import { pem } from './identity.js'

const keyAlgorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const

export interface CertificateRequest {
  readonly privateKeyPem: string
  readonly csrDer: Uint8Array
}

/**
 * A fresh key and a PKCS#10 request for it. The subject is empty: the controller names the agent.
 * The library is loaded only here: it is needed a few times a year, and memory is needed all day.
 */
export async function makeCertificateRequest(): Promise<CertificateRequest> {
  await import('reflect-metadata')
  const { Pkcs10CertificateRequestGenerator } = await import('@peculiar/x509')
  const keys = await webcrypto.subtle.generateKey(keyAlgorithm, true, ['sign', 'verify'])
  const request = await Pkcs10CertificateRequestGenerator.create(
    { name: 'CN=agent', keys, signingAlgorithm: keyAlgorithm },
    webcrypto,
  )
  const privateKeyDer = new Uint8Array(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey))
  return { privateKeyPem: pem('PRIVATE KEY', privateKeyDer), csrDer: new Uint8Array(request.rawData) }
}
