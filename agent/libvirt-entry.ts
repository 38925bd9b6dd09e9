/** What of an entry of the configuration names its host. */
interface LibvirtEntry {
  readonly name?: string | undefined
  readonly ssh?: { readonly host: string; readonly port: number } | undefined
}

/**
 * The name of an entry among those of libvirt, by which its host's id is kept; empty for the one of this machine that has none.
 * Apart from the configuration's schema, which the running agent does without.
 */
export function libvirtEntryName({ name, ssh }: LibvirtEntry): string {
  if (name !== undefined || ssh === undefined) return name ?? ''
  return ssh.port === 22 ? ssh.host : `${ssh.host}:${ssh.port}`
}
