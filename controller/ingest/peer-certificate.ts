import { X509Certificate } from 'node:crypto'

/** A certificate authority of this controller, as far as judging certificates needs it. */
export interface TrustedAuthority {
  readonly certificate: X509Certificate
  /** SHA-256 of its public key (SPKI), base64url. */
  readonly keyHash: string
}

/** Who a connection's certificate says it is. */
export type Peer =
  /** None was shown: allowed only to enrol. */
  | { readonly status: 'none' }
  /** One that this controller never issued, or not for an agent. */
  | { readonly status: 'foreign'; readonly details: string }
  | {
      readonly status: 'agent'
      readonly agentId: string
      /** Key of the authority that issued it. */
      readonly issuerKeyHash: string
      readonly notBefore: number
      readonly notAfter: number
    }

const clientAuth = '1.3.6.1.5.5.7.3.2'

/**
 * Judges a client certificate by itself: signature, issuer, purpose; not its dates, which `validityOf` compares with a clock.
 * OpenSSL has judged it too, but names one reason only, the last that it found: a forged certificate that has expired as well
 * is to it just "expired". That the peer holds the key was proven in the handshake, whatever became of the chain.
 */
export function readPeer(der: Uint8Array | undefined, trusted: readonly TrustedAuthority[]): Peer {
  if (der === undefined || der.length === 0) return { status: 'none' }
  let certificate: X509Certificate
  try {
    certificate = new X509Certificate(der)
  } catch {
    return foreign('it cannot be read')
  }
  const issuer = trusted.find((one) => certificate.checkIssued(one.certificate))
  if (issuer === undefined || !certificate.verify(issuer.certificate.publicKey)) {
    return foreign('another authority issued it')
  }
  // Node's name for the extended key usage.
  if (certificate.ca || !certificate.keyUsage?.includes(clientAuth)) return foreign('it is not for an agent')
  const agentId = /^CN=([\w-]{1,64})$/.exec(certificate.subject)?.[1]
  if (agentId === undefined) return foreign('it names no agent')
  return {
    status: 'agent',
    agentId,
    issuerKeyHash: issuer.keyHash,
    notBefore: Date.parse(certificate.validFrom),
    notAfter: Date.parse(certificate.validTo),
  }
}

export function validityOf(
  { notBefore, notAfter }: { readonly notBefore: number; readonly notAfter: number },
  nowMs: number,
): 'current' | 'expired' | 'not-yet-valid' {
  if (nowMs < notBefore) return 'not-yet-valid'
  return nowMs > notAfter ? 'expired' : 'current'
}

function foreign(details: string): Peer {
  return { status: 'foreign', details }
}
