import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { join, resolve } from 'node:path'

import type { SshTarget } from '../../agent/hypervisor/remote/ssh-arguments.js'
import { freePort } from './free-port.js'
import { waitFor } from './wait-for.js'

/** The reader as it is installed on a host. */
export const readerScript = resolve(import.meta.dirname, '../../deploy/remote/headroom-reader.sh')

/** Why no sshd can be started here; undefined if it can. */
export function sshdMissing(): string | undefined {
  const missing = ['/usr/sbin/sshd', '/usr/bin/ssh', '/usr/bin/ssh-keygen'].filter((file) => !existsSync(file))
  if (missing.length > 0) return `needs ${missing.join(', ')}`
  return process.getuid?.() === 0 ? undefined : 'needs root'
}

export interface SshServerOptions {
  /** Shown as the host's root; the real one if absent. */
  readonly root?: string
  /** Runs the reader. */
  readonly shell?: string
  /** More words for the reader's command line. */
  readonly arguments?: string
  /** Instead of running the reader. */
  readonly command?: string
}

/** OpenSSH's own server, with one account: this one, whose key may run the reader and nothing else. */
export class SshServer {
  readonly directory = mkdtempSync(join(tmpdir(), 'headroom-sshd-'))
  readonly target: SshTarget
  #listener: ChildProcess | undefined
  readonly #madeRunDirectory: boolean
  #said = ''

  private constructor(
    readonly port: number,
    options: SshServerOptions,
  ) {
    this.#madeRunDirectory = !existsSync('/run/sshd')
    mkdirSync('/run/sshd', { recursive: true })
    this.target = {
      host: '127.0.0.1',
      port,
      user: userInfo().username,
      identityFile: join(this.directory, 'key'),
      knownHostsFile: join(this.directory, 'known_hosts'),
    }
    makeKey(join(this.directory, 'key'))
    makeKey(join(this.directory, 'host_key'))
    this.trustHostKey()
    this.force(options)
    const settings = [
      `Port ${port}`,
      'ListenAddress 127.0.0.1',
      `HostKey ${join(this.directory, 'host_key')}`,
      `AuthorizedKeysFile ${join(this.directory, 'authorized_keys')}`,
      'PidFile none',
      'UsePAM no',
      'StrictModes no',
      'PermitRootLogin yes',
      'PasswordAuthentication no',
      'KbdInteractiveAuthentication no',
      'LogLevel VERBOSE',
    ]
    writeFileSync(join(this.directory, 'sshd_config'), `${settings.join('\n')}\n`)
  }

  static async start(options: SshServerOptions = {}): Promise<SshServer> {
    const server = new SshServer(await freePort(), options)
    await server.listen()
    return server
  }

  /** What sshd wrote. */
  get log(): string {
    return this.#said
  }

  async listen(): Promise<void> {
    const listener = spawn('/usr/sbin/sshd', ['-D', '-e', '-f', join(this.directory, 'sshd_config')], {
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    this.#listener = listener
    listener.stderr.on('data', (chunk: Buffer) => {
      this.#said = (this.#said + chunk.toString()).slice(-20_000)
    })
    await waitFor(10_000, 'sshd', async () => this.#said.includes(`port ${this.port}`))
    this.#said = ''
  }

  /** What the account's key may run. */
  force({ root, shell = 'dash', arguments: more = '', command }: SshServerOptions): void {
    const at = root === undefined ? '' : ` --root ${root}`
    const forced = command ?? `${shell} ${readerScript}${at} ${more}`
    const key = readFileSync(join(this.directory, 'key.pub'), 'utf8')
    writeFileSync(join(this.directory, 'authorized_keys'), `restrict,command="${forced}" ${key}`)
  }

  /** Takes the account's key away. */
  forbid(): void {
    writeFileSync(join(this.directory, 'authorized_keys'), '')
  }

  /** Another host key from the next start on. @returns its fingerprint */
  changeHostKey(): string {
    for (const name of ['host_key', 'host_key.pub']) rmSync(join(this.directory, name))
    makeKey(join(this.directory, 'host_key'))
    const shown = execFileSync('ssh-keygen', ['-l', '-f', join(this.directory, 'host_key.pub')], { encoding: 'utf8' })
    return shown.split(' ')[1] ?? ''
  }

  /** Puts the present host key where the agent looks for it. */
  trustHostKey(): void {
    const [type, key] = readFileSync(join(this.directory, 'host_key.pub'), 'utf8').split(' ')
    writeFileSync(join(this.directory, 'known_hosts'), `[127.0.0.1]:${this.port} ${type} ${key}\n`)
  }

  /** Processes of all connections, and all that they run. */
  processes(): readonly number[] {
    return this.#listener?.pid === undefined ? [] : descendants(this.#listener.pid)
  }

  /** Those of them that run the reader with this word. */
  readers(word: string): readonly number[] {
    return this.processes().filter((pid) => {
      const environment = read(`/proc/${pid}/environ`).split('\0')
      return (
        read(`/proc/${pid}/cmdline`).includes('headroom-reader') && environment.includes(`SSH_ORIGINAL_COMMAND=${word}`)
      )
    })
  }

  /** As if the network were gone: nothing is closed, nothing is answered. */
  freeze(): void {
    for (const pid of [...this.processes(), this.#listener?.pid ?? 0]) if (pid > 0) process.kill(pid, 'SIGSTOP')
  }

  thaw(): void {
    for (const pid of [this.#listener?.pid ?? 0, ...this.processes()]) if (pid > 0) process.kill(pid, 'SIGCONT')
  }

  /** As if the machine were off: everything ends. */
  async cut(): Promise<void> {
    const listener = this.#listener
    if (listener === undefined) return
    this.#listener = undefined
    // The listener first, so that nobody comes back before the rest is gone.
    const others = listener.pid === undefined ? [] : descendants(listener.pid)
    const ended = once(listener, 'exit')
    listener.kill('SIGKILL')
    for (const pid of others) kill(pid)
    await ended
  }

  async stop(): Promise<void> {
    await this.cut()
    rmSync(this.directory, { recursive: true, force: true })
    try {
      if (this.#madeRunDirectory) rmdirSync('/run/sshd')
    } catch {
      // Another server uses it.
    }
  }
}

function makeKey(file: string): void {
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'test', '-f', file])
}

function descendants(pid: number): number[] {
  const children = read(`/proc/${pid}/task/${pid}/children`).trim().split(' ').filter(Boolean).map(Number)
  return children.flatMap((child) => [child, ...descendants(child)])
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It ended by itself.
  }
}
