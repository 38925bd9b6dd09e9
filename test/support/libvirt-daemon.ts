import { execFile, spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface, type Interface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'

import { cacheDirectory } from './guest/guest-image.js'
import { libvirtdConf, qemuConf } from './libvirt-config.js'

const run = promisify(execFile)

const programs = [
  '/usr/sbin/libvirtd',
  '/usr/bin/virsh',
  '/usr/bin/qemu-system-x86_64',
  '/usr/bin/unshare',
  '/bin/busybox',
  '/usr/bin/cpio',
]

/** Why no libvirt can be started here; undefined if it can. */
export function libvirtMissing(): string | undefined {
  if (process.getuid?.() !== 0) return 'needs root'
  const missing = programs.filter((file) => !existsSync(file))
  return missing.length === 0 ? undefined : `needs ${missing.join(', ')}`
}

export interface LibvirtDaemon {
  /** Directory of everything this daemon writes; its sockets are in `run/`. */
  readonly root: string
  readonly socket: string
  readonly socketRo: string
  readonly hostUuid: string
  virsh(...args: string[]): Promise<string>
  /** SIGKILL for libvirtd; its guests live on. */
  killDaemon(): Promise<void>
  startDaemon(): Promise<void>
  /** Ends libvirtd and all its guests and removes every trace. */
  stop(): Promise<void>
}

/**
 * Starts a real libvirtd that shares nothing with the system's own: its mounts, processes, network and cgroups are private, and
 * all end with one anchor process, which ends when this process does.
 */
export async function startLibvirtDaemon(): Promise<LibvirtDaemon> {
  const root = await mkdtemp(path.join(tmpdir(), 'headroom-libvirt-'))
  const hostUuid = randomUUID()
  const capabilityCache = path.join(cacheDirectory, 'libvirt')
  await Promise.all([
    ...['run', 'etc', 'lib', 'log/qemu'].map((name) => mkdir(path.join(root, name), { recursive: true })),
    mkdir(capabilityCache, { recursive: true }),
  ])
  await writeFile(path.join(root, 'etc/libvirtd.conf'), libvirtdConf({ hostUuid }))
  await writeFile(path.join(root, 'etc/qemu.conf'), qemuConf({ hostUuid }))
  const anchor = new Anchor(root, capabilityCache)
  const socket = path.join(root, 'run/libvirt-sock')
  const virsh = async (...args: string[]): Promise<string> => {
    const { stdout } = await run('virsh', ['-q', '-c', `qemu+unix:///system?socket=${socket}`, ...args], {
      timeout: 60_000,
    })
    return stdout
  }
  const startDaemon = async (): Promise<void> => {
    await anchor.tell('start')
    const deadline = performance.now() + 60_000
    for (;;) {
      try {
        await virsh('version')
        return
      } catch (error) {
        if (performance.now() > deadline) {
          const said = await readFile(path.join(root, 'log/libvirtd.log'), 'utf8').catch(() => '')
          throw new Error(`libvirtd does not answer: ${said.slice(-2000)}`, { cause: error })
        }
        await delay(100)
      }
    }
  }
  const stop = async (): Promise<void> => {
    await anchor.stop()
    await rm(root, { recursive: true, force: true })
  }
  try {
    await startDaemon()
  } catch (error) {
    await stop()
    throw error
  }
  return {
    root,
    socket,
    socketRo: path.join(root, 'run/libvirt-sock-ro'),
    hostUuid,
    virsh,
    killDaemon: () => anchor.tell('kill'),
    startDaemon,
    stop,
  }
}

/** The shell that is process 1 of the private world. It takes one word a line and ends when its input does. */
class Anchor {
  readonly #process: ChildProcessWithoutNullStreams
  readonly #lines: Interface
  #said = ''

  constructor(root: string, capabilityCache: string) {
    const privately = ['--mount', '--pid', '--net', '--ipc', '--cgroup', '--fork', '--kill-child', '--mount-proc']
    const shell = ['bash', '-c', anchorScript, 'anchor', root, capabilityCache, privateLibvirt]
    this.#process = spawn('unshare', [...privately, ...shell], { stdio: 'pipe' })
    this.#lines = createInterface({ input: this.#process.stdout })
    this.#process.stderr.on('data', (chunk: Buffer) => {
      this.#said = (this.#said + chunk.toString()).slice(-2000)
    })
    // A dead anchor shows as a failing `tell`, not as an unhandled error of its pipe.
    this.#process.stdin.on('error', () => undefined)
  }

  async tell(word: 'start' | 'kill'): Promise<void> {
    const answered = once(this.#lines, 'line')
    this.#process.stdin.write(`${word}\n`)
    const ended = once(this.#process, 'exit').then(() => {
      throw new Error(`the private world ended: ${this.#said}`)
    })
    // Whichever comes second is nobody's business.
    ended.catch(() => undefined)
    await Promise.race([answered, ended])
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return
    const ended = once(this.#process, 'exit')
    this.#process.stdin.end()
    await ended
  }
}

const privateLibvirt = path.join(import.meta.dirname, 'private-libvirt.sh')

// The cgroup tree is taken away: libvirt would leave directories behind in it.
const anchorScript = `
set -e
root=$1
umount -R /sys/fs/cgroup 2>/dev/null || true
. "$3"
private_libvirt "$root" "$2"
ip link set lo up 2>/dev/null || true
set +e
while read -r word; do
  case $word in
    start) /usr/sbin/libvirtd < /dev/null > "$root/log/libvirtd.log" 2>&1 & daemon=$! ;;
    kill) kill -KILL "$daemon"; wait "$daemon" 2>/dev/null ;;
  esac
  echo "$word"
done
`
