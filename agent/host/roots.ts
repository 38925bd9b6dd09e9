/** Where the machine's own figures are found; other than the defaults in a container and in tests. */
export interface HostRoots {
  readonly procRoot: string
  readonly sysRoot: string
  /** Where the machine's root file system is seen: a mount on /srv is read at `<rootFs>/srv`. */
  readonly rootFs: string
}

export const defaultRoots: HostRoots = { procRoot: '/proc', sysRoot: '/sys', rootFs: '/' }
