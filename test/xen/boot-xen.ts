import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'

import { runProgram } from '../lab/run-program.js'
import { freePort } from '../support/free-port.js'
import { waitFor } from '../support/wait-for.js'
import { dom0Image, makeFileSystem } from './dom0-image.js'
import { makeLabDisk } from './lab-disk.js'
import { qemuCommand } from './qemu-command.js'

export interface XenOptions {
  /**
   * Ports of `outside`, as dom0 sees it, and the ports of this machine's loopback behind them. There is no other way out of
   * dom0.
   */
  readonly outsidePorts?: Readonly<Record<number, number>>
  /** Brings the built product along, installed below /usr/local by deploy/install.sh. Default: no. */
  readonly product?: boolean
  /** Of the whole machine. Default 1536. */
  readonly memoryMiB?: number
  /** Hears what is being done. */
  readonly onProgress?: (text: string) => void
}

/** How to reach dom0 by ssh. */
export interface SshAccess {
  readonly host: '127.0.0.1'
  readonly port: number
  readonly user: 'root'
  readonly keyFile: string
  readonly knownHostsFile: string
}

/** A Xen host that runs in an emulator. It shares nothing with this machine and ends with this process. */
export interface XenHost {
  /** Directory of everything that it writes here; gone when it ends. */
  readonly dir: string
  readonly ssh: SshAccess
  /** Wall clock from the start of the emulator until libvirt answered in dom0. */
  readonly bootMs: number
  /** Runs a shell command in dom0 to its end and gives what it printed. @throws with what it said on failure */
  run(command: string, timeoutMs?: number): Promise<string>
  /** Starts a shell command in dom0, with its standard streams here. It ends when its input does, if it cares. */
  start(command: string): ChildProcessWithoutNullStreams
  /** What hypervisor and dom0 said on the console. */
  console(): Promise<string>
  /** Ends everything in it and removes every trace. */
  stop(): Promise<void>
}

/** An idle core needs 40 s; these are for machines that have no CPU left. */
const bootWithinMs = 600_000
const runWithinMs = 300_000
const dataMiB = 2048

/** Why no Xen host can be booted here; undefined if one can. */
export function xenMissing(): string | undefined {
  if (process.getuid?.() !== 0) return 'needs root'
  const programs = ['qemu-system-x86_64', 'mmdebstrap', 'xz', 'lz4', 'ssh', 'ssh-keygen', 'cpio', 'unshare', 'busybox']
  const places = ['/usr/bin', '/bin', '/usr/sbin', '/sbin']
  const missing = programs.filter((name) => !places.some((place) => existsSync(path.join(place, name))))
  return missing.length === 0 ? undefined : `needs ${missing.join(', ')}`
}

/** Boots a Xen host; ready when libvirt answers in dom0. @throws if it cannot be; then nothing is left of it */
export async function bootXen(options: XenOptions = {}): Promise<XenHost> {
  const { onProgress = () => undefined, outsidePorts = {}, product = false, memoryMiB = 1536 } = options
  const missing = xenMissing()
  if (missing !== undefined) throw new Error(`no Xen host can be booted here: ${missing}`)
  const image = await dom0Image(onProgress)
  const box = await openBox()
  const { dir } = box
  try {
    const disk = await makeLabDisk({ dir, image, product })
    const dataDisk = path.join(dir, 'data.img')
    await makeFileSystem(dataDisk, dataMiB)
    const ssh = await sshAccess(dir, disk.hostKey, disk.keyFile)
    const consoleFile = path.join(dir, 'console.log')
    const disks = { root: image.disk, lab: disk.file, data: dataDisk }
    const command = qemuCommand({ image, disks, consoleFile, memoryMiB, sshPort: ssh.port, outsidePorts })
    onProgress('booting Xen')
    await box.start(command)
    const console = (): Promise<string> => readFile(consoleFile, 'utf8').catch(() => '')
    const bootMs = await waitFor(
      bootWithinMs,
      'dom0 to be ready',
      async () => {
        const said = await console()
        if (existsSync(path.join(dir, 'ended')) || /Kernel panic|Panic on CPU/.test(said)) {
          throw new Error(`Xen did not boot: ${await box.log()}\n${said.slice(-4000)}`)
        }
        return said.includes('dom0 is ready')
      },
      200,
    )
    const line = await openLine(dir, ssh)
    return {
      dir,
      ssh,
      bootMs,
      console,
      run: (text, timeoutMs = runWithinMs) => runProgram('ssh', [...line, text], { timeoutMs }),
      start: (text) => spawn('ssh', [...line, text], { stdio: 'pipe' }),
      stop: () => box.stop(),
    }
  } catch (error) {
    await box.stop()
    throw error
  }
}

interface Box {
  readonly dir: string
  start(command: readonly string[]): Promise<void>
  /** What the emulator said. */
  log(): Promise<string>
  stop(): Promise<void>
}

const boxScript = path.join(import.meta.dirname, 'qemu-box.sh')

/** The process that everything lives in, with a directory that it removes when it ends. It ends when this process does. */
async function openBox(): Promise<Box> {
  const dir = await mkdtemp(path.join(tmpdir(), 'headroom-xen-'))
  const apart = ['--mount', '--pid', '--fork', '--kill-child', '--mount-proc']
  const child = spawn('unshare', [...apart, 'bash', boxScript, dir], {
    stdio: ['pipe', 'ignore', 'ignore'],
    // QEMU's layer over dom0's disk.
    env: { ...process.env, TMPDIR: dir },
    // A group of its own: Ctrl-C is for this process, with which it ends in order.
    detached: true,
  })
  child.stdin.on('error', () => undefined)
  const gone = once(child, 'exit')
  return {
    dir,
    async start(command) {
      await writeFile(path.join(dir, 'command'), `${command.join('\n')}\n`)
      child.stdin.write('start\n')
    },
    log: () => readFile(path.join(dir, 'qemu.log'), 'utf8').catch(() => ''),
    async stop() {
      child.stdin.end()
      await gone
    },
  }
}

async function sshAccess(dir: string, hostKey: string, keyFile: string): Promise<SshAccess> {
  const port = await freePort()
  const knownHostsFile = path.join(dir, 'known-hosts')
  await writeFile(knownHostsFile, `[127.0.0.1]:${port} ${hostKey}\n`)
  return { host: '127.0.0.1', port, user: 'root', keyFile, knownHostsFile }
}

/**
 * One connection for all commands: an emulated machine needs a second or two for each.
 * @returns the words for `ssh` that come before a command
 */
async function openLine(dir: string, { host, port, user, keyFile, knownHostsFile }: SshAccess): Promise<string[]> {
  const settings = [
    ['ControlPath', path.join(dir, 'ssh')],
    ['UserKnownHostsFile', knownHostsFile],
    ['GlobalKnownHostsFile', '/dev/null'],
    ['StrictHostKeyChecking', 'yes'],
    ['IdentitiesOnly', 'yes'],
    ['LogLevel', 'ERROR'],
  ]
  const words = [
    '-F',
    '/dev/null',
    '-p',
    String(port),
    '-i',
    keyFile,
    ...settings.flatMap(([k, v]) => ['-o', `${k}=${v}`]),
  ]
  const to = `${user}@${host}`
  // It ends by itself with the emulator.
  spawn('ssh', [...words, '-M', '-N', '-o', 'ConnectTimeout=180', to], { stdio: 'ignore' }).unref()
  await waitFor(180_000, 'ssh into dom0', async () =>
    runProgram('ssh', [...words, '-O', 'check', to]).then(
      () => true,
      () => false,
    ),
  )
  return [...words, to]
}
