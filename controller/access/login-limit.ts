import { FailureLimit } from '../../common/failure-limit.js'
import { sourceOf } from '../../common/peer-address.js'
import { isLoopbackPeer } from '../api/origin.js'

const windowMs = 300_000
/** Tries that are taken within that time. */
const ofAccount = 10
const ofAddress = 50
const ofThisMachine = 500

/**
 * How often a password may be tried: so often for an account, so often from an address, within five minutes. Passwords can be guessed, so a right one
 * has to wait too. A try counts from its beginning, so that many at once do not slip through; one that was right is taken back.
 */
export class LoginLimit {
  /** Names of users, which are few, apart from names that are none: a flood of those makes nothing forgotten of these. */
  readonly #users = new FailureLimit({ most: ofAccount - 1, windowMs, mostPeers: 2000 })
  readonly #others = new FailureLimit({ most: ofAccount - 1, windowMs, mostPeers: 10_000 })
  readonly #addresses = new FailureLimit({ most: ofAddress - 1, windowMs, mostPeers: 10_000 })
  /** This machine: behind a proxy on it everybody comes from there. */
  readonly #ownAddress = new FailureLimit({ most: ofThisMachine - 1, windowMs, mostPeers: 8 })

  /** Counts a try; or says for how many milliseconds none is taken. */
  begin(name: string, isUser: boolean, address: string, now: number): number | undefined {
    const accounts = isUser ? this.#users : this.#others
    const addresses = this.#addressesOf(address)
    const source = sourceOf(address)
    const waits = [accounts.waitMs(name, now), addresses.waitMs(source, now)].filter((ms) => ms !== undefined)
    if (waits.length > 0) return Math.max(...waits)
    accounts.record(name, now)
    addresses.record(source, now)
    return undefined
  }

  /** It was right. */
  forget(name: string, address: string): void {
    this.#users.forgive(name)
    this.#addressesOf(address).forgive(sourceOf(address))
  }

  #addressesOf(address: string): FailureLimit {
    return isLoopbackPeer(address) ? this.#ownAddress : this.#addresses
  }
}
