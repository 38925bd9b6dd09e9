/** An account on another machine, and how ssh gets there. */
export interface SshTarget {
  readonly host: string
  readonly port: number
  readonly user: string
  readonly identityFile: string
  readonly knownHostsFile: string
  /** Where headroom-reader is, for accounts without a forced command. */
  readonly reader?: string | undefined
  /** Of ssh_config(5), by their names there. */
  readonly options?: Readonly<Record<string, string | undefined>>
}

/** What headroom-reader can be asked for; see deploy/remote/headroom-reader.sh. */
export type ChannelWord = 'hold' | 'files' | 'libvirt-qemu' | 'libvirt-xen'

/** Of nobody's configuration but ours: what is in ~/.ssh/config or /etc/ssh must change nothing. */
const always: Readonly<Record<string, string>> = {
  BatchMode: 'yes',
  // Words of ssh's about itself; what the server has to say comes with `info`.
  LogLevel: 'ERROR',
  EscapeChar: 'none',
  ForwardAgent: 'no',
  ForwardX11: 'no',
  ClearAllForwardings: 'yes',
  PermitLocalCommand: 'no',
  RequestTTY: 'no',
}

/** After about 15 s without a sign of life the connection is over. */
const alive = { ServerAliveInterval: '5', ServerAliveCountMax: '3', TCPKeepAlive: 'yes', ConnectTimeout: '10' }

/** ssh as the one connection to the host, which others share by `controlPath`. It lasts as long as its own channel. */
export function masterArguments(target: SshTarget, controlPath: string): readonly string[] {
  const { identityFile, knownHostsFile, options = {} } = target
  const own: Readonly<Record<string, string>> = {
    ControlMaster: 'yes',
    ControlPath: controlPath,
    ControlPersist: 'no',
    StrictHostKeyChecking: 'yes',
    UserKnownHostsFile: knownHostsFile,
    GlobalKnownHostsFile: 'none',
    // A key that comes over the network is never taken for one that was put there.
    UpdateHostKeys: 'no',
    VerifyHostKeyDNS: 'no',
    CheckHostIP: 'no',
    PreferredAuthentications: 'publickey',
    PasswordAuthentication: 'no',
    KbdInteractiveAuthentication: 'no',
    IdentitiesOnly: 'yes',
    IdentityAgent: 'none',
    IdentityFile: identityFile,
    ...alive,
  }
  // ssh takes the first of two values: what is ours cannot be overridden.
  return [
    '-F',
    'none',
    '-T',
    ...asOptions(always),
    ...asOptions(own),
    ...asOptions(options),
    ...command(target, 'hold'),
  ]
}

/** ssh as one more channel of that connection; without it there is none. */
export function channelArguments(target: SshTarget, controlPath: string, word: ChannelWord): readonly string[] {
  const own = {
    ControlMaster: 'no',
    ControlPath: controlPath,
    // Without the shared connection ssh would make one of its own.
    ProxyCommand: 'false',
  }
  return ['-F', 'none', '-T', ...asOptions(always), ...asOptions(own), ...command(target, word)]
}

function command({ host, port, user, reader }: SshTarget, word: ChannelWord): readonly string[] {
  const asked = reader === undefined ? word : `${reader} ${word}`
  return ['-p', String(port), '-l', user, '--', host, asked]
}

function asOptions(options: Readonly<Record<string, string | undefined>>): readonly string[] {
  return Object.entries(options).flatMap(([name, value]) => (value === undefined ? [] : ['-o', `${name}=${value}`]))
}
