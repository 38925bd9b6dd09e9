import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, rmdirSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

import { execute, type Ended } from './package-tree.js'
import { waitFor } from './wait-for.js'

const path = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/** Why no systemd can be started here; undefined if it can. */
export function systemdBoxMissing(): string | undefined {
  if (process.getuid?.() !== 0) return 'needs root'
  if (!existsSync('/lib/systemd/systemd')) return 'needs systemd'
  if (!readFileSync('/proc/filesystems', 'utf8').includes('overlay')) return 'needs overlayfs'
  try {
    execFileSync('unshare', ['--mount', '--pid', '--fork', '--net', '--cgroup', 'true'], { stdio: 'ignore' })
    return undefined
  } catch {
    return 'needs the right to make namespaces'
  }
}

/** A machine inside this one, with a systemd of its own; see systemd-box.sh. */
export interface SystemdBox {
  /** Runs a shell line in it as root. */
  sh(line: string): Promise<Ended>
  /** Ends it and removes every trace. */
  stop(): Promise<void>
}

/** @param source shown in it as /opt/source, read-only */
export async function startSystemdBox(source: string): Promise<SystemdBox> {
  const place = await mkdtemp(join(tmpdir(), 'headroom-box-'))
  const script = resolve(import.meta.dirname, 'systemd-box.sh')
  const box = spawn('bash', [script, place, source], { stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  box.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text
  })
  const anchor = box.pid
  if (anchor === undefined) throw new Error(`${script} does not start`)
  const stop = async (): Promise<void> => {
    if (box.exitCode === null && box.signalCode === null) {
      const ended = once(box, 'exit')
      box.kill('SIGKILL')
      await ended
    }
    await waitFor(10_000, 'the cgroups of the box to be empty', () => Promise.resolve(cgroupsRemoved(anchor)))
    await rm(place, { recursive: true, force: true })
  }
  const sh = async (line: string): Promise<Ended> => {
    // The anchor's only child is the box's process 1.
    const [first = ''] = readFileSync(`/proc/${anchor}/task/${anchor}/children`, 'utf8').split(' ')
    return execute('nsenter', ['--target', first, '--all', 'sh', '-c', line], { PATH: path }, '/')
  }
  try {
    await waitFor(30_000, 'systemd to be up', async () => {
      if (box.exitCode !== null) throw new Error(`the box ended: ${said}`)
      return (await sh('[ -S /run/systemd/private ] && systemctl is-active --quiet basic.target')).code === 0
    })
    await sh('systemctl start systemd-journald')
  } catch (error) {
    await stop()
    throw error
  }
  return { sh, stop }
}

function cgroupsRemoved(anchor: number): boolean {
  const name = `headroom-box-${anchor}`
  const places = ['/sys/fs/cgroup', ...readdirSync('/sys/fs/cgroup').map((each) => join('/sys/fs/cgroup', each))]
  return places.map((place) => removeTree(join(place, name))).every(Boolean)
}

/** cgroups are removed from the innermost outwards; one that still has a process stays. */
function removeTree(directory: string): boolean {
  if (!existsSync(directory)) return true
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    if (entry.isDirectory()) removeTree(join(directory, entry.name))
  }
  try {
    rmdirSync(directory)
    return true
  } catch {
    return false
  }
}
