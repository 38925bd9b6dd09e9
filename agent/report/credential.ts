import { X509Certificate } from 'node:crypto'

import { Backoff } from '../../common/backoff.js'
import { pause } from '../../common/lifecycle.js'
import type { Log } from '../../common/log.js'
import { stepAfter, type CallEnd } from './call-end.js'
import { diagnose } from './controller-probe.js'
import type { CertificateRequest } from './certificate-request.js'
import { isRenewalDue, RenewalFailed, renewIdentity } from './enrol.js'
import { authoritiesOf, loadIdentity, type Identity } from './identity.js'

export interface CredentialOptions {
  readonly dataDir: string
  readonly address: string
  readonly log: Log
  readonly now: () => number
  /** How often the certificate's age is looked at; an hour if absent. */
  readonly checkRenewalMs?: number
  /** The least time between two tries where only a person can help; a minute if absent. */
  readonly holdMs?: number
  /** Made in this process if absent. */
  readonly certificateRequest?: (() => Promise<CertificateRequest>) | undefined
  /** A fresh certificate is there: the session is to be opened with it. */
  readonly onRenewed: () => void
}

const defaultCheckRenewalMs = 3_600_000
const defaultHoldMs = 60_000
/** Beyond the least time, so that many agents do not come at once. */
const holdSpreadMs = 540_000
/** Between two renewals that the controller asks for. */
const askedRenewalsApartMs = 5000
/** How soon a new join on this machine is noticed while the agent waits. */
const lookForIdentityMs = 5000
/** How long after a look at a connection that fails the next one comes: soon at first, rarely in a long outage. */
const looks = { baseMs: 1000, capMs: 60_000 } as const

/**
 * The agent's identity through its life: renewed at half of its certificate's life, when the controller asks, and when it has
 * expired; and what to do when the controller refuses it. One owner calls `run` and, around each session, `prepare` and `settle`.
 */
export class Credential {
  #identity: Identity
  #problem = ''
  #asked = false
  /** On the monotonic clock. */
  #renewedAt = -Infinity
  #wake = new AbortController()
  #renewing: Promise<CallEnd | undefined> | undefined
  #clockOffsetMs = 0
  /** On the monotonic clock. */
  #nextLookAt = 0
  readonly #looks = new Backoff(looks)
  readonly #holds: Backoff

  constructor(
    private readonly options: CredentialOptions,
    identity: Identity,
  ) {
    this.#identity = identity
    this.#holds = new Backoff({ baseMs: this.#holdMs, capMs: holdSpreadMs })
  }

  get identity(): Identity {
    return this.#identity
  }

  /** Why there is no session, where it is more than a network; empty otherwise. */
  get problem(): string {
    return this.#problem
  }

  /** The controller has let us in. `clockOffsetMs`: its clock minus ours. */
  welcomed(clockOffsetMs: number): void {
    this.#problem = ''
    this.#clockOffsetMs = clockOffsetMs
    this.#holds.reset()
    this.#looks.reset()
    this.#nextLookAt = 0
  }

