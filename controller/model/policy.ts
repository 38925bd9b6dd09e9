/** The fleet's rules as plain data, after defaults. */
export interface Policy {
  readonly limits: {
    /** Memory of one new VM. */
    readonly vmMemoryBytes: number
    /** Kept on each host for the hypervisor itself. */
    readonly hostReserveBytes: number
  }
  /** First match wins; `match` is a host name where `*` stands for any characters. */
  readonly hosts: readonly {
    readonly match: string
    readonly role: string | undefined
    readonly reserveBytes: number | undefined
  }[]
  /** Names for arrays; `match` is an array key where `*` stands for any characters. */
  readonly arrays: readonly { readonly match: string; readonly name: string }[]
}
