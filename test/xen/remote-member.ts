import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

import { runProgram } from '../lab/run-program.js'
import { localMember, type FleetMember } from '../support/mixed-fleet.js'
import type { XenHost } from './boot-xen.js'

/** As docs/install.md has it; installed by deploy/install.sh. */
const reader = '/usr/local/lib/headroom/deploy/remote/headroom-reader.sh'
const account = 'headroom'

/**
 * A Xen host that an agent on this machine reads over ssh, by an account that may run the reader and nothing else.
 * @param booting brings the product along
 */
export function remoteXenMember(booting: Promise<XenHost>): FleetMember {
  return localMember(
    { name: 'beside-xen', shows: { xen: 1 } },
    async (directory) => {
      const xen = await booting
      const identityFile = join(directory, 'key')
      await runProgram('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'agent', '-f', identityFile])
      await makeAccount(xen, await readFile(`${identityFile}.pub`, 'utf8'))
      const { host, port, knownHostsFile } = xen.ssh
      const over = { host, port, user: account, identityFile, knownHostsFile }
      return { hypervisors: [{ kind: 'libvirt', uri: 'xen:///system', name: 'xenlab', ssh: over }] }
    },
    () => undefined,
  )
}

/** What docs/install.md has an administrator do; dom0 has no useradd. */
async function makeAccount(xen: XenHost, publicKey: string): Promise<void> {
  const home = `/home/${account}`
  await xen.run(`set -e
    echo '${account}:*:997:997::${home}:/bin/sh' >> /etc/passwd
    echo '${account}:x:997:' >> /etc/group
    mkdir -p -m 755 ${home}
    mkdir -m 700 ${home}/.ssh
    echo 'restrict,command="${reader}" ${publicKey.trim()}' > ${home}/.ssh/authorized_keys
    chmod 600 ${home}/.ssh/authorized_keys
    chown -R 997:997 ${home}`)
}
