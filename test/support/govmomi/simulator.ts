import { execFile, spawn } from 'node:child_process'
import { createHash, X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'

import { z } from 'zod'

import { cacheDirectory } from '../guest/guest-image.js'
import { makeCertificate } from '../self-signed.js'

const run = promisify(execFile)

export interface SimulatorOptions {
  /** A vCenter with several hosts, in place of one ESXi host. */
  readonly vcenter?: boolean
  /** VMs of each resource pool. */
  readonly machines?: number
  /** Sessions that are idle for so long end. */
  readonly sessionIdleMs?: number
}

/** govmomi's simulator, built from Debian's packages. Its figures are canned noise: their shape counts, not their values. */
export interface Simulator {
  readonly url: URL
  readonly user: string
  readonly password: string
  readonly caPem: string
  readonly thumbprint: string
  stop(): Promise<void>
}

const listening = z.object({ url: z.url() })

export async function startSimulator(options: SimulatorOptions = {}): Promise<Simulator> {
  const { vcenter = false, machines = 2, sessionIdleMs = 3_600_000 } = options
  const program = await simulatorProgram()
  const directory = await mkdtemp(join(cacheDirectory, 'vcsim-'))
  const { key, cert } = await makeCertificate()
  const [user, password] = ['reader@vsphere.local', 'geheim & <lang>']
  await writeFile(join(directory, 'cert.pem'), cert)
  await writeFile(join(directory, 'key.pem'), key, { mode: 0o600 })
  const words = [
    `-vcenter=${vcenter}`,
    `-machines=${machines}`,
    `-session-idle=${sessionIdleMs}ms`,
    `-user=${user}`,
    `-password=${password}`,
    `-certificate=${join(directory, 'cert.pem')}`,
    `-key=${join(directory, 'key.pem')}`,
  ]
  const child = spawn(program, words, { stdio: ['pipe', 'pipe', 'inherit'] })
  const ended = once(child, 'exit')
  const stop = async (): Promise<void> => {
    child.stdin.end()
    await ended
    await rm(directory, { recursive: true, force: true })
  }
  const [line] = await Promise.race([once(createInterface({ input: child.stdout }), 'line'), ended.then(() => [''])])
  if (line === '') {
    await stop()
    throw new Error('the simulator did not start')
  }
  const { url } = listening.parse(JSON.parse(String(line)))
  const { fingerprint256: thumbprint } = new X509Certificate(cert)
  return { url: new URL(url), user, password, caPem: cert, thumbprint, stop }
}

/** Builds the program, or takes it from the cache: that takes half a minute of CPU. */
export async function simulatorProgram(): Promise<string> {
  const source = join(import.meta.dirname, 'main.go')
  const packages = ['golang-github-vmware-govmomi-dev', 'golang-go']
  const { stdout: versions } = await run('dpkg-query', ['-W', '-f', '${Package} ${Version}\n', ...packages])
  const hash = createHash('sha256')
    .update(versions)
    .update(await readFile(source))
    .digest('hex')
    .slice(0, 16)
  const program = join(cacheDirectory, `vcsim-${hash}`)
  if (existsSync(program)) return program
  await mkdir(cacheDirectory, { recursive: true })
  const work = await mkdtemp(join(cacheDirectory, 'go-'))
  try {
    const env = {
      PATH: process.env['PATH'] ?? '',
      HOME: work,
      GO111MODULE: 'off',
      GOPATH: '/usr/share/gocode',
      GOCACHE: join(work, 'cache'),
      GOFLAGS: '-trimpath',
    }
    await run('go', ['build', '-o', join(work, 'vcsim'), source], { env })
    await rename(join(work, 'vcsim'), program)
  } finally {
    await rm(work, { recursive: true, force: true })
  }
  return program
}
