import { z } from 'zod'

import type { StateStore } from '../store/state-store.js'
import { makeIssuer, openIssuer, storedIssuer, type Issuer } from './issuer.js'
import type { TrustedAuthority } from './peer-certificate.js'

const storedPrevious = storedIssuer.extend({ startedAt: z.number(), overlapEndsAt: z.number() })

export interface ServerIdentity {
  readonly certificatePem: string
  readonly privateKeyPem: string
  readonly notAfterMs: number
  /** The certificate and the authority that issued it, so that a joining agent can hold that one against its token. */
  readonly chainPem: string
}

/** A change from one authority to the next, while both are trusted. */
export interface Rotation {
  readonly startedAt: number
  /** When the former authority is dropped, whoever has not renewed by then. */
  readonly overlapEndsAt: number
}

/**
 * The controller's own certificate authority. Its keys never leave the state store.
 *
 * A rotation makes a new one beside the former. From then on agents get certificates of the new one and are told to trust both;
 * the controller's own certificate stays one of the former, which every agent knows, until the rotation is finished. So no
 * agent meets a certificate that it cannot verify, unless it was away for all of the overlap.
 */
export interface CertificateAuthority {
  /** Of the authority that issues for agents now. */
  readonly certificatePem: string
  readonly certificateDer: Uint8Array
  readonly notAfterMs: number
  /** SHA-256 of its public key (SPKI), base64url. */
  readonly keyHash: string
  /** All that are trusted, newest first. */
  readonly trusted: readonly (TrustedAuthority & {
    readonly certificatePem: string
    readonly certificateDer: Uint8Array
  })[]
  /** Keys that a join token names: the controller shows one of them now, and after the rotation. The present one first. */
  readonly keyHashes: readonly string[]
  readonly rotation: Rotation | undefined
  /** A fresh key and certificate for the gRPC port. */
  issueServer(nowMs: number): Promise<ServerIdentity>
  /**
   * A client certificate for an agent. Of the request only the public key is used.
   * @throws Error if the request is malformed, not signed by its own key, or of another key type
   */
  issueAgent(csrDer: Uint8Array, agentId: string, nowMs: number): Promise<Uint8Array>
  /** Makes a new authority; false if a rotation is under way already. */
  rotate(nowMs: number, overlapMs: number): Promise<boolean>
  /** Drops the former authority; false if no rotation is under way. */
  finishRotation(): Promise<boolean>
}

/** Loads the authority from the state store; makes it at first run. */
export async function openCertificateAuthority(state: StateStore, nowMs: number): Promise<CertificateAuthority> {
  const stored = await state.tx(async (tx) => {
    const former = await tx.get('ca', 'previous')
    const previous = former === undefined ? undefined : storedPrevious.parse(former)
    const found = await tx.get('ca', 'current')
    // A damaged row must not be replaced: a new authority would lock every agent out.
    if (found !== undefined) return { current: storedIssuer.parse(found), previous }
    const current = await makeIssuer(nowMs)
    await tx.put('ca', 'current', current)
    return { current, previous }
  })
  const { previous } = stored
  return new RotatingAuthority(
    state,
    await openIssuer(stored.current),
    previous && {
      issuer: await openIssuer(previous),
      rotation: { startedAt: previous.startedAt, overlapEndsAt: previous.overlapEndsAt },
    },
  )
}

class RotatingAuthority implements CertificateAuthority {
  constructor(
    private readonly state: StateStore,
    private current: Issuer,
    private former: { readonly issuer: Issuer; readonly rotation: Rotation } | undefined,
  ) {}

  get certificatePem(): string {
    return this.current.certificatePem
  }

  get certificateDer(): Uint8Array {
    return this.current.certificateDer
  }

  get notAfterMs(): number {
    return Date.parse(this.current.certificate.validTo)
  }

  get keyHash(): string {
    return this.current.keyHash
  }

  get trusted(): readonly Issuer[] {
    return this.former === undefined ? [this.current] : [this.current, this.former.issuer]
  }

  get keyHashes(): readonly string[] {
    return this.trusted.map(({ keyHash }) => keyHash).toReversed()
  }

  get rotation(): Rotation | undefined {
    return this.former?.rotation
  }

  async issueServer(nowMs: number): Promise<ServerIdentity> {
    const issuer = this.former?.issuer ?? this.current
    const identity = await issuer.issueServer(nowMs)
    return { ...identity, chainPem: `${identity.certificatePem}\n${issuer.certificatePem}` }
  }

  issueAgent(csrDer: Uint8Array, agentId: string, nowMs: number): Promise<Uint8Array> {
    return this.current.issueAgent(csrDer, agentId, nowMs)
  }

  async rotate(nowMs: number, overlapMs: number): Promise<boolean> {
    const made = await makeIssuer(nowMs)
    const rotation: Rotation = { startedAt: nowMs, overlapEndsAt: nowMs + overlapMs }
    const done = await this.state.tx(async (tx) => {
      if ((await tx.get('ca', 'previous')) !== undefined) return false
      await tx.put('ca', 'previous', { ...storedIssuer.parse(await tx.get('ca', 'current')), ...rotation })
      await tx.put('ca', 'current', made)
      return true
    })
    if (!done) return false
    const issuer = this.current
    this.current = await openIssuer(made)
    this.former = { issuer, rotation }
    return true
  }

  async finishRotation(): Promise<boolean> {
    if (this.former === undefined) return false
    await this.state.tx((tx) => tx.delete('ca', 'previous'))
    this.former = undefined
    return true
  }
}
