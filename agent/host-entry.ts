/** What of an entry of the configuration names its host. */
export interface HostEntry {
  readonly kind: string
  readonly name?: string | undefined
  readonly ssh?: { readonly host: string; readonly port: number } | undefined
}

/**
 * The name of an entry that is one machine, by which its host's id is kept; empty for this machine's that has none. Undefined for
 * kinds whose hosts bring ids of their own. Apart from the configuration's schema, which the running agent does without.
 */
export function hostEntryName({ kind, name, ssh }: HostEntry): string | undefined {
  if (!kindsOfOneMachine.has(kind)) return undefined
  if (name !== undefined || ssh === undefined) return name ?? ''
  return ssh.port === 22 ? ssh.host : `${ssh.host}:${ssh.port}`
}

/** Whether an entry is of the machine that the agent runs on. */
export function isOfThisMachine(entry: { readonly kind: string; readonly ssh?: unknown }): boolean {
  return kindsOfOneMachine.has(entry.kind) && entry.ssh === undefined
}

const kindsOfOneMachine: ReadonlySet<string> = new Set(['libvirt', 'xen-tools', 'storage'])
