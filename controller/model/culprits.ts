/** Who makes others wait at a box, as plain data. Imports nothing. */

export interface SuspectMember {
  /** UUID of the VM, or id of the host. */
  readonly id: string
  /** `host`: the host itself, without its VMs. */
  readonly kind: 'vm' | 'host'
  readonly name: string
}

/** Who makes others wait: one, or many small ones that began together. */
export interface Suspect {
  /** One, or all of a herd, the most blamed first. */
  readonly members: readonly SuspectMember[]
  readonly isHerd: boolean
  /** What all of a herd have in common: `host xenhv04`; empty: only that they began together. */
  readonly inCommon: readonly string[]
  /** 0 to 1: of what was written of late, of all requests, and of what others wait longer. */
  readonly shareOfInflow: number
  readonly shareOfRequests: number
  /** Of what goes up and down with the cost of somebody, in the last 2 minutes; undefined: nobody times it. */
  readonly shareOfWait: number | undefined
  /** Over about 10 s. */
  readonly writeBytesPerSecond: number
  readonly readBytesPerSecond: number
  readonly requestsPerSecond: number
  /** What it did before anything happened. */
  readonly usualRequestsPerSecond: number
  /** Of the blame of all. */
  readonly blame: number
  /** When it began to do more than usual, in milliseconds since 1970. */
  readonly since: number
  /**
   * `high`: at least 70 % of the blame, it began before others waited, and they wait when it does much (or nobody times that). `low`: less than 20 % of the blame, or it began
   * after others waited. Otherwise `medium`.
   */
  readonly confidence: 'low' | 'medium' | 'high'
}

export interface Victim extends SuspectMember {
  /** How many times as long as usual it waits; undefined: nothing ends, or nobody times it. */
  readonly times: number | undefined
}

export interface Culprits {
  /** Since when others wait more than usual, or the array is full or stands still, in milliseconds since 1970; undefined: it is well. */
  readonly incidentSince: number | undefined
  /** When the last time of that kind ended. */
  readonly endedAt?: number | undefined
  /** Most blamed first. */
  readonly suspects: readonly Suspect[]
  /** Those who wait longest first, without the first suspect and others who are likely to blame. Empty while there is no incident. */
  readonly victims: readonly Victim[]
  /** Whom a list sorted by bytes a second would blame. */
  readonly mostBytes: SuspectMember | undefined
}

export const nobodySuspected: Culprits = { incidentSince: undefined, suspects: [], victims: [], mostBytes: undefined }