  /** The controller wants us to have another certificate. */
  askToRenew(): void {
    // It is under way, or soon is.
    if (this.#asked) return
    this.#asked = true
    this.#wake.abort()
  }

  /** Renews in time, session or none: a certificate that expired in a long session could not open the next. */
  async run(signal: AbortSignal): Promise<void> {
    const { checkRenewalMs = defaultCheckRenewalMs } = this.options
    const backoff = new Backoff({ baseMs: Math.min(5000, checkRenewalMs), capMs: Math.min(300_000, checkRenewalMs) })
    while (!signal.aborted) {
      this.#wake = new AbortController()
      const wake = AbortSignal.any([signal, this.#wake.signal])
      let waitMs = checkRenewalMs
      if (await this.#adoptNewIdentity()) this.options.onRenewed()
      const tooSoonMs = this.#renewedAt + Math.min(askedRenewalsApartMs, checkRenewalMs) - performance.now()
      if (this.#asked && tooSoonMs > 0) waitMs = tooSoonMs
      else if (this.#asked || isRenewalDue(this.#identity, this.#now())) {
        this.#asked = false
        this.#renewedAt = performance.now()
        const failed = await this.#renew(signal)
        if (failed === undefined) backoff.reset()
        else {
          // Where the controller refuses, the session finds that out as well, and says so.
          waitMs = stepAfter(failed).kind === 'hold' ? Math.max(checkRenewalMs, this.#holdMs) : backoff.nextMs()
        }
      }
      await pause(waitMs, wake)
    }
  }

  /** Makes it fit for a session: a certificate that has expired is renewed first. Gives what went wrong. */
  async prepare(signal: AbortSignal): Promise<CallEnd | undefined> {
    const ends = Date.parse(new X509Certificate(this.#identity.certificatePem).validTo)
    return this.#now() <= ends ? undefined : this.#renew(signal)
  }

  /** Does what the end of a session, or of a renewal, asks for: renews, waits long, or finds out why there is no connection. */
  async settle(end: CallEnd, signal: AbortSignal): Promise<void> {
    const step = stepAfter(end)
    switch (step.kind) {
      case 'usual':
        return
      case 'hold':
        return this.#hold(step.problem, signal)
      case 'renew': {
        const failed = await this.#renew(signal)
        // Once: an agent must not go round and round.
        if (failed !== undefined && stepAfter(failed).kind !== 'renew') await this.settle(failed, signal)
        return
      }
      case 'look':
        return this.#look(signal)
    }
  }

  get #holdMs(): number {
    return this.options.holdMs ?? defaultHoldMs
  }

  /** The controller's clock, as far as we know it. */
  #now(): number {
    return this.options.now() + this.#clockOffsetMs
  }

  async #look(signal: AbortSignal): Promise<void> {
    const { address, now } = this.options
    if (performance.now() < this.#nextLookAt) return
    this.#nextLookAt = performance.now() + this.#looks.nextMs()
    const diagnosis = await diagnose(address, authoritiesOf(this.#identity), now(), signal)
    switch (diagnosis.status) {
      case 'clock':
        return this.#hold(diagnosis.message, signal)
      case 'stranger':
        return this.#hold(
          `who answers at ${address} is not the controller that this agent joined, or has another certificate authority now: check the address, or revoke this agent there and join it anew with --replace`,
          signal,
        )
      case 'unreachable':
      case 'fine':
    }
  }

  /** Waits long. A new identity, from a join on this machine, ends it early. */
  async #hold(problem: string, signal: AbortSignal): Promise<void> {
    const { log, address } = this.options
    if (problem !== this.#problem) log.error({ problem, controller: address }, 'no session before somebody acts')
    this.#problem = problem
    const until = performance.now() + this.#holdMs + this.#holds.nextMs()
    while (!signal.aborted && performance.now() < until) {
      await pause(Math.min(lookForIdentityMs, until - performance.now()), signal)
      if (await this.#adoptNewIdentity()) return
    }
  }

  async #adoptNewIdentity(): Promise<boolean> {
    const { dataDir, log } = this.options
    const found = await loadIdentity(dataDir).catch(() => undefined)
    if (found === undefined || found.certificatePem === this.#identity.certificatePem) return false
    this.#identity = found
    log.info({ agentId: found.agentId }, 'a new identity was found')
    return true
  }

  /** One at a time. Gives what went wrong. */
  #renew(signal: AbortSignal): Promise<CallEnd | undefined> {
    this.#renewing ??= this.#renewOnce(signal).finally(() => {
      this.#renewing = undefined
    })
    return this.#renewing
  }

  async #renewOnce(signal: AbortSignal): Promise<CallEnd | undefined> {
    const { dataDir, address, certificateRequest, log } = this.options
    try {
      // One that was put there meanwhile must not be written over by the old one's.
      if (!(await this.#adoptNewIdentity())) {
        this.#identity = await renewIdentity(this.#identity, { dataDir, address, certificateRequest, signal })
        log.info('certificate renewed')
      }
      this.options.onRenewed()
      return undefined
    } catch (error) {
      if (!signal.aborted) log.warn({ err: error }, 'certificate could not be renewed; the present one is used on')
      return error instanceof RenewalFailed ? error.end : { code: undefined, reason: undefined, message: String(error) }
    }
  }
}
