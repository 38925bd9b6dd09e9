/** Something about a policy that is allowed, and probably not meant. */
export interface Note {
  readonly kind:
    /** Two rules say different things of the same; the first counts. */
    | 'contradiction'
    /** A rule or pattern that never counts, because of one before it. */
    | 'shadowed'
    /** A name or pattern that nothing in the fleet has. */
    | 'unmatched'
    /** A rule that changes nothing as the fleet is. */
    | 'unused'
    /** The file says something else than VMs' own metadata. */
    | 'overruled'
  /** Of the rule: `groups.0`. */
  readonly key: string
  readonly message: string
}
