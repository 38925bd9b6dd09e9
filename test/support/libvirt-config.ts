/** Configuration files of a libvirtd that runs as a test's own. Keys: libvirt's libvirtd.conf and qemu.conf. */

export interface LibvirtConfig {
  readonly hostUuid: string
  /** Its address for other libvirtds, if it takes part in migrations. */
  readonly address?: string
}

export function libvirtdConf({ hostUuid, address }: LibvirtConfig): string {
  const tcp = [
    'listen_tls = 0',
    'listen_tcp = 1',
    'auth_tcp = "none"',
    `log_outputs = "3:file:/var/log/libvirt/libvirtd.log"`,
  ]
  return lines([
    'auth_unix_ro = "none"',
    'auth_unix_rw = "none"',
    `host_uuid = "${hostUuid}"`,
    ...(address === undefined ? [] : tcp),
  ])
}

/** Everything runs as root, without what needs more of the system than a directory. */
export function qemuConf({ address }: LibvirtConfig): string {
  return lines([
    'user = "root"',
    'group = "root"',
    'security_driver = "none"',
    'namespaces = []',
    'dynamic_ownership = 0',
    'remember_owner = 0',
    ...(address === undefined
      ? ['stdio_handler = "file"']
      : [`migration_address = "${address}"`, `migration_host = "${address}"`]),
  ])
}

function lines(texts: readonly string[]): string {
  return [...texts, ''].join('\n')
}
